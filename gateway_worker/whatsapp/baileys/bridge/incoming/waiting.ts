/**
 * Sealed changes that came before the message that they are about, or before its secret: they are told as sealed, and once
 * more when the secret is stored. Of each stands here whose it was and where its plaintext lies (its entry); the list is
 * kept with the keys, so that a new process has it, and the plaintexts stay where they are.
 *
 * What is opened is stored in one commit with the list that no longer has it: it is told once. What the phone's history
 * brought takes the place of its row, before the list has it no longer: nothing is told of the past, so it may come twice.
 */
import type { proto, SignalDataTypeMap } from 'baileys'

import type { EntryKey, Message } from '../channel/payloads.ts'
import { type Entry, nameOfEntry } from '../signal/commit.ts'
import { nameOfKey, type Store } from '../signal/store.ts'
import { decoded } from '../patches/decoding.ts'
import { boundEnvelope, type Envelope } from './description.ts'

/** `about`: the id of the message whose secret is missing. `since`: Unix milliseconds, our clock. `isPast`: the history has it. */
export interface Waiting {
  key: EntryKey
  envelope: Envelope
  about: string
  since: number
  isPast: boolean
}

type WaitingStore = Pick<Store, 'get' | 'put' | 'loadEntry' | 'putHistory'>

/** Says anew what a change does; `isSealed`: its secret is missing still. */
export type Describe = (envelope: Envelope, message: proto.IMessage) => Promise<{ described: Message | null; isSealed: boolean }>

const KIND = 'waiting-change' as keyof SignalDataTypeMap // a kind of ours beside Baileys'
const ALL = 'all'
/** Of a session; of one chat, so that one that seals what nobody can open does not push out the others'. */
const MAX_WAITING = 64
const MAX_IN_A_CHAT = 32
/** A phone is asked for what could not be read, and answers within days or never. */
const MAX_AGE_MS = 3 * 24 * 60 * 60 * 1000

export class WaitingChanges {
  readonly #store: WaitingStore
  readonly #describe: Describe
  readonly #now: () => number
  #loading: Promise<void> | undefined
  #waiting: readonly Waiting[] = []
  readonly #arrived = new Set<string>()

  constructor(store: WaitingStore, describe: Describe, now: () => number = Date.now) {
    this.#store = store
    this.#describe = describe
    this.#now = now
  }

  /** Keeps a change that nothing opens which is stored; the oldest give way. */
  async keep(key: EntryKey, envelope: Envelope, about: string, isPast = false): Promise<void> {
    await this.#loaded()
    const name = nameOfEntry(key)
    const others = this.#waiting.filter((each) => nameOfEntry(each.key) !== name)
    const inChat = others.filter((each) => each.key.chat === key.chat)
    const tooOld = inChat.length < MAX_IN_A_CHAT ? null : inChat[0]
    const kept = others.filter((each) => each !== tooOld && this.#now() - each.since < MAX_AGE_MS)
    this.#waiting = [...kept, { key, envelope: boundEnvelope(envelope), about, since: this.#now(), isPast }].slice(-MAX_WAITING)
    this.#store.put({ keys: [this.#key()] })
  }

  /** Something of a message of this id came. */
  note(messageId: string): void {
    this.#arrived.add(messageId)
  }

  /** Opens, in the order in which they came, what waits for what has come. */
  async open(): Promise<void> {
    if (this.#arrived.size === 0) return
    await this.#loaded()
    const due = this.#waiting.filter(({ about }) => this.#arrived.has(about))
    this.#arrived.clear()
    for (const each of due) await this.#open(each)
  }

  async #open(waiting: Waiting): Promise<void> {
    const { key, envelope } = waiting
    const plaintext = await this.#store.loadEntry(key)
    const content = plaintext === undefined ? null : decoded(plaintext)
    const again = content === null ? null : await this.#describe(envelope, content)
    if (again?.isSealed === true) return
    const message = again?.described ?? null
    const opened = plaintext === undefined || message === null ? [] : [{ key, plaintext, message, isOpened: true }]
    if (waiting.isPast) await this.#replace(opened)
    this.#waiting = this.#waiting.filter((each) => each !== waiting)
    this.#store.put({ keys: [this.#key()], entries: waiting.isPast ? [] : opened })
  }

  /** Of the history: its plaintext is stored, and stays. */
  async #replace(opened: readonly Entry[]): Promise<void> {
    const entries = opened.map((each) => ({ ...each, plaintext: new Uint8Array(), status: null, order: 0 }))
    if (entries.length > 0) await this.#store.putHistory({ entries, contacts: [], part: null, processed: [] })
  }

  /** Once a connection; what an earlier one stored of their messages may not have been looked at. */
  #loaded(): Promise<void> {
    this.#loading ??= this.#load()
    return this.#loading
  }

  async #load(): Promise<void> {
    const { [ALL]: stored } = await this.#store.get(KIND, [ALL])
    this.#waiting = (stored as unknown as Waiting[] | undefined) ?? []
    for (const { about } of this.#waiting) this.#arrived.add(about)
  }

  #key(): readonly [string, unknown] {
    return [nameOfKey(KIND, ALL), this.#waiting.length === 0 ? null : this.#waiting]
  }
}
