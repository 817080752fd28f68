/** One socket of one session: Baileys, our store and gate around it, and what is told to its owner. */
import {
  type AuthenticationCreds,
  type BaileysEventMap,
  type BinaryNode,
  initAuthCreds,
  isJidGroup,
  jidNormalizedUser,
  proto,
  type WASocket
} from 'baileys'
import type { WebSocket } from 'ws'

import { phoneOf } from './words/addresses.ts'
import { Addressing } from './outgoing/addressing.ts'
import { Admins } from './groups/admins.ts'
import { AddressBook } from './people/address-book.ts'
import { Arrivals } from './incoming/arrivals.ts'
import { type End, endOf, forged } from './words/causes.ts'
import { type Contact, Contacts } from './people/contacts.ts'
import { Facts } from './channel/facts.ts'
import { FrameTooLarge } from './channel/frames.ts'
import { Gate } from './signal/gate.ts'
import { GroupNews } from './groups/group-news.ts'
import { askGroups, Groups } from './groups/groups.ts'
import { type Devices, Keys, sending } from './signal/keys.ts'
import { History } from './incoming/history.ts'
import { fetchHistory } from './incoming/history-files.ts'
import type { Lease } from './channel/lease.ts'
import { News } from './incoming/calls-and-presence.ts'
import { ChatOrder } from './words/chat-order.ts'
import { messageOf, type OutgoingArguments } from './outgoing/message.ts'
import { Pairing } from './pairing.ts'
import type { Peer } from './channel/peer.ts'
import { CallError } from './channel/peer.ts'
import { People, type Picture } from './people/pictures.ts'
import { Protocol } from './incoming/peer-messages.ts'
import { Incoming } from './incoming/messages.ts'
import { askForFile, type FileRequest } from './outgoing/reupload-request.ts'
import { Sends } from './outgoing/acknowledgements.ts'
import { GroupCache } from './patches/caches.ts'
import { agentFor, type OpenArguments, type Settings } from './channel/settings.ts'
import { describedGroup, makeSocket } from './socket.ts'
import { Store } from './signal/store.ts'
import type { Timer } from './words/timers.ts'
import { type FileReference, lies, upload, type UploadArguments } from './outgoing/uploads.ts'
import { decodeCredentials } from './signal/values.ts'

export interface MessageReference {
  message_id: string
  chat: string
  participant: string | null
}

/** What only changes another message. */
const CHANGES = new Set(['edit', 'revocation', 'reaction', 'timer', 'repetition'])
const CLOSE_TIMEOUT_MS = 1_000
const LOGOUT_TIMEOUT_MS = 5_000
/** Telling includes what the owner does about it: more patience than for a read. */
const TELL_PATIENCE = 4
/** A name Baileys itself uses while it does not know ours; without any it stays inactive. */
const NO_NAME = '~'

export class Connection {
  readonly number: number
  readonly #options: OpenArguments
  readonly #credentials: AuthenticationCreds
  readonly #store: Store
  readonly #keys: Keys
  readonly #gate: Gate
  readonly #sends: Sends
  readonly #order = new ChatOrder()
  readonly #facts: Facts
  readonly #arrivals: Arrivals
  readonly #socket: WASocket
  readonly #admins: Admins
  readonly #addressBook: AddressBook
  readonly #addressing: Addressing
  readonly #contacts: Contacts
  readonly #groups: Groups
  readonly #groupCache: GroupCache
  readonly #people: People
  readonly #pairing: Pairing
  readonly #onEnd: () => void
  #ending: Promise<void> | undefined
  #settled: (() => void)[] = []
  #hasFailed = false

  constructor(
    number: number,
    peer: Peer,
    lease: Lease,
    settings: Settings,
    options: OpenArguments,
    stored: Buffer | undefined,
    onEnd: () => void
  ) {
    this.number = number
    this.#options = options
    this.#onEnd = onEnd
    const credentials = stored === undefined ? undefined : decodeCredentials(stored)
    this.#credentials = credentials?.account ? credentials : initAuthCreds()
    this.#store = new Store(peer, number, settings.store_deadline, {
      onStored: () => this.#proceed(),
      onFailed: (error) => this.#fail(error)
    })
    const patience = settings.store_deadline * TELL_PATIENCE
    this.#facts = new Facts(peer, number, patience, () => this.#proceed(), (error) => this.#fail(error))
    this.#keys = new Keys(this.#store, () => this.#credentials.me?.id)
    this.#admins = new Admins(() => this.#socket)
    const incoming = new Incoming(() => this.#credentials, this.#store, this.#admins)
    const history = new History({
      store: this.#store,
      incoming,
      mapping: () => this.#socket.signalRepository.lidMapping,
      me: () => this.#credentials.me,
      isWanted: options.history !== 'none'
    })
    const protocol = new Protocol({
      store: this.#store,
      socket: () => this.#socket,
      history,
      fetch: (place) => fetchHistory(peer, number, place),
      inTurn: (work) => this.#arrivals.inTurn(work)
    })
    const own = { credentials: this.#credentials, store: this.#store, keys: this.#keys, incoming, protocol }
    const groups = new GroupCache(number)
    this.#groupCache = groups
    groups.onDescribed = ({ id, ephemeralDuration }) => {
      const timer = { seconds: ephemeralDuration ?? 0, changed_at: null, by_me: null }
      void this.#facts.tell({ fact: 'timers', timers: [{ chat: id, timer }] })
    }
    this.#socket = makeSocket({ number, ...own, history, settings, options, groups })
    history.listen(this.#socket)
    this.#admins.listen()
    this.#addressBook = new AddressBook({
      socket: this.#socket,
      facts: this.#facts,
      appState: this.#keys.appState,
      credentials: this.#credentials
    })
    this.#contacts = new Contacts(this.#socket)
    this.#addressing = new Addressing({
      mapping: () => this.#socket.signalRepository.lidMapping,
      me: () => this.#credentials.me,
      modeOf: async (group) => (await describedGroup(this.#socket, group, groups)).addressingMode
    })
    this.#groups = new Groups({
      socket: this.#socket,
      contacts: this.#contacts,
      cache: groups,
      me: () => this.#credentials.me,
      renewSenderKey: (group) => this.#renewSenderKey(group)
    })
    this.#people = new People(this.#socket)
    const { send } = this.#wire
    this.#gate = new Gate(this.#store, lease, send.bind(this.#wire) as (frame: Uint8Array) => void)
    this.#wire.send = this.#gate.take.bind(this.#gate) as typeof send
    this.#sends = new Sends(this.#gate, settings.ack_deadline)
    this.#arrivals = new Arrivals({
      ...own,
      socket: this.#socket,
      facts: this.#facts,
      order: this.#order,
      isCareful: options.careful,
      onArrival: () => this.#pace(),
      onFlood: () => void this.#end({ cause: 'closed', code: null, detail: 'too many messages at once' })
    })
    const onArrival = (): void => this.#pace()
    new GroupNews({
      socket: this.#socket,
      facts: this.#facts,
      me: () => this.#credentials.me,
      renewSenderKey: (group) => this.#renewSenderKey(group),
      onArrival
    })
    new News({
      socket: this.#socket,
      facts: this.#facts,
      me: () => this.#credentials.me,
      rejectsCalls: options.reject_calls,
      onArrival
    })
    this.#pairing = new Pairing({
      socket: this.#socket,
      facts: this.#facts,
      pairWith: options.pair_with,
      qrTimeout: settings.qr_timeout,
      onFailed: (end) => void this.#end(end)
    })
    this.#listen()
  }

  /** Sends a message; answers WhatsApp's time of its acknowledgement. */
  async send(args: OutgoingArguments, original: Uint8Array | undefined): Promise<number> {
    this.#mustBeOpen()
    const handedOut = new Map<string, Devices>()
    const relay = (): Promise<void> => this.#order.after(args.to, () => this.#relay(args, original, handedOut))
    try {
      const timestamp = await this.#sends.send(args.message_id, relay)
      this.#keys.acknowledged(handedOut)
      return timestamp
    } catch (error) {
      this.#keys.notAcknowledged(handedOut)
      throw error
    }
  }

  async #relay(args: OutgoingArguments, original: Uint8Array | undefined, handedOut: Map<string, Devices>): Promise<void> {
    this.#mustBeOpen()
    const jid = await this.#contacts.addressOf(args.to)
    if (await this.#isForAdmins(jid, args)) throw new CallError('not_admin')
    const { message: addressed, own } = await this.#addressing.in(jid, args)
    const timed = { ...addressed, timer: args.timer ?? (await this.#timerOf(jid, args.content.kind)) }
    const message = await messageOf(timed, { jid, own }, this.#credentials, original)
    const plaintext = proto.Message.encode(message).finish()
    const messageId = args.message_id
    const onRecorded = (): void => this.#sends.encrypted(messageId)
    const refusals: string[] = []
    await sending.run({ messageId, plaintext, isRecorded: false, onRecorded, refusals, handedOut }, () =>
      this.#socket.relayMessage(jid, message, { messageId }).catch((error: unknown) => {
        throw refusals.length > 0 && !this.#store.isClosed ? new CallError('keys_invalid', { reason: refusals[0] }) : error
      })
    )
  }

  /** Whether it deletes what another wrote in a group of which we are no admin: phones would leave it as it is. */
  async #isForAdmins(jid: string, { content, original }: OutgoingArguments): Promise<boolean> {
    if (content.kind !== 'revocation' || original === null || original.from_me || isJidGroup(jid) !== true) return false
    const { id, lid } = this.#credentials.me ?? { id: '' }
    return this.#admins.lacks(jid, { pn: jidNormalizedUser(id), lid: lid ? jidNormalizedUser(lid) : undefined })
  }

  /** A group's timer stands in its description; null where none is, and for what cannot disappear. */
  async #timerOf(jid: string, kind: string): Promise<Timer | null> {
    if (isJidGroup(jid) !== true || CHANGES.has(kind)) return null
    const { ephemeralDuration: seconds } = await describedGroup(this.#socket, jid, this.#groupCache)
    return seconds ? { seconds, changed_at: null, by_me: null } : null
  }

  /** Encrypts a file and uploads it; answers where it lies. */
  async upload(args: UploadArguments): Promise<FileReference> {
    this.#mustBeOpen()
    return upload(this.#socket, args)
  }

  /** Whether WhatsApp's media host still gives out what was uploaded there. */
  async holds(url: string): Promise<boolean> {
    this.#mustBeOpen()
    return lies(url, agentFor(this.#options.proxy))
  }

  /** Has a message's file put at WhatsApp again; answers its new path. A phone that is off never answers. */
  async askForFile(request: FileRequest): Promise<string> {
    this.#mustBeOpen()
    return askForFile(this.#socket, request)
  }

  async markRead(messages: readonly MessageReference[]): Promise<void> {
    this.#mustBeOpen()
    const keys = messages.map(({ message_id, chat, participant }) => ({
      id: message_id,
      remoteJid: chat,
      fromMe: false,
      ...(participant === null ? {} : { participant })
    }))
    if (this.#options.read_receipts) await this.#socket.readMessages(keys)
    else await this.#socket.sendReceipts(keys, 'read-self')
  }

  async sendPresence(to: string, state: string): Promise<void> {
    this.#mustBeOpen()
    const baileys = { typing: 'composing', recording: 'recording', paused: 'paused' } as const
    if (state === 'available' || state === 'unavailable') await this.#socket.sendPresenceUpdate(state)
    else await this.#socket.sendPresenceUpdate(baileys[state as keyof typeof baileys], to)
  }

  /** Answers once it is stored who is who: whoever knows a person's other name may write to it from then on. */
  async check(phones: readonly string[]): Promise<Contact[]> {
    this.#mustBeOpen()
    const contacts = await this.#contacts.check(phones)
    await this.#isStored()
    this.#mustBeOpen()
    return contacts
  }

  async askGroups(method: string, args: unknown): Promise<unknown> {
    this.#mustBeOpen()
    return askGroups(this.#groups, method, args)
  }

  /** After what is on its way to the group: its members must be given the key that it was encrypted with. */
  #renewSenderKey(group: string): Promise<void> {
    const { id, lid } = this.#credentials.me ?? { id: '' }
    return this.#order.after(group, async () => this.#keys.renewSenderKey(group, [id, ...(lid ? [lid] : [])]))
  }

  async picture(jid: string, isPreview: boolean): Promise<Picture> {
    this.#mustBeOpen()
    return this.#people.picture(await this.#contacts.addressOf(jid), isPreview)
  }

  async subscribe(jid: string): Promise<void> {
    this.#mustBeOpen()
    await this.#people.subscribe(jid)
  }

  /** Unlinks this device at WhatsApp, then ends. */
  async logout(): Promise<void> {
    this.#mustBeOpen()
    const jid = this.#credentials.account ? this.#credentials.me?.id : undefined
    if (jid !== undefined) {
      const content = [{ tag: 'remove-companion-device', attrs: { jid, reason: 'user_initiated' } }]
      const attrs = { to: 's.whatsapp.net', type: 'set', xmlns: 'md' }
      await this.#socket.query({ tag: 'iq', attrs, content }, LOGOUT_TIMEOUT_MS)
    }
    await this.#end({ cause: 'logged_out', code: null, detail: 'logged out by us' })
  }

  /** Ends; returns when the owner has been told. */
  async close(): Promise<void> {
    await this.#end({ cause: 'requested', code: null, detail: '' })
  }

  get #wire(): WebSocket {
    return Reflect.get(this.#socket.ws, 'socket') as WebSocket
  }

  #mustBeOpen(): void {
    if (this.#ending !== undefined) throw new CallError('not_connected')
  }

  #listen(): void {
    const { ev, ws } = this.#socket
    ev.on('creds.update', () => this.#saveCredentials())
    ev.on('connection.update', (update) => this.#update(update))
    ev.on('call', (calls) => this.#rejectCalls(calls))
    ws.on('CB:ack,class:message', (node: BinaryNode) => {
      const code = this.#sends.acknowledge(node)
      if (code !== undefined) void this.#facts.tell({ fact: 'send_failed', message_id: node.attrs['id'], code })
    })
  }

  /** A device that is not paired has nothing worth keeping. */
  #saveCredentials(): void {
    const { account, me } = this.#credentials
    if (!account || me === undefined || this.#ending !== undefined) return
    if (!me.name) me.name = NO_NAME
    this.#store.putCredentials(this.#credentials)
  }

  #update({ isNewLogin, connection, lastDisconnect, isOnline }: BaileysEventMap['connection.update']): void {
    // Receipts of a device that does not appear online are not shown as delivered; but delivered it is, and stored
    if (isOnline === false) this.#socket.ev.emit('connection.update', { isOnline: true })
    if (isNewLogin === true) {
      const { id, lid } = this.#credentials.me ?? { id: '' }
      void this.#facts.tell({ fact: 'paired', jid: id, lid: lid ?? null }, () => this.#isStored())
    }
    if (connection === 'open') this.#connected()
    if (connection === 'close') void this.#end(this.#isForged() ? forged(lastDisconnect?.error) : endOf(lastDisconnect?.error))
  }

  /** Whether a phone is said to have linked this device, and it did not prove that. */
  #isForged(): boolean {
    return this.#pairing.isAnswered && this.#credentials.account === undefined
  }

  #connected(): void {
    const { id, lid, name } = this.#credentials.me ?? { id: '' }
    const jid = jidNormalizedUser(id)
    const known = name === undefined || name === NO_NAME ? null : name
    const fact = { fact: 'connected', phone: phoneOf(jid), jid, lid: lid ? jidNormalizedUser(lid) : null, push_name: known }
    void this.#facts.tell(fact, () => this.#isStored())
    this.#arrivals.replay()
    // Our name comes with the account's settings, as soon as the phone has shared their key
    if (known === null) this.#socket.resyncAppState(['critical_block'], true).catch(() => undefined)
    this.#addressBook.read()
  }

  #rejectCalls(calls: BaileysEventMap['call']): void {
    if (!this.#options.reject_calls) return
    for (const call of calls) {
      if (call.status === 'offer' && !call.offline) this.#socket.rejectCall(call.id, call.from).catch(() => undefined)
    }
  }

  /** Something was stored or told: lets out what waited for it, and reads on. */
  #proceed(): void {
    this.#gate.release()
    if (this.#store.stored >= this.#store.taken) this.#settled.splice(0).forEach((resolve) => resolve())
    this.#pace()
  }

  /** Reads no more from WhatsApp than the owner can follow. */
  #pace(): void {
    const wire = this.#wire as WebSocket | null
    if (this.#facts.isBusy || this.#store.isBusy) wire?.pause()
    else if (wire?.isPaused) wire.resume()
  }

  /** Resolves when all that was taken is durable, or never will be. */
  #isStored(): Promise<void> {
    if (this.#store.stored >= this.#store.taken || this.#hasFailed) return Promise.resolve()
    return new Promise((resolve) => this.#settled.push(resolve))
  }

  #fail(error?: unknown): void {
    this.#hasFailed = true
    this.#settled.splice(0).forEach((resolve) => resolve())
    void this.#end({ cause: 'store_failed', code: null, detail: error instanceof FrameTooLarge ? error.message : '' })
  }

  #end(end: End): Promise<void> {
    this.#ending ??= this.#finish(end)
    return this.#ending
  }

  async #finish(end: End): Promise<void> {
    const wire = this.#wire as WebSocket | null
    if (this.#hasFailed) {
      this.#gate.close()
      wire?.terminate()
    }
    await this.#isStored() // what was decrypted is kept, and its receipt may still leave
    this.#gate.close()
    this.#sends.failAll(this.#hasFailed ? 'store_refused' : 'not_connected')
    setTimeout(() => wire?.terminate(), CLOSE_TIMEOUT_MS).unref()
    this.#socket.end(undefined).catch(() => undefined)
    this.#store.close()
    await this.#facts.tell({ fact: 'disconnected', ...end })
    this.#onEnd()
  }
}
