/** What a message says or does, in the port's words: whoever brought it, a stanza, our phone, or the history. */
import {
  type Contact,
  isJidBroadcast,
  isJidGroup,
  isJidNewsletter,
  isJidStatusBroadcast,
  isLidUser,
  jidNormalizedUser,
  proto
} from 'baileys'

import { CallError, nameOf } from '../channel/peer.ts'
import type { Flags } from '../channel/flags.ts'
import type { AsideMessage, Message, SetAside } from '../channel/payloads.ts'
import { boundMessage } from '../channel/schema.ts'
import type { Entry } from '../signal/commit.ts'
import { StoreClosed } from '../signal/store.ts'
import { type Mapping, type Person, personOf, phoneOf } from '../words/addresses.ts'
import { type Content, contentOf } from '../words/content.ts'
import { keptOf } from '../patches/decoding.ts'
import { type Bound, flag, id, idOf, jid, jidOf, MAX_OWN_NAME, object, seconds, secondsOf, text } from '../words/limits.ts'
import { flagsOf, referencesOf } from '../words/references.ts'
import { messageContextOf, withSecret } from '../words/secrets.ts'
import { type Timer, timerOf, timerSetBy } from '../words/timers.ts'
import { unwrap } from '../words/wrappers.ts'
import { type Change, changeOf, type Doing, type Recall } from './changes.ts'

/** Whose message it is and where it belongs. */
export interface Envelope {
  id: string
  chat: string
  chatAlternative: string | undefined
  author: string
  authorAlternative: string | undefined
  fromMe: boolean
  pushName: string | undefined
  verifiedName: string | undefined
  timestamp: number
}

const orNone =
  (bound: Bound): Bound =>
  (value) =>
    value === undefined ? value : bound(value)

/** An envelope to be stored: what a stranger calls himself, or his message, may be of megabytes. */
export const boundEnvelope = object({
  id,
  chat: jid,
  chatAlternative: orNone(jid),
  author: jid,
  authorAlternative: orNone(jid),
  fromMe: flag,
  pushName: orNone(text(MAX_OWN_NAME)),
  verifiedName: orNone(text(MAX_OWN_NAME)),
  timestamp: seconds
} satisfies Record<keyof Envelope, Bound>) as (envelope: Envelope) => Envelope

/** What is told of a message: its content, or what it does to an earlier one. */
type Described = Content | { change: Change } | { timer: Timer; sets_timer: true }

type Place = Pick<Envelope, 'id' | 'chat' | 'author' | 'fromMe' | 'timestamp'>

/** That a message came, whose and where; null where none is told. What a list of people got is in the sender's chat. */
export function asideOf({ id, chat, author, fromMe, timestamp }: Place, set_aside: SetAside): AsideMessage | null {
  if (isJidStatusBroadcast(chat) || isJidNewsletter(chat)) return null
  const sender = jidOf(jidNormalizedUser(author))
  return {
    message_id: idOf(id),
    chat: isJidBroadcast(chat) && !fromMe ? sender : jidOf(jidNormalizedUser(chat)),
    sender: { jid: sender, lid: null, phone: null },
    from_me: fromMe,
    is_group: isJidGroup(chat) === true,
    timestamp,
    set_aside
  }
}

/** What cannot be described, however that may be, is set aside: else it would come again for ever. */
export async function describeWhatever(
  envelope: Envelope,
  message: proto.IMessage,
  mapping: Mapping,
  recall: Recall
): Promise<Message | null> {
  try {
    return await received(envelope, message, mapping, recall)
  } catch (error) {
    if (error instanceof StoreClosed || error instanceof CallError) throw error // nothing can be stored any more
    return asideOf(envelope, { reason: 'failed', detail: nameOf(error), is_encrypted: false })
  }
}

async function received(envelope: Envelope, wrapped: proto.IMessage, mapping: Mapping, recall: Recall): Promise<Message | null> {
  const { chat: jid } = envelope
  const message = unwrap(wrapped)
  if (isJidStatusBroadcast(jid) || isJidNewsletter(jid)) return null
  const { sender, place } = await placeOf(envelope, mapping)
  const timer = timerSetBy(message)
  const doing = { sender, isMe: envelope.fromMe, jid, chat: place.chat, context: messageContextOf(wrapped) }
  const described = timer === null ? await describeContent(message, doing, recall) : { timer, sets_timer: true as const }
  if (described === null) return null
  const flags: Flags = flagsOf(wrapped)
  return boundMessage({
    ...place,
    ...('kind' in described ? { content: described, flags, ...referencesOf(wrapped), timer: timerOf(message) } : described)
  })
}

/** A change that somebody keeps beside the message it is about, told as if it had come by itself. */
export async function describeChange(envelope: Envelope, change: Change, mapping: Mapping): Promise<Message> {
  const { place } = await placeOf(envelope, mapping)
  return boundMessage({ ...place, change })
}

/** Whose a message is, where and when it was written. */
async function placeOf(envelope: Envelope, mapping: Mapping) {
  const { chat: chatJid, author } = envelope
  const sender = await personOf(author, envelope.authorAlternative, mapping)
  const chat = await chatOf(envelope, sender, mapping)
  const place = {
    message_id: envelope.id,
    chat: chat.pn ?? chat.lid ?? jidNormalizedUser(chatJid),
    sender: {
      jid: isLidUser(author) ? (sender.lid ?? author) : (sender.pn ?? author),
      lid: sender.lid ?? null,
      phone: phoneOf(sender.pn),
      push_name: envelope.pushName ?? null,
      verified_name: envelope.verifiedName ?? null
    },
    from_me: envelope.fromMe,
    is_group: isJidGroup(chatJid) === true,
    timestamp: envelope.timestamp
  }
  return { sender, place }
}

/** Where a backend looks for it: what somebody sends to a list of people arrives in the chat with that person. */
async function chatOf({ chat, chatAlternative, fromMe }: Envelope, sender: Person, mapping: Mapping): Promise<Person> {
  if (isJidGroup(chat)) return { pn: chat, lid: undefined }
  if (isJidBroadcast(chat)) return fromMe ? { pn: chat, lid: undefined } : sender
  return personOf(chat, chatAlternative, mapping)
}

async function describeContent(message: proto.IMessage, doing: Doing, recall: Recall): Promise<Described | null> {
  const change = await changeOf(message, doing, recall)
  if (change === 'nothing') return null
  return change === null ? contentOf(message) : { change }
}

/** Whose a message is that somebody passes on, where and when it was written. */
export function envelopeOf(copy: proto.IWebMessageInfo, me: Contact): Envelope {
  const { id, remoteJid, participant, fromMe } = copy.key ?? {}
  const chat = remoteJid ?? ''
  return {
    id: id ?? '',
    chat,
    chatAlternative: undefined,
    author: fromMe === true ? me.id : (participant ?? copy.participant ?? chat),
    authorAlternative: fromMe === true ? me.lid : undefined,
    fromMe: fromMe === true,
    pushName: copy.pushName ?? undefined,
    verifiedName: copy.verifiedBizName ?? undefined,
    timestamp: secondsOf(copy.messageTimestamp)
  }
}

export async function entryOfCopy(
  copy: proto.IWebMessageInfo,
  sender: string,
  me: Contact,
  mapping: Mapping,
  recall: Recall
): Promise<Entry> {
  const envelope = envelopeOf(copy, me)
  const message = withSecret(copy)
  return {
    key: { chat: jidOf(envelope.chat), sender, message_id: idOf(envelope.id), index: 0 },
    plaintext: keptOf(proto.Message.encode(message).finish(), message),
    message: await describeWhatever(envelope, message, mapping, recall)
  }
}
