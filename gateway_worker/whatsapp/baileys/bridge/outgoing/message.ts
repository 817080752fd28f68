/** Outgoing messages: from the port's words to WAProto. Nothing is fetched for them. */
import { createHmac } from 'node:crypto'

import {
  type AnyMessageContent,
  type AuthenticationCreds,
  generateWAMessage,
  generateWAMessageFromContent,
  getContentType,
  isJidGroup,
  jidNormalizedUser,
  proto,
  type WAMessage,
  type WAMessageKey
} from 'baileys'

import { headerOf } from '../words/business.ts'
import { contentOf as describedOf, forwardingOf } from '../words/content.ts'
import { type FileContent, fileMessage, isFile, mentionsOf } from './files.ts'
import type { SendArguments } from '../channel/calls.ts'
import type { SendFlags } from '../channel/flags.ts'
import { CallError } from '../channel/peer.ts'
import type { Sent } from '../signal/store.ts'
import { secretOf as secretIn } from '../words/secrets.ts'
import { voteOf } from './votes.ts'
import { disappearing, type Timer, timerSetting } from '../words/timers.ts'
import { isViewOnce, unwrap } from '../words/wrappers.ts'

interface LinkPreview {
  url: string
  title: string
  description?: string | null
}

type Text = { kind: 'text'; text: string; link_preview?: LinkPreview | null }

export type OutgoingContent =
  | Text
  | { kind: 'location'; latitude: number; longitude: number; name?: string | null; address?: string | null }
  | { kind: 'contacts'; cards: { name: string; vcard: string }[] }
  | { kind: 'poll'; question: string; options: string[]; selectable: number }
  | { kind: 'edit'; content: Text }
  | { kind: 'revocation' }
  | { kind: 'reaction'; emoji: string }
  /** For so long; null: no longer. */
  | { kind: 'pin'; seconds: 86_400 | 604_800 | 2_592_000 | null }
  | { kind: 'vote'; options: string[] }
  | { kind: 'forwarding' }
  /** The chat has another timer. */
  | { kind: 'timer'; timer: Timer }
  /** Exactly what was encrypted before. */
  | { kind: 'repetition' }
  | FileContent

export type OutgoingArguments = SendArguments & { content: OutgoingContent; flags: SendFlags }

/** Where a message goes: the chat, and our own address there. */
export interface Destination {
  jid: string
  own: string
}

/** Builds the WAProto message; `args` names people as the chat does. `plaintext` is the serialised original. */
export async function messageOf(
  args: OutgoingArguments,
  { jid, own: userJid }: Destination,
  credentials: AuthenticationCreds,
  plaintext: Uint8Array | undefined
): Promise<proto.IMessage> {
  const { content } = args
  if (content.kind === 'repetition') return repeated(plaintext)
  if (content.kind === 'timer') return timerSetting(content.timer)
  if (content.kind === 'edit' && plaintext !== undefined) return recaptioned(args, jid, content.content.text, plaintext)
  if (content.kind === 'vote') return voted(args, content.options, { jid, own: userJid }, plaintext)
  const quoted = content.kind in QUOTES || isFile(content) ? originalOf(args, jid, plaintext) : undefined
  const own = { userJid, messageId: args.message_id, ...(quoted ? { quoted } : {}) }
  const upload = (): Promise<never> => Promise.reject(new CallError('unsupported_content'))
  const { message } = isFile(content)
    ? generateWAMessageFromContent(jid, withSecret(fileMessage(content, args), args, credentials), own)
    : await generateWAMessage(jid, contentOf(args, jid, credentials, plaintext), { ...own, upload })
  if (message == null) throw new CallError('unsupported_content')
  if (content.kind in QUOTES) mention(message, mentionsOf(args))
  return args.timer === null ? message : disappearing(message, args.timer)
}

/** The kinds whose original is quoted. */
const QUOTES: Record<string, true> = { text: true, location: true, contacts: true, poll: true }

/** Baileys adds mentions to a message's first field, which of a poll is not what the poll is in. */
function mention(message: proto.IMessage, mentioned: proto.IContextInfo | null): void {
  if (mentioned === null) return
  const name = getContentType(message)
  const part = name === undefined ? undefined : (message[name] as { contextInfo?: proto.IContextInfo | null } | null | undefined)
  if (part == null) throw new CallError('unsupported_content')
  part.contextInfo = { ...part.contextInfo, ...mentioned }
}

function contentOf(
  args: OutgoingArguments,
  jid: string,
  credentials: AuthenticationCreds,
  plaintext: Uint8Array | undefined
): AnyMessageContent {
  const { content } = args
  switch (content.kind) {
    case 'text':
      return textOf(content)
    case 'location':
      return { location: placeOf(content) }
    case 'contacts':
      return { contacts: cardsOf(content.cards) }
    case 'poll':
      return {
        poll: {
          name: content.question,
          values: content.options,
          selectableCount: content.selectable,
          messageSecret: secretOf(args.message_id, credentials)
        }
      }
    case 'edit':
      return { ...textOf(content.content), edit: keyOf(args, jid) }
    case 'revocation':
      return { delete: keyOf(args, jid) }
    case 'reaction':
      return { react: { text: content.emoji, key: keyOf(args, jid) } }
    case 'pin':
      return pinOf(content.seconds, keyOf(args, jid))
    case 'forwarding':
      return { forward: forwarded(args, jid, plaintext), force: true }
    default:
      throw new CallError('unsupported_content')
  }
}

const { PIN_FOR_ALL, UNPIN_FOR_ALL } = proto.Message.PinInChatMessage.Type

function pinOf(seconds: 86_400 | 604_800 | 2_592_000 | null, key: WAMessageKey): AnyMessageContent {
  if (seconds === null) return { pin: key, type: UNPIN_FOR_ALL as never }
  return { pin: key, type: PIN_FOR_ALL as never, time: seconds }
}

function textOf({ text, link_preview: preview }: Text): { text: string; linkPreview: never } {
  const shown = preview && {
    'canonical-url': preview.url,
    'matched-text': preview.url,
    title: preview.title,
    ...(preview.description ? { description: preview.description } : {})
  }
  return { text, linkPreview: (shown ?? null) as never }
}

function placeOf({ latitude, longitude, name, address }: OutgoingContent & { kind: 'location' }): proto.Message.ILocationMessage {
  return {
    degreesLatitude: latitude,
    degreesLongitude: longitude,
    ...(name ? { name } : {}),
    ...(address ? { address } : {})
  }
}

function cardsOf(cards: { name: string; vcard: string }[]): { displayName: string; contacts: proto.Message.IContactMessage[] } {
  const contacts = cards.map(({ name, vcard }) => ({ displayName: name, vcard }))
  const [first] = cards
  return { displayName: cards.length === 1 && first ? first.name : `${cards.length} contacts`, contacts }
}

/** Votes are bound to it. The same message sent again after a crash must have the same, so it is no random number. */
function secretOf(messageId: string, credentials: AuthenticationCreds): Buffer {
  return createHmac('sha256', credentials.advSecretKey).update(`message secret ${messageId}`).digest()
}

function withSecret(message: proto.IMessage, args: OutgoingArguments, credentials: AuthenticationCreds): proto.IMessage {
  return { ...message, messageContextInfo: { messageSecret: secretOf(args.message_id, credentials) } }
}

function repeated(plaintext: Uint8Array | undefined): proto.IMessage {
  if (plaintext === undefined) throw new CallError('unsupported_content')
  return proto.Message.decode(plaintext)
}

/** The original as WhatsApp names it: who wrote it is said in groups only. */
function keyOf({ original }: OutgoingArguments, jid: string): WAMessageKey {
  if (original === null) throw new CallError('unsupported_content')
  const { message_id: id, from_me: fromMe, sender } = original
  return { remoteJid: jid, id, fromMe, ...(isJidGroup(jid) === true && !fromMe ? { participant: sender } : {}) }
}

function originalOf({ original }: OutgoingArguments, jid: string, plaintext: Uint8Array | undefined): WAMessage | undefined {
  if (original === null || plaintext === undefined) return undefined
  const key = { remoteJid: jid, id: original.message_id, fromMe: original.from_me, participant: original.sender }
  return { key, message: saying(original.edited, proto.Message.decode(plaintext)) }
}

/** What goes to who could not read a message of ours: what it says now. */
export function sentAgain({ plaintext, edited }: Sent): proto.IMessage {
  return saying(edited, proto.Message.decode(plaintext))
}

/** The message with the text or the caption that an edit gave it. */
function saying(edited: string | null, message: proto.IMessage): proto.IMessage {
  if (edited === null) return message
  const inner = unwrap(message)
  if (inner.conversation) inner.conversation = edited
  if (inner.extendedTextMessage) inner.extendedTextMessage = { ...inner.extendedTextMessage, ...NO_PREVIEW, text: edited }
  const captioned = inner.imageMessage ?? inner.videoMessage ?? inner.documentMessage
  if (captioned) captioned.caption = edited
  return message
}

/** A caption is edited by sending the message of its file once more, as WhatsApp's clients do. */
function recaptioned(args: OutgoingArguments, jid: string, caption: string, plaintext: Uint8Array): proto.IMessage {
  const original = proto.Message.decode(plaintext)
  if (isViewOnce(original)) throw new CallError('not_forwardable')
  const { messageContextInfo: _, ...editedMessage } = saying(caption, original)
  const type = proto.Message.ProtocolMessage.Type.MESSAGE_EDIT
  return { protocolMessage: { key: keyOf(args, jid), editedMessage, timestampMs: Date.now(), type } }
}

/** What was sent as a poll, by us or another, has the secret. */
function voted(
  args: OutgoingArguments,
  options: readonly string[],
  { jid, own }: Destination,
  plaintext: Uint8Array | undefined
): proto.IMessage {
  const { original } = args
  const secret = plaintext === undefined ? null : secretIn(proto.Message.decode(plaintext))
  if (original === null || secret === null) throw new CallError('unsupported_content')
  const [sealer, author] = [own, original.from_me ? own : original.sender].map((address) => jidNormalizedUser(address))
  return voteOf(options, keyOf(args, jid), { id: original.message_id, secret, author: author ?? '', sealer: sealer ?? '' })
}

/** An edited text need not have the link any more that its preview was of. */
const NO_PREVIEW = { matchedText: null, title: null, description: null, jpegThumbnail: null }

/** The original without what belonged to its first sending. */
function forwarded(args: OutgoingArguments, jid: string, plaintext: Uint8Array | undefined): WAMessage {
  const original = originalOf(args, jid, plaintext)
  if (original?.message == null) throw new CallError('unsupported_content')
  if (isViewOnce(original.message)) throw new CallError('not_forwardable')
  const { messageContextInfo: _, ...content } = unwrap(original.message)
  const { how, name } = forwardingOf(content)
  if (how === 'no') throw new CallError('not_forwardable', { type: name })
  return { ...original, message: how === 'text' ? wordsOf(content, name) : content }
}

/** What a phone shows of a message whose buttons work for its first recipient alone: its text, and the file above that. */
function wordsOf(message: proto.IMessage, name: string): proto.IMessage {
  const described = describedOf(message)
  if (described?.kind === 'text' && described.text !== '') return { conversation: described.text }
  const [field, file] = Object.entries(headerOf(message) ?? {})[0] ?? []
  if (field === undefined || described === null || !('caption' in described)) throw new CallError('not_forwardable', { type: name })
  return { [field]: { ...file, caption: described.caption } }
}
