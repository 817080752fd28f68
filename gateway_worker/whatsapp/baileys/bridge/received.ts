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

import { type Mapping, type Person, personOf, phoneOf } from './addresses.ts'
import { type Change, changeOf, type Recall } from './changes.ts'
import { type Content, contentOf, contextOf, isViewOnce, unwrap } from './content.ts'
import type { Entry, EntryKey, Store } from './store.ts'
import { cleaned, cleanId, secondsOf } from './texts.ts'

/** One encrypted part of a stanza. */
export interface IncomingPart {
  key: EntryKey
  stanza: BinaryNode
  /** The stanza may have been decrypted before: it waited in WhatsApp's queue. */
  mayBeKnown: boolean
}

/** The index of a part that is not there: whatever comes under the same id later is another one. */
const NOTHING_YET = -1
/** Media to be viewed once, which WhatsApp keeps from companions. */
const VIEW_ONCE_ON_THE_PHONE = new Set(['view_once_unavailable_fanout', 'view_once'])
/** What WhatsApp leaves out on purpose: the phone will not tell it either. */
const NEVER_RESENT = new Set(['bot_unavailable_fanout', 'hosted_unavailable_fanout', ...VIEW_ONCE_ON_THE_PHONE])

export class Incoming {
  readonly #parts = new WeakMap<object, IncomingPart>()
  readonly #credentials: () => AuthenticationCreds
  readonly #store: Pick<Store, 'loadMessage'>

  constructor(credentials: () => AuthenticationCreds, store: Pick<Store, 'loadMessage'>) {
    this.#credentials = credentials
    this.#store = store
  }

  /** Notes the encrypted parts of a stanza: the Signal repository is given nothing but their bytes. */
  observe(stanza: BinaryNode): void {
    const { id, from, offline } = stanza.attrs
    if (!Array.isArray(stanza.content) || id === undefined || from === undefined) return
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
      return plaintexts.map((plaintext, index) => ({ key: keyOf(stanza, index), plaintext, message: null }))
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
  async describe({ stanza }: IncomingPart, plaintext: Uint8Array, mapping: Mapping): Promise<unknown> {
    return this.#told(stanza, proto.Message.decode(plaintext), mapping)
  }

  async #told(stanza: BinaryNode, message: proto.IMessage, mapping: Mapping): Promise<unknown> {
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
      verifiedName: verifiedNameOf(stanza),
      timestamp: secondsOf(stanza.attrs['t'])
    }
    return received(envelope, message, mapping, this.#recall(me))
  }

  /**
   * Messages our phone sends once more because WhatsApp had them for it only (answers to advertisements are such): they
   * come inside a message between our own devices.
   */
  async resent(part: IncomingPart, plaintext: Uint8Array, mapping: Mapping): Promise<Entry[]> {
    const { me } = this.#credentials()
    if (me === undefined || !this.isOurs(part)) return []
    const response = unwrap(proto.Message.decode(plaintext)).protocolMessage?.peerDataOperationRequestResponseMessage
    const copies = (response?.peerDataOperationResult ?? []).flatMap(({ placeholderMessageResendResponse: copy }) =>
      copy?.webMessageInfoBytes ? [proto.WebMessageInfo.decode(copy.webMessageInfoBytes)] : []
    )
    return Promise.all(copies.map((copy) => entryOfCopy(copy, part.key.sender, me, mapping, this.#recall(me))))
  }

  /** A message of the phone's history; null when no backend sees it. What happened to it is in it already. */
  async ofHistory(info: proto.IWebMessageInfo, mapping: Mapping): Promise<Entry | null> {
    const { me } = this.#credentials()
    const { id, remoteJid, participant } = info.key ?? {}
    if (me === undefined || !id || !remoteJid || info.message == null) return null
    const author = info.key?.fromMe === true ? me.id : (participant ?? info.participant ?? remoteJid)
    const entry = await entryOfCopy(info, cleanId(author), me, mapping, this.#recall(me))
    return entry.message === null ? null : entry
  }

  /** Finds stored messages, for what refers to them. */
  #recall(me: Contact): Recall {
    return {
      own: [me.id, me.lid ?? ''].map((jid) => jidNormalizedUser(jid)),
      message: async (id) => {
        const stored = await this.#store.loadMessage(id, null)
        return stored === undefined ? undefined : unwrap(proto.Message.decode(stored))
      }
    }
  }
}

function keyOf({ attrs: { id = '', from = '', participant, recipient } }: BinaryNode, index: number): EntryKey {
  return { chat: cleanId(recipient || from), sender: cleanId(participant || from), message_id: cleanId(id), index }
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
type Told = Content | { change: Change }

async function received(envelope: Envelope, wrapped: proto.IMessage, mapping: Mapping, recall: Recall): Promise<unknown> {
  const { chat: chatJid, author } = envelope
  const message = unwrap(wrapped)
  if (isJidStatusBroadcast(chatJid) || isJidNewsletter(chatJid)) return null
  const isGroup = isJidGroup(chatJid) === true
  const sender = await personOf(author, envelope.authorAlternative, mapping)
  const chat = await chatOf(envelope, sender, mapping)
  const told = await toldOf(message, sender, recall)
  if (told === null) return null
  return cleaned({
    message_id: cleanId(envelope.id),
    chat: chat.pn ?? chat.lid ?? jidNormalizedUser(chatJid),
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
    ...('change' in told ? told : { content: told, view_once: isViewOnce(wrapped), ...contextOf(message) })
  })
}

/** Where a backend looks for it: what somebody sends to a list of people arrives in the chat with that person. */
async function chatOf({ chat, chatAlternative, fromMe }: Envelope, sender: Person, mapping: Mapping): Promise<Person> {
  if (isJidGroup(chat)) return { pn: chat, lid: undefined }
  if (isJidBroadcast(chat)) return fromMe ? { pn: chat, lid: undefined } : sender
  return personOf(chat, chatAlternative, mapping)
}

async function toldOf(message: proto.IMessage, sender: Person, recall: Recall): Promise<Told | null> {
  const change = await changeOf(message, sender, recall)
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
  const message = copy.message ?? {}
  return {
    key: { chat: cleanId(chat), sender, message_id: cleanId(envelope.id), index: 0 },
    plaintext: proto.Message.encode(message).finish(),
    message: await received(envelope, message, mapping, recall)
  }
}
