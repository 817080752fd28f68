/** A message and what it is wrapped in. Which fields are wrappers, `fields.ts` and WAProto itself say. */
import { proto } from 'baileys'

import { FIELDS } from './fields.ts'

const { FutureProofMessage } = proto.Message

const VIEW_ONCE = ['viewOnceMessage', 'viewOnceMessageV2', 'viewOnceMessageV2Extension'] as const
/** Layers that are looked at. */
const MAX_WRAPPING = 8

/** A message of any WAProto. */
export type Layer = proto.IMessage & Record<string, unknown>

interface Wrapped {
  name: string
  message: Layer
}

function wrappedIn(layer: Layer): Wrapped | null {
  for (const [name, value] of Object.entries(layer)) {
    if (FIELDS[name] === undefined ? !(value instanceof FutureProofMessage) : FIELDS[name].is !== 'wrapper') continue
    const message = (value as { message?: Layer | null } | null | undefined)?.message
    if (message != null) return { name, message }
  }
  return null
}

/** A message and what it is in, the outermost first: the name is of the field of the one before it. */
export function layersOf(message: proto.IMessage): Wrapped[] {
  const layers: Wrapped[] = [{ name: '', message: message as Layer }]
  for (let inner = wrappedIn(message as Layer); inner !== null && layers.length <= MAX_WRAPPING; inner = wrappedIn(inner.message)) {
    layers.push(inner)
  }
  return layers
}

/** The message inside its wrappers; of an empty one, the innermost wrapper. */
export function unwrap(message: proto.IMessage): proto.IMessage {
  const layers = layersOf(message).map((layer) => layer.message)
  return layers.findLast((layer, depth) => depth === 0 || Object.keys(layer).length > 0) ?? message
}

/** What a message is, beside what is in it: the names of those of its wrappers that tell it. */
export function wrappersOf(message: proto.IMessage): string[] {
  const names = layersOf(message).map(({ name }) => name)
  return names.filter((name) => name !== '' && (FIELDS[name] === undefined || (FIELDS[name].is === 'wrapper' && FIELDS[name].isShown)))
}

/** What businesses send lies in such a wrapper too, and is shown as often as one likes. */
function isOffer(message: proto.IMessage): boolean {
  return Object.keys(message).some((name) => FIELDS[name]?.is === 'content' && FIELDS[name].forwards === 'text')
}

/** Whether WhatsApp shows a message once only: one of its wrappers says so, or what is inside. */
export function isViewOnce(message: proto.IMessage): boolean {
  if (isOffer(unwrap(message))) return false
  return layersOf(message).some(({ message: here }) => {
    const { imageMessage, videoMessage, audioMessage, extendedTextMessage } = here
    const parts = [imageMessage, videoMessage, audioMessage, extendedTextMessage]
    return VIEW_ONCE.some((name) => here[name] != null) || parts.some((part) => part?.viewOnce === true)
  })
}

/** Which message this one is a part of, or belongs to, as any of its layers says. */
export function associationOf(message: proto.IMessage): proto.IMessageAssociation | null {
  const found = layersOf(message).map(({ message: { messageContextInfo: about } }) => about?.messageAssociation)
  return found.find((association) => association?.parentMessageKey?.id != null) ?? null
}
