/**
 * The key store as Baileys and libsignal use it: transactions over `Store`, one lock per connection.
 *
 * Baileys locks sends by our own JID and decryptions by the peer's, so they overwrite each other's ratchets; here every
 * transaction of a connection takes the same lock, for as long as it computes. It does not hold it while it is stored.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

import { jidDecode, type SignalDataSet, type SignalDataTypeMap, type SignalKeyStoreWithTransaction } from 'baileys'

import type { Entry } from './commit.ts'
import { nameOfKey, type Store } from './store.ts'

/** A plaintext to be stored with the first ratchet step of its message. */
export interface Sending {
  messageId: string
  plaintext: Uint8Array
  isRecorded: boolean
  onRecorded: () => void
  /** Why there is no session with a device: what WhatsApp gave of its keys was not valid. */
  refusals: string[]
  /** Groups whose sender key goes out with it, each with all devices that have it then. */
  handedOut: Map<string, Devices>
}

/** By JID: which devices were given our sender key of a group. */
export type Devices = Record<string, boolean>

/** As Baileys names the sender key of a device in a group. */
function senderKeyName(group: string, jid: string): string {
  const { user = '', device = 0, domainType = 0 } = jidDecode(jid) ?? {}
  return `${group}::${domainType === 0 ? user : `${user}_${domainType}`}::${device}`
}

interface Transaction {
  owner: Keys
  writes: Map<string, unknown>
  entries: Entry[]
  sent: [string, Uint8Array][]
  open: boolean
}

const current = new AsyncLocalStorage<Transaction>()
export const sending = new AsyncLocalStorage<Sending>()

/** Transactions that only write facts: they must not wait for the lock, a holder of it may be waiting for them. */
const UNLOCKED = new Set(['lid-mapping'])
/** Where Baileys would look up which versions of the app state it has read. */
const APP_STATE = 'app-state-sync-version'
/** Whom our sender key of a group was handed to. */
const HANDED_OUT = 'sender-key-memory'

/** The app state is not Baileys' to read. */
class ReadElsewhere extends Error {}

function readElsewhere(error: unknown): undefined {
  if (!(error instanceof ReadElsewhere)) throw error // else it is as if there was nothing new
}

export class Keys implements SignalKeyStoreWithTransaction {
  readonly #store: Store
  readonly #ownId: () => string | undefined
  #last: Promise<unknown> = Promise.resolve()
  /** Sender keys that are on their way, by group. */
  readonly #handedOut = new Map<string, Devices>()

  /** @param ownId our own JID: Baileys names the transactions around whole sends by it */
  constructor(store: Store, ownId: () => string | undefined) {
    this.#store = store
    this.#ownId = ownId
    this.get = this.get.bind(this) // Baileys takes it off the object to read the prekeys of a retry receipt
  }

  isInTransaction(): boolean {
    return this.#transaction() !== undefined
  }

  async get<K extends keyof SignalDataTypeMap>(kind: K, ids: string[]): Promise<Record<string, SignalDataTypeMap[K]>> {
    if (kind === HANDED_OUT) return (await this.#loadHandedOut(ids)) as Record<string, SignalDataTypeMap[K]>
    if (kind === APP_STATE) throw new ReadElsewhere()
    const writes = this.#transaction()?.writes
    if (writes === undefined || writes.size === 0) return this.#store.get(kind, ids)
    const found: Record<string, unknown> = {}
    const others: string[] = []
    for (const id of ids) {
      const value = writes.get(nameOfKey(kind, id))
      if (value === undefined) others.push(id)
      else if (value !== null) found[id] = value
    }
    if (others.length > 0) Object.assign(found, await this.#store.get(kind, others))
    return found as Record<string, SignalDataTypeMap[K]>
  }

  async set({ [HANDED_OUT]: handedOut, ...changes }: SignalDataSet): Promise<void> {
    for (const [group, devices] of Object.entries(handedOut ?? {})) this.#setHandedOut(group, devices)
    const transaction = this.#transaction()
    if (transaction === undefined) {
      if (changes.session) await this.#locked(async () => this.#store.set(changes))
      else this.#store.set(changes)
      return
    }
    for (const [kind, values] of Object.entries<Record<string, unknown> | undefined>(changes)) {
      for (const [id, value] of Object.entries(values ?? {})) transaction.writes.set(nameOfKey(kind, id), value ?? null)
    }
  }

  /**
   * Runs `work`; its writes are taken by the store together when it succeeds, and dropped when it fails.
   *
   * A transaction named by our own JID is Baileys' bracket around a whole send, network and all: it is no transaction
   * here, each step inside commits by itself, and `gate.ts` keeps the order. It also brackets its readings of the app state,
   * which are ended before they begin: `AppState` reads it.
   */
  async transaction<T>(work: () => Promise<T>, name: string): Promise<T> {
    if (this.#transaction() !== undefined) return work()
    if (name === this.#ownId()) return work().catch(readElsewhere) as Promise<T>
    if (UNLOCKED.has(name)) return this.#run(work)
    return this.#locked(() => this.#run(work))
  }

  /** Adds a decrypted message to the running transaction. */
  record(entry: Entry): void {
    const transaction = this.#transaction()
    if (transaction === undefined) throw new Error('a message was decrypted outside of a transaction')
    transaction.entries.push(entry)
  }

  /** Adds the plaintext of the message that is being sent to the running transaction, once. */
  recordSending(): void {
    const message = sending.getStore()
    const transaction = this.#transaction()
    if (message === undefined || transaction === undefined || message.isRecorded) return
    message.isRecorded = true
    transaction.sent.push([message.messageId, message.plaintext])
    message.onRecorded()
  }

  /**
   * WhatsApp has a message: the sender keys that went with it have been handed out. Not before: a crash between the
   * commit and the wire would leave members without the key, and every next message to them unreadable.
   */
  acknowledged(handedOut: Map<string, Devices>): void {
    if (handedOut.size === 0 || this.#store.isClosed) return
    // Of several on their way the last knows all devices; there is none if the key was renewed meanwhile
    const latest = [...handedOut].filter(([group, devices]) => this.#handedOut.get(group) === devices)
    if (latest.length === 0) return
    this.#store.put({ keys: latest.map(([group, devices]) => [nameOfKey(HANDED_OUT, group), devices]) }, true)
    for (const [group] of latest) this.#handedOut.delete(group)
  }

  /**
   * Somebody left a group: what we send from now on is encrypted with a new sender key, handed out to all who stay.
   * Nothing may be on its way between its encryption and its stanza.
   *
   * @param own our JIDs, with the device: the group may use either
   */
  renewSenderKey(group: string, own: readonly string[]): void {
    if (this.#store.isClosed) return
    this.#handedOut.delete(group)
    const names = own.map((jid) => senderKeyName(group, jid))
    this.#store.set({ 'sender-key': Object.fromEntries(names.map((name) => [name, null])), [HANDED_OUT]: { [group]: null } })
  }

  /** It was refused, or nobody knows: the next message hands them out again. */
  notAcknowledged(handedOut: Map<string, Devices>): void {
    if (this.#store.isClosed) return
    for (const group of handedOut.keys()) this.#setHandedOut(group, null)
  }

  /** Copies: Baileys adds to what it was given before it has handed anything out. */
  async #loadHandedOut(groups: string[]): Promise<Record<string, Devices>> {
    const stored = await this.#store.get(HANDED_OUT, groups)
    const found: Record<string, Devices> = {}
    for (const group of groups) {
      const devices = this.#handedOut.get(group) ?? stored[group]
      if (devices !== undefined) found[group] = { ...devices }
    }
    return found
  }

  #setHandedOut(group: string, devices: Devices | null): void {
    if (devices === null) {
      this.#handedOut.delete(group)
      this.#store.set({ [HANDED_OUT]: { [group]: null } })
    } else {
      this.#handedOut.set(group, devices)
      sending.getStore()?.handedOut.set(group, devices)
    }
  }

  #transaction(): Transaction | undefined {
    const transaction = current.getStore()
    return transaction?.owner === this && transaction.open ? transaction : undefined
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    const transaction: Transaction = { owner: this, writes: new Map(), entries: [], sent: [], open: true }
    try {
      const result = await current.run(transaction, work)
      this.#take(transaction)
      return result
    } finally {
      transaction.open = false
    }
  }

  #take({ writes, entries, sent }: Transaction): void {
    if (writes.size + entries.length + sent.length === 0) return
    const linger = entries.some((entry) => entry.message === null)
    this.#store.put({ keys: writes, entries, sent }, linger)
  }

  #locked<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}
