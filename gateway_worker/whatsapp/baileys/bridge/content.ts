/** What a message carries, in the contract's kinds. */
import { proto } from 'baileys'

import { type FileContent, fileOf } from './attachments.ts'

export type Content =
  | FileContent
  | { kind: 'text'; text: string; link_preview?: LinkPreview }
  | { kind: 'location'; latitude: number; longitude: number; name: string | null; address: string | null }
  | { kind: 'contacts'; vcards: string[] }
  | { kind: 'poll'; question: string; options: string[]; selectable: number }
  | { kind: 'unsupported'; whatsapp_type: string }

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
  'documentWithCaptionMessage',
  'editedMessage',
  'associatedChildMessage', // one of an album
  'botInvokeMessage',
  'groupMentionedMessage',
  'lottieStickerMessage',
  'pollCreationMessageV4'
] as const
const VIEW_ONCE = ['viewOnceMessage', 'viewOnceMessageV2', 'viewOnceMessageV2Extension'] as const

/** Fields that carry no content of their own. */
const SILENT_FIELDS = new Set(['messageContextInfo', 'senderKeyDistributionMessage', 'fastRatchetKeySenderKeyDistributionMessage'])

const MAX_WRAPPING = 8

/** The message inside its wrappers. */
export function unwrap(message: proto.IMessage): proto.IMessage {
  let inner = message
  for (let depth = 0; depth < MAX_WRAPPING; depth += 1) {
    const wrapped = WRAPPERS.map((name) => inner[name]?.message).find((candidate) => candidate != null)
    if (wrapped == null || Object.keys(wrapped).length === 0) return inner
    inner = wrapped
  }
  return inner
}

/** Whether WhatsApp shows a message once only: one of its wrappers says so, or what is inside. */
export function isViewOnce(message: proto.IMessage): boolean {
  let inner: proto.IMessage | null | undefined = message
  for (let depth = 0; inner != null && depth < MAX_WRAPPING; depth += 1) {
    const here: proto.IMessage = inner
    if (VIEW_ONCE.some((name) => here[name] != null)) return true
    const { imageMessage, videoMessage, audioMessage, extendedTextMessage } = here
    if ([imageMessage, videoMessage, audioMessage, extendedTextMessage].some((part) => part?.viewOnce === true)) return true
    inner = WRAPPERS.map((name) => here[name]?.message).find((candidate) => candidate != null)
  }
  return false
}

/** The names of the fields that are set. */
function fieldsOf(message: proto.IMessage): string[] {
  return Object.entries(message)
    .filter(([name, value]) => value != null && !SILENT_FIELDS.has(name))
    .map(([name]) => name)
}

/**
 * What a backend sees of a message, or null. Protocol messages are told as changes, or are between devices. A file that
 * nobody can fetch, because the message does not say where it lies, is no file (but an edit need not repeat that).
 */
export function contentOf(message: proto.IMessage, { isEdit = false } = {}): Content | null {
  if (message.protocolMessage != null) return null
  const file = fileOf(message)
  if (file !== null && (isEdit || file.media.lies !== null)) return file
  const known = textOf(message) ?? locationOf(message) ?? contactsOf(message) ?? pollOf(message)
  if (known !== null) return known
  const [name] = fieldsOf(message)
  if (name !== undefined) return { kind: 'unsupported', whatsapp_type: name }
  // Nothing but keys between devices, or a field this version of WAProto does not know
  return message.senderKeyDistributionMessage != null ? null : { kind: 'unsupported', whatsapp_type: 'unknown' }
}

/** A text, or the text of the button or the row that somebody chose. */
function textOf(message: proto.IMessage): Content | null {
  const { conversation, extendedTextMessage, buttonsResponseMessage, templateButtonReplyMessage } = message
  const { listResponseMessage, interactiveResponseMessage } = message
  const chosen =
    buttonsResponseMessage?.selectedDisplayText ??
    templateButtonReplyMessage?.selectedDisplayText ??
    listResponseMessage?.title ??
    interactiveResponseMessage?.body?.text
  const text = extendedTextMessage?.text ?? conversation ?? chosen
  if (text == null || text === '') return null
  const preview = previewOf(extendedTextMessage)
  return preview ? { kind: 'text', text, link_preview: preview } : { kind: 'text', text }
}

function previewOf(text: proto.Message.IExtendedTextMessage | null | undefined): LinkPreview | undefined {
  const url = text?.matchedText
  return url && text.title ? { url, title: text.title, description: text.description ?? null } : undefined
}

function locationOf({ locationMessage: place }: proto.IMessage): Content | null {
  if (!Number.isFinite(place?.degreesLatitude) || !Number.isFinite(place?.degreesLongitude)) return null
  return {
    kind: 'location',
    latitude: place?.degreesLatitude ?? 0,
    longitude: place?.degreesLongitude ?? 0,
    name: place?.name || null,
    address: place?.address || null
  }
}

function contactsOf({ contactMessage, contactsArrayMessage }: proto.IMessage): Content | null {
  const contacts = contactMessage == null ? (contactsArrayMessage?.contacts ?? []) : [contactMessage]
  const vcards = contacts.flatMap(({ vcard }) => (vcard ? [vcard] : []))
  return vcards.length === 0 ? null : { kind: 'contacts', vcards }
}

/** The poll in a message; WhatsApp has had several fields for it. */
export function pollCreationOf(message: proto.IMessage): proto.Message.IPollCreationMessage | null {
  const { pollCreationMessage, pollCreationMessageV2, pollCreationMessageV3, pollCreationMessageV5 } = message
  return pollCreationMessage ?? pollCreationMessageV2 ?? pollCreationMessageV3 ?? pollCreationMessageV5 ?? null
}

export function optionsOf(poll: proto.Message.IPollCreationMessage): string[] {
  return (poll.options ?? []).map(({ optionName }) => optionName ?? '')
}

function pollOf(message: proto.IMessage): Content | null {
  const poll = pollCreationOf(message)
  if (poll === null) return null
  return { kind: 'poll', question: poll.name ?? '', options: optionsOf(poll), selectable: poll.selectableOptionsCount ?? 0 }
}

/** What a message refers to: quote, mentions, forwarded. */
export function contextOf(message: proto.IMessage): { quoted_id: string | null; mentions: string[]; forwarded: boolean } {
  const holders = Object.values(message) as ({ contextInfo?: proto.IContextInfo | null } | null | undefined)[]
  const context = holders.find((holder) => typeof holder === 'object' && holder?.contextInfo != null)?.contextInfo
  return {
    quoted_id: context?.stanzaId ?? null,
    mentions: context?.mentionedJid ?? [],
    forwarded: context?.isForwarded === true
  }
}
