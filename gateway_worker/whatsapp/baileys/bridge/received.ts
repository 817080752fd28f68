/** What an incoming stanza says, in the port's words. */
import {
  areJidsSameUser,
  type AuthenticationCreds,
  type BinaryNode,
  type Contact,
  decodeMessageNode,
  isJidBroadcast,
  isJidGroup,
  isJidNewsletter,
  isLidUser,
  jidNormalizedUser,
  proto
} from 'baileys'

import { type Mapping, personOf, phoneOf } from './addresses.ts'
import type { Entry, EntryKey } from './store.ts'

/** One encrypted part of a stanza. */
export interface IncomingPart {
  key: EntryKey
  stanza: BinaryNode
  /** The stanza may have been decrypted before: it waited in WhatsApp's queue. */
  mayBeKnown: boolean
}

type Content = { kind: 'text'; text: string; link_preview?: LinkPreview } | { kind: 'unsupported'; whatsapp_type: string }

interface LinkPreview {
  url: string
  title: string
  description: string | null
}

/** Wrappers around a message that a backend need not know of. */
const WRAPPERS = [
  'deviceSentMessage',
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage'
] as const

/** Fields that carry no content of their own. */
const SILENT_FIELDS = new Set(['messageContextInfo', 'senderKeyDistributionMessage', 'fastRatchetKeySenderKeyDistributionMessage'])

const { Type } = proto.Message.ProtocolMessage
/** Protocol messages a backend will see; all others are between devices. */
const TOLD_PROTOCOL_TYPES = new Set<unknown>([Type.REVOKE, Type.MESSAGE_EDIT])

const MAX_WRAPPING = 8

export class Incoming {
  readonly #parts = new WeakMap<object, IncomingPart>()
  readonly #credentials: () => AuthenticationCreds

  constructor(credentials: () => AuthenticationCreds) {
    this.#credentials = credentials
  }

  /** Notes the encrypted parts of a stanza: the Signal repository is given nothing but their bytes. */
  observe(stanza: BinaryNode): void {
    const { id, from, participant, recipient, offline } = stanza.attrs
    if (!Array.isArray(stanza.content) || id === undefined || from === undefined) return
    const parts = stanza.content.filter((child) => child.tag === 'enc' && child.content instanceof Uint8Array)
    for (const [index, part] of parts.entries()) {
      const key = { chat: recipient || from, sender: participant || from, message_id: id, index }
      this.#parts.set(part.content as Uint8Array, { key, stanza, mayBeKnown: offline !== undefined })
    }
  }

  partOf(ciphertext: Uint8Array): IncomingPart | undefined {
    return this.#parts.get(ciphertext)
  }

  /** A decrypted part as `ReceivedMessage` of the port, or null when no backend sees it. */
  async describe({ stanza }: IncomingPart, plaintext: Uint8Array, mapping: Mapping): Promise<unknown> {
    const { me } = this.#credentials()
    if (me === undefined || stanza.attrs['category'] === 'peer') return null
    const { fullMessage, author } = decodeMessageNode(stanza, me.id, me.lid ?? '')
    const { remoteJid, remoteJidAlt, participantAlt, fromMe } = fullMessage.key
    const isGroup = isJidGroup(remoteJid ?? '') === true
    const envelope = {
      id: stanza.attrs['id'] ?? '',
      chat: remoteJid ?? '',
      chatAlternative: remoteJidAlt ?? undefined,
      author,
      authorAlternative: (isGroup ? participantAlt : fromMe ? me.lid : remoteJidAlt) ?? undefined,
      fromMe: fromMe === true,
      pushName: stanza.attrs['notify'],
      timestamp: Number(stanza.attrs['t'] ?? 0)
    }
    return received(envelope, proto.Message.decode(plaintext), mapping)
  }

  /**
   * Messages our phone sends once more because WhatsApp had them for it only (answers to advertisements are such): they
   * come inside a message between our own devices.
   */
  async resent({ stanza, key }: IncomingPart, plaintext: Uint8Array, mapping: Mapping): Promise<Entry[]> {
    const { me } = this.#credentials()
    const isOurs = [me?.id, me?.lid].some((own) => areJidsSameUser(stanza.attrs['from'], own))
    if (me === undefined || !isOurs) return []
    const response = unwrap(proto.Message.decode(plaintext)).protocolMessage?.peerDataOperationRequestResponseMessage
    const copies = (response?.peerDataOperationResult ?? []).flatMap(({ placeholderMessageResendResponse: copy }) =>
      copy?.webMessageInfoBytes ? [proto.WebMessageInfo.decode(copy.webMessageInfoBytes)] : []
    )
    return Promise.all(copies.map((copy) => entryOfCopy(copy, key.sender, me, mapping)))
  }
}

/** Whose message it is and where it belongs. */
interface Envelope {
  id: string
  chat: string
  chatAlternative: string | undefined
  author: string
  authorAlternative: string | undefined
  fromMe: boolean
  pushName: string | undefined
  timestamp: number
}

async function received(envelope: Envelope, wrapped: proto.IMessage, mapping: Mapping): Promise<unknown> {
  const { chat: chatJid, author } = envelope
  const message = unwrap(wrapped)
  const content = contentOf(message)
  if (content === null || isJidBroadcast(chatJid) || isJidNewsletter(chatJid)) return null
  const isGroup = isJidGroup(chatJid) === true
  const chat = isGroup ? { pn: chatJid, lid: undefined } : await personOf(chatJid, envelope.chatAlternative, mapping)
  const sender = await personOf(author, envelope.authorAlternative, mapping)
  return {
    message_id: envelope.id,
    chat: chat.pn ?? chat.lid ?? jidNormalizedUser(chatJid),
    sender: {
      jid: isLidUser(author) ? (sender.lid ?? author) : (sender.pn ?? author),
      lid: sender.lid ?? null,
      phone: phoneOf(sender.pn),
      push_name: envelope.pushName ?? null
    },
    from_me: envelope.fromMe,
    is_group: isGroup,
    timestamp: envelope.timestamp,
    content,
    ...contextOf(message)
  }
}

async function entryOfCopy(copy: proto.IWebMessageInfo, sender: string, me: Contact, mapping: Mapping): Promise<Entry> {
  const { id, remoteJid, participant, fromMe } = copy.key ?? {}
  const chat = remoteJid ?? ''
  const envelope = {
    id: id ?? '',
    chat,
    chatAlternative: undefined,
    author: fromMe === true ? me.id : (participant ?? copy.participant ?? chat),
    authorAlternative: fromMe === true ? me.lid : undefined,
    fromMe: fromMe === true,
    pushName: copy.pushName ?? undefined,
    timestamp: Number(copy.messageTimestamp ?? 0)
  }
  const message = copy.message ?? {}
  return {
    key: { chat, sender, message_id: envelope.id, index: 0 },
    plaintext: proto.Message.encode(message).finish(),
    message: await received(envelope, message, mapping)
  }
}

/** The message inside its wrappers. */
export function unwrap(message: proto.IMessage): proto.IMessage {
  let inner = message
  for (let depth = 0; depth < MAX_WRAPPING; depth += 1) {
    const wrapped = WRAPPERS.map((name) => inner[name]?.message).find((candidate) => candidate != null)
    if (wrapped == null) return inner
    inner = wrapped
  }
  return inner
}

/** The names of the fields that are set. */
function fieldsOf(message: proto.IMessage): string[] {
  return Object.entries(message)
    .filter(([name, value]) => value != null && !SILENT_FIELDS.has(name))
    .map(([name]) => name)
}

/** What a backend sees of a message, or null. */
export function contentOf(message: proto.IMessage): Content | null {
  const { conversation, extendedTextMessage, protocolMessage } = message
  const text = extendedTextMessage?.text ?? conversation
  if (text != null && text !== '') {
    const preview = previewOf(extendedTextMessage)
    return preview ? { kind: 'text', text, link_preview: preview } : { kind: 'text', text }
  }
  if (protocolMessage != null && !TOLD_PROTOCOL_TYPES.has(protocolMessage.type)) return null
  const [name] = fieldsOf(message)
  if (name !== undefined) return { kind: 'unsupported', whatsapp_type: name }
  // Nothing but keys between devices, or a field this version of WAProto does not know
  return message.senderKeyDistributionMessage != null ? null : { kind: 'unsupported', whatsapp_type: 'unknown' }
}

function previewOf(text: proto.Message.IExtendedTextMessage | null | undefined): LinkPreview | undefined {
  const url = text?.matchedText
  return url && text.title ? { url, title: text.title, description: text.description ?? null } : undefined
}

/** What a message refers to: quote, mentions, forwarded. */
function contextOf(message: proto.IMessage): { quoted_id: string | null; mentions: string[]; forwarded: boolean } {
  const holders = Object.values(message) as ({ contextInfo?: proto.IContextInfo | null } | null | undefined)[]
  const context = holders.find((holder) => typeof holder === 'object' && holder?.contextInfo != null)?.contextInfo
  return {
    quoted_id: context?.stanzaId ?? null,
    mentions: context?.mentionedJid ?? [],
    forwarded: context?.isForwarded === true
  }
}
