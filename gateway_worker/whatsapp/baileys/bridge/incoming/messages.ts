/** What an incoming stanza says, in the port's words. */
import {
  areJidsSameUser,
  type AuthenticationCreds,
  type BinaryNode,
  type Contact,
  decodeMessageNode,
  getBinaryNodeChildBuffer,
  isJidBroadcast,
  isJidGroup,
  isJidNewsletter,
  isJidStatusBroadcast,
  isLidUser,
  jidNormalizedUser,
  proto
} from 'baileys'

import { type Mapping, type Person, personOf, phoneOf } from '../words/addresses.ts'
import type { Admins } from '../groups/admins.ts'
import { botOf, BotReceipts } from './bots.ts'
import { type Change, changeOf, type Doing, type Recall } from './changes.ts'
import { type Content, contentOf } from '../words/content.ts'
import type { Entry, EntryKey } from '../signal/commit.ts'
import { keptOf } from '../words/decoding.ts'
import { idOf, jidOf, secondsOf } from '../words/limits.ts'
import { type Store, StoreClosed } from '../signal/store.ts'
import { originalOf } from './originals.ts'
import { CallError, nameOf } from '../channel/peer.ts'
import { referencesOf } from '../words/references.ts'
import { messageContextOf, quotedIn, withSecret } from '../words/secrets.ts'
import { type Timer, timerOf, timerSetBy } from '../words/timers.ts'
import { boundMessage } from '../channel/schema.ts'
import { isViewOnce, unwrap } from '../words/wrappers.ts'

/** One encrypted part of a stanza. */
export interface IncomingPart {
  key: EntryKey
  stanza: BinaryNode
  /** The stanza may have been decrypted before: it waited in WhatsApp's queue. */
  mayBeKnown: boolean
}

/** Why something is told as `unsupported`; see `SetAsideReason` of the contract. */
export type SetAsideReason = 'failed' | 'ended_process'

/** The index of a part that is not there: whatever comes under the same id later is another one. */
const NOTHING_YET = -1
/** The index of what was quoted. */
const QUOTED = -2
/** Media to be viewed once, which WhatsApp keeps from companions. */
const VIEW_ONCE_ON_THE_PHONE = new Set(['view_once_unavailable_fanout', 'view_once'])
/** What WhatsApp leaves out on purpose: the phone will not tell it either. */
const NEVER_RESENT = new Set(['bot_unavailable_fanout', 'hosted_unavailable_fanout', ...VIEW_ONCE_ON_THE_PHONE])

export class Incoming {
  readonly receipts = new BotReceipts()
  readonly #parts = new WeakMap<object, IncomingPart>()
  readonly #credentials: () => AuthenticationCreds
  readonly #store: Pick<Store, 'loadOriginals'>
  readonly #admins: Pick<Admins, 'has'>

  constructor(credentials: () => AuthenticationCreds, store: Pick<Store, 'loadOriginals'>, admins: Pick<Admins, 'has'>) {
    this.#credentials = credentials
    this.#store = store
    this.#admins = admins
  }

  /** Notes the encrypted parts of a stanza: the Signal repository is given nothing but their bytes. */
  observe(stanza: BinaryNode): void {
    const { id, from, offline } = stanza.attrs
    if (!Array.isArray(stanza.content) || id === undefined || from === undefined) return
    this.receipts.note(stanza)
    const parts = stanza.content.filter((child) => child.tag === 'enc' && child.content instanceof Uint8Array)
    for (const [index, part] of parts.entries()) {
      this.#parts.set(part.content as Uint8Array, { key: keyOf(stanza, index), stanza, mayBeKnown: offline !== undefined })
    }
  }

  /**
   * What passes no decryption, to be stored as it arrives: plaintexts (of newsletters; no backend sees these yet), and
   * that there should be a message which WhatsApp has for our phone only, until the phone has sent it. What can be viewed
   * once, on the phone, is told as that.
   */
  async undecrypted(stanza: BinaryNode, mapping: Mapping): Promise<Entry[]> {
    const { id, from } = stanza.attrs
    if (!Array.isArray(stanza.content) || id === undefined || from === undefined) return []
    const children = stanza.content
    const plaintexts = children.flatMap(({ tag, content }) => (tag === 'plaintext' && content instanceof Uint8Array ? [content] : []))
    if (plaintexts.length > 0) {
      return plaintexts.map((plaintext, index) => {
        return { key: keyOf(stanza, index), plaintext: keptOf(plaintext, {}), message: null }
      })
    }
    const missing = children.find(({ tag }) => tag === 'unavailable')
    if (missing === undefined || children.some(({ tag }) => tag === 'enc')) return []
    if (VIEW_ONCE_ON_THE_PHONE.has(missing.attrs['type'] ?? '')) {
      const message = await this.#told(stanza, { viewOnceMessage: { message: {} } }, mapping)
      return [{ key: keyOf(stanza, NOTHING_YET), plaintext: new Uint8Array(), message }]
    }
    if (NEVER_RESENT.has(missing.attrs['type'] ?? '') || this.#isOwn(from)) return []
    return [{ key: keyOf(stanza, NOTHING_YET), plaintext: new Uint8Array(), message: null, isUnprocessed: true }]
  }

  /** Whether another device of this account sent it to its own devices. */
  isOurs({ stanza }: IncomingPart): boolean {
    return this.#isOwn(stanza.attrs['from'])
  }

  #isOwn(jid: string | undefined): boolean {
    const { me } = this.#credentials()
    return [me?.id, me?.lid].some((own) => areJidsSameUser(jid, own))
  }

  partOf(ciphertext: Uint8Array): IncomingPart | undefined {
    return this.#parts.get(ciphertext)
  }

  /** A decrypted part as `ReceivedMessage` of the port, or null when no backend sees it. */
  async describe({ stanza }: IncomingPart, message: proto.IMessage | null, mapping: Mapping): Promise<unknown> {
    return this.#told(stanza, message ?? {}, mapping)
  }

  /**
   * A stanza whose message is not told as it should be, of which nothing is read but its attributes.
   *
   * @param detail the class of what was raised, or the like
   */
  setAside(stanza: BinaryNode, reason: SetAsideReason, detail: string, isEncrypted = false): object | null {
    const { id = '', from = '', participant, recipient, t, category } = stanza.attrs
    if (category === 'peer') return null
    const author = participant || from
    const place = { id, chat: recipient || from, author, fromMe: this.#isOwn(author), timestamp: secondsOf(t) }
    return asideOf(place, { reason, detail, is_encrypted: isEncrypted })
  }

  /** A stanza without a message to decrypt, of which we could not say what it is. */
  broken(stanza: BinaryNode, detail: string): Entry[] {
    const message = this.setAside(stanza, 'failed', detail)
    return [{ key: keyOf(stanza, NOTHING_YET), plaintext: new Uint8Array(), message }]
  }

  /** A stanza that must not be touched, as it came. */
  untouched(stanza: BinaryNode): Entry[] {
    const message = this.setAside(stanza, 'ended_process', 'Attempts', true)
    const parts = Array.isArray(stanza.content) ? stanza.content : []
    const bytes = parts.flatMap(({ content }) => (content instanceof Uint8Array ? [content] : []))
    return [{ key: keyOf(stanza, NOTHING_YET), plaintext: Buffer.concat(bytes), message }]
  }

  async #told(stanza: BinaryNode, message: proto.IMessage, mapping: Mapping): Promise<unknown> {
    const { me } = this.#credentials()
    if (me === undefined || stanza.attrs['category'] === 'peer') return null
    const { fullMessage, author } = decodeMessageNode(stanza, me.id, me.lid ?? '')
    const { remoteJid, remoteJidAlt, participantAlt, fromMe } = fullMessage.key
    const isGroup = isJidGroup(remoteJid ?? '') === true
    const bot = fromMe === true && !isGroup ? botOf(stanza) : undefined
    const envelope = {
      id: stanza.attrs['id'] ?? '',
      chat: bot ?? remoteJid ?? '',
      chatAlternative: bot === undefined ? (remoteJidAlt ?? undefined) : undefined,
      author,
      authorAlternative: (isGroup ? participantAlt : fromMe ? me.lid : remoteJidAlt) ?? undefined,
      fromMe: fromMe === true,
      pushName: stanza.attrs['notify'],
      verifiedName: verifiedNameOf(stanza),
      timestamp: secondsOf(stanza.attrs['t'])
    }
    return toldWhatever(envelope, message, mapping, this.#recall(me))
  }

  /**
   * Messages our phone sends once more because WhatsApp had them for it only (answers to advertisements are such): they
   * come inside a message between our own devices.
   */
  async resent(part: IncomingPart, message: proto.IMessage | null, mapping: Mapping): Promise<Entry[]> {
    const { me } = this.#credentials()
    if (me === undefined || message === null || !this.isOurs(part)) return []
    const response = unwrap(message).protocolMessage?.peerDataOperationRequestResponseMessage
    const copies = (response?.peerDataOperationResult ?? []).flatMap(({ placeholderMessageResendResponse: copy }) =>
      copy?.webMessageInfoBytes ? copiesIn(copy.webMessageInfoBytes) : []
    )
    return Promise.all(copies.map((copy) => entryOfCopy(copy, part.key.sender, me, mapping, this.#recall(me))))
  }

  /** What a message tells of the one that it quotes, beside what that one may have told itself. */
  quoted({ key }: IncomingPart, message: proto.IMessage | null): Entry[] {
    const quoted = message === null ? null : quotedIn(unwrap(message))
    if (quoted === null) return []
    const sender = jidOf(jidNormalizedUser(quoted.author))
    const plaintext = proto.Message.encode(quoted.message).finish()
    return [{ key: { chat: key.chat, sender, message_id: quoted.id, index: QUOTED }, plaintext, message: null }]
  }

  /** A message of the phone's history; null when no backend sees it. What happened to it is in it already. */
  async ofHistory(info: proto.IWebMessageInfo, mapping: Mapping): Promise<Entry | null> {
    const { me } = this.#credentials()
    const { id, remoteJid, participant } = info.key ?? {}
    if (me === undefined || !id || !remoteJid || info.message == null) return null
    const author = info.key?.fromMe === true ? me.id : (participant ?? info.participant ?? remoteJid)
    const recall = { ...this.#recall(me), originals: async () => [], isAdmin: async () => false } // changes among it are not told
    const entry = await entryOfCopy(info, jidOf(author), me, mapping, recall)
    return entry.message === null ? null : entry
  }

  /** Finds stored messages, for what refers to them. */
  #recall(me: Contact): Recall {
    return {
      own: [me.id, me.lid ?? ''].map((jid) => jidNormalizedUser(jid)),
      originals: async (id, chat, author) => (await this.#store.loadOriginals(id, chat, author)).map(originalOf),
      isAdmin: (group, who) => this.#admins.has(group, who)
    }
  }
}

function keyOf({ attrs: { id = '', from = '', participant, recipient } }: BinaryNode, index: number): EntryKey {
  return { chat: jidOf(recipient || from), sender: jidOf(participant || from), message_id: idOf(id), index }
}

/** What a business is called, as WhatsApp certifies it. A certificate that cannot be read names nobody. */
function verifiedNameOf(stanza: BinaryNode): string | undefined {
  const certificate = getBinaryNodeChildBuffer(stanza, 'verified_name')
  if (!(certificate instanceof Uint8Array)) return undefined
  try {
    const { details } = proto.VerifiedNameCertificate.decode(certificate)
    return details ? (proto.VerifiedNameCertificate.Details.decode(details).verifiedName ?? undefined) : undefined
  } catch {
    return undefined
  }
}

function copiesIn(bytes: Uint8Array): proto.IWebMessageInfo[] {
  try {
    return [proto.WebMessageInfo.decode(bytes)]
  } catch {
    return [] // the phone is asked again
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
  verifiedName: string | undefined
  timestamp: number
}

/** What is told of a message: its content, or what it does to an earlier one. */
type Told = Content | { change: Change } | { timer: Timer; sets_timer: true }

type Place = Pick<Envelope, 'id' | 'chat' | 'author' | 'fromMe' | 'timestamp'>

/** That a message came, whose and where; null where none is told. What a list of people got is in the sender's chat. */
function asideOf({ id, chat, author, fromMe, timestamp }: Place, set_aside: object): object | null {
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
async function toldWhatever(envelope: Envelope, message: proto.IMessage, mapping: Mapping, recall: Recall): Promise<unknown> {
  try {
    return await received(envelope, message, mapping, recall)
  } catch (error) {
    if (error instanceof StoreClosed || error instanceof CallError) throw error // nothing can be stored any more
    return asideOf(envelope, { reason: 'failed', detail: nameOf(error), is_encrypted: false })
  }
}

async function received(envelope: Envelope, wrapped: proto.IMessage, mapping: Mapping, recall: Recall): Promise<unknown> {
  const { chat: chatJid, author } = envelope
  const message = unwrap(wrapped)
  if (isJidStatusBroadcast(chatJid) || isJidNewsletter(chatJid)) return null
  const isGroup = isJidGroup(chatJid) === true
  const sender = await personOf(author, envelope.authorAlternative, mapping)
  const chat = await chatOf(envelope, sender, mapping)
  const toldIn = chat.pn ?? chat.lid ?? jidNormalizedUser(chatJid)
  const timer = timerSetBy(message)
  const context = messageContextOf(wrapped)
  const doing = { sender, isMe: envelope.fromMe, jid: chatJid, chat: toldIn, context }
  const told = timer === null ? await toldOf(message, doing, recall) : { timer, sets_timer: true as const }
  if (told === null) return null
  return boundMessage({
    message_id: envelope.id,
    chat: toldIn,
    sender: {
      jid: isLidUser(author) ? (sender.lid ?? author) : (sender.pn ?? author),
      lid: sender.lid ?? null,
      phone: phoneOf(sender.pn),
      push_name: envelope.pushName ?? null,
      verified_name: envelope.verifiedName ?? null
    },
    from_me: envelope.fromMe,
    is_group: isGroup,
    timestamp: envelope.timestamp,
    ...('kind' in told
      ? { content: told, view_once: isViewOnce(wrapped), ...referencesOf(wrapped), timer: timerOf(message) }
      : told)
  })
}

/** Where a backend looks for it: what somebody sends to a list of people arrives in the chat with that person. */
async function chatOf({ chat, chatAlternative, fromMe }: Envelope, sender: Person, mapping: Mapping): Promise<Person> {
  if (isJidGroup(chat)) return { pn: chat, lid: undefined }
  if (isJidBroadcast(chat)) return fromMe ? { pn: chat, lid: undefined } : sender
  return personOf(chat, chatAlternative, mapping)
}

async function toldOf(message: proto.IMessage, doing: Doing, recall: Recall): Promise<Told | null> {
  const change = await changeOf(message, doing, recall)
  if (change === 'nothing') return null
  return change === null ? contentOf(message) : { change }
}

async function entryOfCopy(
  copy: proto.IWebMessageInfo,
  sender: string,
  me: Contact,
  mapping: Mapping,
  recall: Recall
): Promise<Entry> {
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
    verifiedName: copy.verifiedBizName ?? undefined,
    timestamp: secondsOf(copy.messageTimestamp)
  }
  const message = withSecret(copy)
  return {
    key: { chat: jidOf(chat), sender, message_id: idOf(envelope.id), index: 0 },
    plaintext: keptOf(proto.Message.encode(message).finish(), message),
    message: await toldWhatever(envelope, message, mapping, recall)
  }
}
