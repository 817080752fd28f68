/** What a message carries, in the contract's kinds. */
import { proto } from 'baileys'

import { type Selected, selectedOf } from './answers.ts'
import { type FileContent, fileOf } from './attachments.ts'
import { businessOf, type Shown } from './business.ts'
import { withoutPictures } from './cards.ts'
import { FIELDS, type Forwarding, PROTOCOL_TYPES } from './fields.ts'
import { type AlbumContent, albumOf, type EventContent, eventOf, noticeOf, type NoticeText } from './notices.ts'
import { type Button, type Row, textOf as joined } from './offers.ts'
import { adOf, contextOf } from './references.ts'

const { Type } = proto.Message.ProtocolMessage

/** What a message offers beside its text: absent where it offers nothing. */
interface Offered {
  buttons?: Button[]
  rows?: Row[]
}

export type Content =
  | (FileContent & Offered)
  | ({ kind: 'text'; text: string; link_preview?: LinkPreview; selected?: Selected } & Offered)
  | NoticeText
  | LocationContent
  | { kind: 'contacts'; vcards: string[] }
  | { kind: 'poll'; question: string; options: string[]; selectable: number }
  | EventContent
  | AlbumContent
  | { kind: 'unsupported'; whatsapp_type: string }

interface LocationContent {
  kind: 'location'
  latitude: number
  longitude: number
  name: string | null
  address: string | null
  /** It moves; `caption` is what its sender wrote beside it. */
  live?: true
  caption?: string | null
}

interface LinkPreview {
  url: string
  title: string
  description: string | null
}

/**
 * What a backend sees of a message without its wrappers, or null. Protocol messages are told as changes, or are between devices.
 * A file that nobody can fetch, because the message does not say where it lies, is no file (but an edit need not repeat that).
 */
export function contentOf(message: proto.IMessage, { isEdit = false } = {}): Content | null {
  if (message.protocolMessage != null) return protocolOf(message.protocolMessage)
  const file = fileOf(message)
  if (file !== null && (isEdit || file.media.lies !== null)) return file
  const known = textOf(message) ?? locationOf(message) ?? contactsOf(message) ?? pollOf(message) ?? eventOf(message) ?? albumOf(message)
  return known ?? offeredOf(message) ?? noticeOf(message) ?? unsupported(message)
}

function protocolOf({ type }: proto.Message.IProtocolMessage): Content | null {
  const name = Type[type ?? 0] ?? ''
  return PROTOCOL_TYPES[name] === 'unsupported' ? { kind: 'unsupported', whatsapp_type: 'protocolMessage' } : null
}

/** By the name of what is in it; null of nothing but keys between devices. `unknown`: a field that this WAProto does not know. */
function unsupported(message: proto.IMessage): Content | null {
  const name = Object.entries(message).find(([field, value]) => value != null && FIELDS[field]?.is !== 'silent')?.[0]
  if (name !== undefined) return { kind: 'unsupported', whatsapp_type: name }
  return message.senderKeyDistributionMessage != null ? null : { kind: 'unsupported', whatsapp_type: 'unknown' }
}

/** How a message may be passed on, and the name of what it is. What we do not know, phones would not show. */
export function forwardingOf(message: proto.IMessage): { how: Forwarding; name: string } {
  const content = contentOf(message)
  if (content === null || content.kind === 'unsupported') return { how: 'no', name: content?.whatsapp_type ?? 'protocolMessage' }
  if (content.kind === 'text' && content.text === '') return { how: 'no', name: 'extendedTextMessage without a text' }
  const entry = Object.entries(message).find(([field, value]) => value != null && FIELDS[field]?.is === 'content')
  const treatment = entry && FIELDS[entry[0]]
  return { how: treatment?.is === 'content' ? treatment.forwards : 'no', name: entry?.[0] ?? 'unknown' }
}

/** A text, or the text of the button or the row that somebody chose. */
function textOf(message: proto.IMessage): Content | null {
  const { conversation, extendedTextMessage } = message
  const text = extendedTextMessage?.text || conversation
  if (!text)
    return answerOf(message) ?? (adOf(contextOf(message)) !== null && extendedTextMessage != null ? { kind: 'text', text: '' } : null)
  const preview = previewOf(extendedTextMessage)
  return preview ? { kind: 'text', text, link_preview: preview } : { kind: 'text', text }
}

function answerOf(message: proto.IMessage): Content | null {
  const selected = selectedOf(message)
  if (selected === null) return null
  const { text, ...more } = selected
  const saysMore = Object.values(more).some((value) => value !== null && value !== '')
  return { kind: 'text', text: text || selected.id || '', ...(saysMore ? { selected } : {}) }
}

function previewOf(text: proto.Message.IExtendedTextMessage | null | undefined): LinkPreview | undefined {
  const url = text?.matchedText
  return url && text.title ? { url, title: text.title, description: text.description ?? null } : undefined
}

/** A business's message: its text under a file is that file's caption, as phones show it. */
function offeredOf(message: proto.IMessage): Content | null {
  const shown = businessOf(message)
  if (shown === null) return null
  const text = joined(shown.lines)
  const file = shown.header === null ? null : fileOf(shown.header)
  if (file === null || !('caption' in file) || file.media.lies === null) return { kind: 'text', text, ...offers(shown) }
  return { ...file, caption: text || file.caption, ...offers(shown) }
}

function offers({ buttons, rows }: Shown): Offered {
  return { ...(buttons.length > 0 ? { buttons } : {}), ...(rows.length > 0 ? { rows } : {}) }
}

function locationOf({ locationMessage: place, liveLocationMessage: moving }: proto.IMessage): LocationContent | null {
  const { degreesLatitude: latitude, degreesLongitude: longitude } = place ?? moving ?? {}
  if (latitude == null || longitude == null || !Number.isFinite(latitude) || !Number.isFinite(longitude)) return null
  const where = { kind: 'location' as const, latitude, longitude, name: place?.name || null, address: place?.address || null }
  const caption = place?.comment || moving?.caption
  return { ...where, ...(moving != null || place?.isLive ? { live: true } : {}), ...(caption ? { caption } : {}) }
}

function contactsOf({ contactMessage, contactsArrayMessage }: proto.IMessage): Content | null {
  const contacts = contactMessage == null ? (contactsArrayMessage?.contacts ?? []) : [contactMessage]
  const vcards = contacts.flatMap(({ vcard }) => (vcard ? [vcard] : []))
  return vcards.length === 0 ? null : { kind: 'contacts', vcards: withoutPictures(vcards) }
}

/** The poll in a message; WhatsApp has had several fields for it. */
export function pollCreationOf(message: proto.IMessage): proto.Message.IPollCreationMessage | null {
  const { pollCreationMessage, pollCreationMessageV2, pollCreationMessageV3, pollCreationMessageV5 } = message
  const { pollCreationMessageV6 } = message as { pollCreationMessageV6?: proto.Message.IPollCreationMessage | null }
  return pollCreationMessage ?? pollCreationMessageV2 ?? pollCreationMessageV3 ?? pollCreationMessageV5 ?? pollCreationMessageV6 ?? null
}

export function optionsOf(poll: proto.Message.IPollCreationMessage): string[] {
  return (poll.options ?? []).map(({ optionName }) => optionName ?? '')
}

function pollOf(message: proto.IMessage): Content | null {
  const poll = pollCreationOf(message)
  if (poll === null) return null
  return { kind: 'poll', question: poll.name ?? '', options: optionsOf(poll), selectable: poll.selectableOptionsCount ?? 0 }
}
