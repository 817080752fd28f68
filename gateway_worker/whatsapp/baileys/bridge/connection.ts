/** One connection of one session: what Python may ask of it, and how it lives and ends. */
import { type AuthenticationCreds, type BaileysEventMap, initAuthCreds, jidNormalizedUser, type WASocket } from 'baileys'

import { assemble, type Opening, type Parts } from './assembly.ts'
import { FrameTooLarge } from './channel/frames.ts'
import type {
  Acknowledgement,
  Contact,
  FileReference,
  FileRequest,
  MessageReference,
  OpenArguments,
  Picture,
  PresenceArguments,
  Proof,
  UploadArguments
} from './channel/calls.ts'
import { CallError } from './channel/peer.ts'
import type { StateChange } from './channel/payloads.ts'
import { agentFor } from './channel/settings.ts'
import { askGroups } from './groups/groups.ts'
import type { OutgoingArguments } from './outgoing/message.ts'
import { askForFile } from './outgoing/reupload-request.ts'
import { lies, upload } from './outgoing/uploads.ts'
import { Appearance, isNew, ownName, whenNamed } from './people/own-name.ts'
import { decodeCredentials } from './signal/values.ts'
import { phoneOf } from './words/addresses.ts'
import { type End, endOf, forged } from './words/causes.ts'

const CLOSE_TIMEOUT_MS = 1_000
const LOGOUT_TIMEOUT_MS = 5_000

export class Connection {
  readonly #options: OpenArguments
  readonly #credentials: AuthenticationCreds
  readonly #parts: Parts
  readonly #onEnd: () => void
  readonly #appearance: Appearance
  /** Whether its phone has to say yet what the account is called. */
  readonly #isNew: boolean
  #hasNotifiedConnected = false
  #ending: Promise<void> | undefined
  #settled: (() => void)[] = []
  #hasFailed = false

  /** @param stored its credentials; without any it will be paired */
  constructor(opening: Opening, stored: Buffer | undefined, onEnd: () => void) {
    this.#options = opening.options
    this.#onEnd = onEnd
    const credentials = stored === undefined ? undefined : decodeCredentials(stored)
    this.#credentials = credentials?.account ? credentials : initAuthCreds()
    this.#isNew = isNew(this.#credentials)
    const events = {
      onStored: () => this.#proceed(),
      onFailed: (error: unknown) => this.#fail(error),
      onArrival: () => this.#pace(),
      onEnd: (end: End) => void this.#end(end),
      mustBeOpen: () => this.#mustBeOpen()
    }
    this.#parts = assemble({ ...opening, credentials: this.#credentials, events })
    this.#appearance = new Appearance(this.#parts.socket, this.#credentials, opening.options.mark_online)
    this.#listen()
  }

  get #socket(): WASocket {
    return this.#parts.socket
  }

  /** Sends a message; answers once WhatsApp's server has it. */
  async send(args: OutgoingArguments, original: Uint8Array | undefined): Promise<Acknowledgement> {
    this.#mustBeOpen()
    return this.#parts.sender.send(args, original)
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

  async sendPresence({ to, state }: PresenceArguments): Promise<void> {
    this.#mustBeOpen()
    const baileys = { typing: 'composing', recording: 'recording', paused: 'paused' } as const
    if (state === 'available' || state === 'unavailable') await this.#appearance.show(state)
    else await this.#socket.sendPresenceUpdate(baileys[state], to)
  }

  /** Answers once it is stored who is who: whoever knows a person's other name may write to it from then on. */
  async check(phones: readonly string[]): Promise<Contact[]> {
    this.#mustBeOpen()
    const contacts = await this.#parts.contacts.check(phones)
    await this.#isStored()
    this.#mustBeOpen()
    return contacts
  }

  /** Changes the app state; answers once WhatsApp has the change, and it is stored. */
  async changeState(changes: readonly StateChange[]): Promise<void> {
    this.#mustBeOpen()
    await this.#parts.appState.change(changes)
  }

  /** What is asked about the account itself. */
  get own(): Parts['own'] {
    this.#mustBeOpen()
    return this.#parts.own
  }

  /** Its calls. */
  get calls(): Parts['callsAndPresence'] {
    this.#mustBeOpen()
    return this.#parts.callsAndPresence
  }

  /** Whom it has blocked. */
  get blockList(): Parts['blockList'] {
    this.#mustBeOpen()
    return this.#parts.blockList
  }

  async askGroups(method: string, args: unknown): Promise<unknown> {
    this.#mustBeOpen()
    return askGroups(this.#parts.groups, method, args)
  }

  async picture(jid: string, isPreview: boolean): Promise<Picture> {
    this.#mustBeOpen()
    return this.#parts.people.picture(await this.#parts.contacts.addressOf(jid), isPreview)
  }

  async subscribe(jid: string): Promise<void> {
    this.#mustBeOpen()
    await this.#parts.people.subscribe(jid)
  }

  /** Links an account that has a passkey; see `Ceremony`. */
  async prove({ assertion, credential_id: id }: Proof): Promise<void> {
    this.#mustBeOpen()
    await this.#parts.pairing.ceremony.prove(assertion, Buffer.from(id, 'base64url'))
  }

  async confirmCode(isSame: boolean): Promise<void> {
    this.#mustBeOpen()
    await this.#parts.pairing.ceremony.confirm(isSame)
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

  #mustBeOpen(): void {
    if (this.#ending !== undefined) throw new CallError('not_connected')
  }

  #listen(): void {
    const { ev } = this.#socket
    ev.on('creds.update', () => {
      this.#saveCredentials()
      this.#noteName()
      this.#parts.newChats.note()
    })
    ev.on('connection.update', (update) => this.#update(update))
    ev.on('call', (calls) => this.#rejectCalls(calls))
  }

  /** A device that is not paired has nothing worth keeping. */
  #saveCredentials(): void {
    const { account, me } = this.#credentials
    if (!account || me === undefined || this.#ending !== undefined) return
    this.#parts.store.putCredentials(this.#credentials)
  }

  /** A name that comes after `connected` was told, or changes, is a fact of its own. */
  #noteName(): void {
    const name = this.#appearance.renamed()
    if (name !== null && this.#hasNotifiedConnected)
      void this.#parts.facts.notify({ fact: 'named', push_name: name }, () => this.#isStored())
  }

  #update({ isNewLogin, connection, lastDisconnect, isOnline }: BaileysEventMap['connection.update']): void {
    // Receipts of a device that does not appear online are not shown as delivered; but delivered it is, and stored
    if (isOnline === false) this.#socket.ev.emit('connection.update', { isOnline: true })
    if (isNewLogin === true) {
      const { id, lid } = this.#credentials.me ?? { id: '' }
      void this.#parts.facts.notify({ fact: 'paired', jid: id, lid: lid ?? null }, () => this.#isStored())
    }
    if (connection === 'open') this.#connected()
    if (connection === 'close') void this.#end(this.#isForged() ? forged(lastDisconnect?.error) : endOf(lastDisconnect?.error))
  }

  /** Whether a phone is said to have linked this device, and it did not prove that. */
  #isForged(): boolean {
    return this.#parts.pairing.isAnswered && this.#credentials.account === undefined
  }

  #connected(): void {
    void this.#parts.newChats.open() // before messages leave
    this.#appearance.open()
    const isNamed = ownName(this.#credentials) !== null
    if (isNamed || !this.#isNew) this.#notifyConnected()
    else whenNamed(this.#socket.ev, () => this.#notifyConnected())
    this.#parts.arrivals.replay()
    // Our name comes with it, too; of a new device, as soon as the phone has shared the key
    void this.#parts.appState.read()
    void this.#parts.blockList.open()
  }

  #notifyConnected(): void {
    if (this.#ending !== undefined) return
    this.#hasNotifiedConnected = true
    const { id, lid } = this.#credentials.me ?? { id: '' }
    const jid = jidNormalizedUser(id)
    const known = { phone: phoneOf(jid), jid, lid: lid ? jidNormalizedUser(lid) : null, push_name: ownName(this.#credentials) }
    void this.#parts.facts.notify({ fact: 'connected', ...known }, () => this.#isStored())
  }

  #rejectCalls(calls: BaileysEventMap['call']): void {
    if (!this.#options.reject_calls) return
    for (const call of calls) {
      if (call.status === 'offer' && !call.offline) this.#parts.callsAndPresence.reject(call.id, call.from).catch(() => undefined)
    }
  }

  /** Something was stored or told: lets out what waited for it, and reads on. */
  #proceed(): void {
    this.#parts.gate.release()
    if (this.#parts.store.stored >= this.#parts.store.taken) this.#settled.splice(0).forEach((resolve) => resolve())
    this.#pace()
  }

  /** Reads no more from WhatsApp than the owner can follow. */
  #pace(): void {
    const { wire, facts, store } = this.#parts
    wire.read(!facts.isBusy && !store.isBusy)
  }

  /** Resolves when all that was taken is durable, or never will be. */
  #isStored(): Promise<void> {
    if (this.#parts.store.stored >= this.#parts.store.taken || this.#hasFailed) return Promise.resolve()
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
    this.#parts.pairing.close()
    const terminate = this.#parts.wire.terminator()
    if (this.#hasFailed) {
      this.#parts.gate.close()
      terminate()
    }
    await this.#isStored() // what was decrypted is kept, and its receipt may still leave
    this.#parts.gate.close()
    this.#parts.acknowledgements.failAll(this.#hasFailed ? 'store_refused' : 'not_connected')
    setTimeout(terminate, CLOSE_TIMEOUT_MS).unref()
    this.#socket.end(undefined).catch(() => undefined)
    this.#parts.store.close()
    await this.#parts.facts.notify({ fact: 'disconnected', ...end })
    this.#onEnd()
  }
}
