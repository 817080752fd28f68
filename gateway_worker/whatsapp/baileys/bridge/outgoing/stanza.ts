/**
 * What the stanza of a message says beside what is encrypted in it, as WhatsApp Web says it: the one place that knows.
 *
 * WhatsApp's server cannot read a message: it decides by these words what to do with it, and drops what they do not fit.
 * Sources: `WAWebE2EProtoUtils` and `WAWebBackendJobsCommon` as whatsapp-rust names them (`wacore/src/send.rs`), and
 * whatsmeow of August 2026 (`send.go`); where they differ, the table of `stanza.test.ts` says so.
 */
import { type BinaryNode, proto } from 'baileys'

import { BoundedMap } from '../words/bounded.ts'
import { SECRET_ENC_TYPES } from '../words/newer.ts'
import type { Sender } from '../patches/sender.ts'
import { unwrap } from '../words/wrappers.ts'

export interface Outside {
  type: 'text' | 'media' | 'reaction' | 'poll' | 'event'
  /** Of the encrypted part: what it shows. */
  mediatype: string | null
  /** Who cannot decrypt it shows nothing: it only changes something. */
  isHidden: boolean
  /** What it does to an earlier message: `1` edits, `2` pins, `7` deletes an own one, `8` deletes another's as an admin. */
  edit: string | null
  meta: Record<string, string> | null
}

type Words = Partial<Outside>
type Part<K extends keyof proto.IMessage> = NonNullable<proto.IMessage[K]>
type Rules = { [K in keyof proto.IMessage]?: Words | ((part: Part<K>) => Words) }

const NOTHING_SPECIAL: Outside = { type: 'text', mediatype: null, isHidden: false, edit: null, meta: null }
const CREATES_POLL: Words = { type: 'poll', meta: { polltype: 'creation' } }

const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type
const { UNDO_KEEP_FOR_ALL } = proto.KeepType

function media(mediatype: string): Words {
  return { type: 'media', mediatype }
}

/** By the field that a message has; the first that it has decides. */
const RULES: Rules = {
  reactionMessage: ({ text }) => ({ type: 'reaction', isHidden: true, edit: text ? null : '7' }),
  encReactionMessage: { type: 'reaction', isHidden: true },
  eventMessage: { type: 'event', meta: { event_type: 'creation' } },
  encEventResponseMessage: { type: 'event', isHidden: true, meta: { event_type: 'response' } },
  secretEncryptedMessage: ({ secretEncType }) => {
    const kind: unknown = secretEncType
    if (kind === SECRET_ENC_TYPES.EVENT_EDIT) return { type: 'event', isHidden: true, edit: '1', meta: { event_type: 'edit' } }
    return kind === SECRET_ENC_TYPES.POLL_EDIT ? { type: 'poll', isHidden: true, edit: '1' } : { isHidden: true, edit: '1' }
  },
  pollCreationMessage: CREATES_POLL,
  pollCreationMessageV2: CREATES_POLL,
  pollCreationMessageV3: CREATES_POLL,
  pollCreationMessageV5: CREATES_POLL,
  pollUpdateMessage: { type: 'poll', isHidden: true, meta: { polltype: 'vote' } },
  protocolMessage: ({ type, key, editedMessage }) => {
    if (type === MESSAGE_EDIT || editedMessage != null) return { isHidden: true, edit: '1' }
    // 0 is also what protobuf says where nothing is said; only a deletion names a message
    return (type ?? REVOKE) === REVOKE && key != null ? { isHidden: true, edit: key.fromMe === true ? '7' : '8' } : {}
  },
  pinInChatMessage: { isHidden: true, edit: '2' },
  keepInChatMessage: ({ key, keepType }) => {
    return { isHidden: true, edit: key?.fromMe === true && keepType === UNDO_KEEP_FOR_ALL ? '7' : null }
  },
  imageMessage: media('image'),
  videoMessage: ({ gifPlayback }) => media(gifPlayback === true ? 'gif' : 'video'),
  ptvMessage: media('ptv'),
  audioMessage: ({ ptt }) => media(ptt === true ? 'ptt' : 'audio'),
  documentMessage: media('document'),
  stickerMessage: media('sticker'),
  stickerPackMessage: media('sticker_pack'),
  locationMessage: ({ isLive }) => media(isLive === true ? 'livelocation' : 'location'),
  liveLocationMessage: media('livelocation'),
  contactMessage: media('vcard'),
  contactsArrayMessage: media('contact_array'),
  extendedTextMessage: ({ matchedText }) => (matchedText?.trim() ? media('url') : {}),
  groupInviteMessage: media('url'),
  listMessage: media('list'),
  listResponseMessage: media('list_response'),
  buttonsResponseMessage: media('buttons_response'),
  orderMessage: media('order'),
  productMessage: media('product'),
  interactiveResponseMessage: media('native_flow_response')
}

/** What goes outside of a message, whatever is wrapped around it. */
export function outsideOf(message: proto.IMessage): Outside {
  const inner = unwrap(message)
  for (const [name, rule] of Object.entries(RULES)) {
    const part = inner[name as keyof proto.IMessage]
    if (part == null) continue
    return { ...NOTHING_SPECIAL, ...(typeof rule === 'function' ? (rule as (part: unknown) => Words)(part) : rule) }
  }
  return NOTHING_SPECIAL
}

/** The stanza with what belongs outside of its message. What only hands out a key to a group is no message. */
export function dressed(stanza: BinaryNode, outside: Outside): BinaryNode {
  const children = Array.isArray(stanza.content) ? stanza.content : []
  const isForAll = children.some(({ tag, attrs }) => tag === 'enc' && attrs['type'] === 'skmsg')
  const meta: BinaryNode[] = outside.meta === null ? [] : [{ tag: 'meta', attrs: outside.meta }]
  return {
    tag: stanza.tag,
    attrs: { ...stanza.attrs, type: outside.type, ...(outside.edit === null ? {} : { edit: outside.edit }) },
    content: [
      ...children.map((child) => {
        if (child.tag === 'enc') return encrypted(child, outside)
        return child.tag === 'participants' ? eachOf(child, isForAll ? KEY_ONLY : outside) : child
      }),
      ...meta
    ]
  }
}

type Shown = Pick<Outside, 'mediatype' | 'isHidden'>

const KEY_ONLY: Shown = { mediatype: null, isHidden: true }

function eachOf(participants: BinaryNode, shown: Shown): BinaryNode {
  const recipients = Array.isArray(participants.content) ? participants.content : []
  const content = recipients.map((to) => {
    return { ...to, content: (to.content as BinaryNode[]).map((part) => (part.tag === 'enc' ? encrypted(part, shown) : part)) }
  })
  return { ...participants, content }
}

function encrypted(part: BinaryNode, { mediatype, isHidden }: Shown): BinaryNode {
  const { mediatype: _, 'decrypt-fail': __, ...attrs } = part.attrs
  return {
    ...part,
    attrs: { ...attrs, ...(mediatype === null ? {} : { mediatype }), ...(isHidden ? { 'decrypt-fail': 'hide' } : {}) }
  }
}

/** Messages of one connection that are on their way, for the first time or again. */
const MAX_ON_THEIR_WAY = 1_000

/** What goes outside of the messages of one connection, by their ids: a stanza is built far from its message. */
export class Outsides {
  readonly #known = new BoundedMap<Outside>(MAX_ON_THEIR_WAY)

  /** Whether stanzas pass here. */
  isDressing = false

  /** A layer of a socket whose stanzas pass here. */
  dressing<T extends Sender>(layer: T): T {
    this.isDressing = true
    return { ...layer, sendNode: (stanza: BinaryNode) => layer.sendNode(this.dress(stanza)) }
  }

  note(messageId: string, message: proto.IMessage): void {
    this.#known.set(messageId, outsideOf(message))
  }

  /** A stanza as it should leave; whatever is no message of ours, or between own devices, as it is. */
  dress(stanza: BinaryNode): BinaryNode {
    const { id = '', category } = stanza.attrs
    const outside = stanza.tag === 'message' && category !== 'peer' ? this.#known.get(id) : undefined
    return outside === undefined ? stanza : dressed(stanza, outside)
  }
}
