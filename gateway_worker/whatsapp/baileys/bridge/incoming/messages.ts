/** What an incoming stanza says, in the port's words. */
import {
  areJidsSameUser,
  type AuthenticationCreds,
  type BinaryNode,
  type Contact,
  decodeMessageNode,
  getBinaryNodeChildBuffer,
  isJidGroup,
  jidNormalizedUser,
  proto
} from 'baileys'

import type { AsideMessage, EntryKey, Message } from '../channel/payloads.ts'
import type { Mapping } from '../words/addresses.ts'
import type { Admins } from '../groups/admins.ts'
import { botOf, BotReceipts } from './bots.ts'
import type { Recall } from './changes.ts'
import type { Entry } from '../signal/commit.ts'
import { keptOf } from '../patches/decoding.ts'
import { idOf, jidOf, secondsOf } from '../words/limits.ts'
import type { Store } from '../signal/store.ts'
import { asideOf, describeWhatever, type Envelope, entryOfCopy, envelopeOf } from './description.ts'
import { originalOf } from './originals.ts'
import { type Addition, additionsTo } from './additions.ts'
import { pastOf, type PastMessages } from './past.ts'
import { quotedIn } from '../words/secrets.ts'
import { unwrap } from '../words/wrappers.ts'
import type { WaitingChanges } from './waiting.ts'

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
  readonly #waiting: Pick<WaitingChanges, 'keep' | 'note'> | undefined

  constructor(
    credentials: () => AuthenticationCreds,
    store: Pick<Store, 'loadOriginals'>,
    admins: Pick<Admins, 'has'>,
    waiting?: Pick<WaitingChanges, 'keep' | 'note'>
  ) {
    this.#credentials = credentials
    this.#store = store
    this.#admins = admins
    this.#waiting = waiting
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
      const message = await this.#describeStanza(stanza, { viewOnceMessage: { message: {} } }, mapping)
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
  async describe({ stanza, key }: IncomingPart, message: proto.IMessage | null, mapping: Mapping): Promise<Message | null> {
    const { me } = this.#credentials()
    if (me === undefined || stanza.attrs['category'] === 'peer') return null
    const envelope = envelopeOfStanza(stanza, me)
    const { described, missing } = await this.#describeEnvelope(envelope, message ?? {}, mapping, me)
    if (missing !== null) await this.#waiting?.keep(key, envelope, missing)
    this.#waiting?.note(key.message_id)
    return described
  }

  /** The same once more, of a change that was sealed when it came. */
  async describeAgain(
    envelope: Envelope,
    message: proto.IMessage,
    mapping: Mapping
  ): Promise<{ described: Message | null; isSealed: boolean }> {
    const { me } = this.#credentials()
    if (me === undefined) return { described: null, isSealed: true }
    const { described, missing } = await this.#describeEnvelope(envelope, message, mapping, me)
    return { described, isSealed: missing !== null }
  }

  /**
   * A stanza whose message is not told as it should be, of which nothing is read but its attributes.
   *
   * @param detail the class of what was raised, or the like
   */
  setAside(stanza: BinaryNode, reason: SetAsideReason, detail: string, isEncrypted = false): AsideMessage | null {
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

  async #describeStanza(stanza: BinaryNode, message: proto.IMessage, mapping: Mapping): Promise<Message | null> {
    const { me } = this.#credentials()
    if (me === undefined || stanza.attrs['category'] === 'peer') return null
    return (await this.#describeEnvelope(envelopeOfStanza(stanza, me), message, mapping, me)).described
  }

  /** `missing`: the id of the message without whose secret it stays sealed, or null. */
  async #describeEnvelope(
    envelope: Envelope,
    message: proto.IMessage,
    mapping: Mapping,
    me: Contact
  ): Promise<{ described: Message | null; missing: string | null }> {
    let missing: string | null = null
    const onMissing = (id: string): void => void (missing = id)
    const described = await describeWhatever(envelope, message, mapping, { ...this.#recall(me), onMissing })
    return { described, missing }
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
    return Promise.all(copies.map((copy) => this.#copied(copy, part.key.sender, me, mapping)))
  }

  /** A sealed change may come beside the message that it is about, and is stored before that one can be found: it waits. */
  async #copied(copy: proto.IWebMessageInfo, sender: string, me: Contact, mapping: Mapping): Promise<Entry> {
    const missing: string[] = []
    const onMissing = (id: string): void => void missing.push(id)
    const entry = await entryOfCopy(copy, sender, me, mapping, { ...this.#recall(me), onMissing })
    for (const about of missing) await this.#waiting?.keep(entry.key, envelopeOf(copy, me), about)
    this.#waiting?.note(copy.key?.id ?? '')
    return entry
  }

  /** What a message tells of the one that it quotes, beside what that one may have told itself. */
  quoted({ key }: IncomingPart, message: proto.IMessage | null): Entry[] {
    const quoted = message === null ? null : quotedIn(unwrap(message))
    if (quoted === null) return []
    this.#waiting?.note(quoted.id)
    const sender = jidOf(jidNormalizedUser(quoted.author))
    const plaintext = proto.Message.encode(quoted.message).finish()
    return [{ key: { chat: key.chat, sender, message_id: quoted.id, index: QUOTED }, plaintext, message: null }]
  }

  /** A message of the phone's history, as it stood or what it did to another; nothing when no backend sees it. */
  async ofHistory(info: proto.IWebMessageInfo, part: PastMessages, mapping: Mapping): Promise<Entry[]> {
    const { me } = this.#credentials()
    this.#waiting?.note(info.key?.id ?? '')
    if (me === undefined) return []
    const onSealed = async ({ key }: Entry, copy: proto.IWebMessageInfo, about: string): Promise<void> =>
      this.#waiting?.keep(key, envelopeOf(copy, me), about, true)
    return pastOf(info, part, { me, mapping, recall: this.#recall(me), onSealed })
  }

  /** What the phone keeps beside a message of its history: the reactions to it, the votes in it … */
  besides(info: proto.IWebMessageInfo): Addition[] {
    const { me } = this.#credentials()
    return me === undefined ? [] : additionsTo(info, me)
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

/** Whose message a stanza holds, and where it belongs. */
function envelopeOfStanza(stanza: BinaryNode, me: Contact): Envelope {
  const { fullMessage, author } = decodeMessageNode(stanza, me.id, me.lid ?? '')
  const { remoteJid, remoteJidAlt, participantAlt, fromMe } = fullMessage.key
  const isGroup = isJidGroup(remoteJid ?? '') === true
  const bot = fromMe === true && !isGroup ? botOf(stanza) : undefined
  return {
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
