/**
 * The secret that a message brings: what others later do to it is sealed with a key that follows from it.
 *
 * Phones put it into the context of the message itself, beside the copy that their own companions get, or, in what they
 * keep and pass on, beside the whole message.
 */
import type { proto } from 'baileys'

import { isId, isJid } from './limits.ts'
import { contextOf } from './references.ts'
import { layersOf } from './wrappers.ts'

const MAX_SECRET_BYTES = 256

/** The context of a message, merged of all its layers as WhatsApp Web does: what lies further inside says more. */
export function messageContextOf(message: proto.IMessage): proto.IMessageContextInfo {
  const contexts = layersOf(message).map(({ message: { messageContextInfo } }) => Object.entries(messageContextInfo ?? {}))
  return Object.fromEntries(contexts.flat().filter(([, value]) => isSaid(value)))
}

function isSaid(value: unknown): boolean {
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length > 0
  return value != null
}

export function secretOf(message: proto.IMessage): Uint8Array | null {
  const { messageSecret } = messageContextOf(message)
  return messageSecret && messageSecret.length <= MAX_SECRET_BYTES ? messageSecret : null
}

/** A message that another one quotes. */
export interface Quoted {
  id: string
  author: string
  /** What is needed of it to open what is sealed about it. */
  message: proto.IMessage
}

/** The quoted message, where its secret came with the quote; `message` is without its wrappers. */
export function quotedIn(message: proto.IMessage): Quoted | null {
  const { stanzaId, participant, quotedMessage } = contextOf(message) ?? {}
  const messageSecret = quotedMessage == null ? null : secretOf(quotedMessage)
  if (messageSecret === null || !isId(stanzaId) || !isJid(participant)) return null
  return { id: stanzaId, author: participant, message: { messageContextInfo: { messageSecret } } }
}

/** A message as a phone passes it on, with the secret that the phone keeps beside it. */
export function withSecret({ message, messageSecret }: proto.IWebMessageInfo): proto.IMessage {
  const { ...whole } = message ?? {}
  if (!messageSecret?.length || messageSecret.length > MAX_SECRET_BYTES || secretOf(whole) !== null) return whole
  return { ...whole, messageContextInfo: { ...whole.messageContextInfo, messageSecret } }
}
