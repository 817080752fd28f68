/**
 * A connection's memory of what Python stores: Signal keys, credentials, decrypted messages.
 *
 * A change is taken at once and committed in groups: while one commit is under way, the next group collects. What is not
 * durable yet is read from here, never from Python; nothing that depends on it leaves (see `gate.ts`). A commit that
 * fails or is refused ends the connection, and this memory with it: the database decides what is true.
 */
import type { AuthenticationCreds, SignalDataSet, SignalDataTypeMap, SignalKeyStore } from 'baileys'

import { BoundedMap } from '../words/bounded.ts'
import { type Changes, Group, type HistorySlice, nameOfEntry, PART_BYTES, type StoredEntry } from './commit.ts'
import { isId, jidOf, keyNameOf } from '../words/limits.ts'
import type { EntryKey } from '../channel/payloads.ts'
import { type Answered, ask, type Peer } from '../channel/peer.ts'
import type { Questions, StoredOriginal as FoundOriginal } from '../channel/questions.ts'
import { decodeKey, encodeCredentials } from './values.ts'

/** `edited`: what its text or caption is now, if it was edited. */
export interface Sent {
  plaintext: Uint8Array
  edited: string | null
}

/** What is stored of a message, with itself. */
export interface StoredOriginal extends FoundOriginal {
  plaintext: Uint8Array
}

const MAX_CACHED_KEYS = 256
/** Changes that may wait for a commit before the connection stops reading from its socket. */
const MAX_WAITING = 200
const MAX_WAITING_BYTES = 16 * PART_BYTES
/** Protocol messages are processed after their receipt: their effects join the commit when it waits this long. */
const LINGER_MS = 20
/** Keys set at once that go into one commit. A history names tens of thousands of people, two keys each, side by side. */
const MAX_KEYS = 1_000
/** Keys read once at most, or seldom: not worth a place in the cache. */
const UNCACHED = new Set(['pre-key', 'app-state-macs'])

export class StoreClosed extends Error {}

/** The name of a key here and in the store; a stranger may have made its id. */
export function nameOfKey(kind: string, id: string): string {
  return `${kind}\0${keyNameOf(id)}`
}

export interface StoreEvents {
  /** Everything up to `stored` is durable now. */
  onStored: () => void
  onFailed: (error: unknown) => void
}

export class Store implements SignalKeyStore {
  readonly #peer: Peer
  readonly #connection: number
  readonly #deadlineMs: number
  readonly #events: StoreEvents
  readonly #cache = new BoundedMap<unknown>(MAX_CACHED_KEYS)
  readonly #loads = new Set<Set<string>>()
  #collecting = new Group()
  #committing: Group | undefined
  #timer: NodeJS.Immediate | NodeJS.Timeout | undefined
  #credentials: AuthenticationCreds | undefined
  #closed = false
  readonly #waiting: (() => void)[] = []
  /** Number of the group a change taken last went to, and of the last durable one. */
  taken = 0
  stored = 0

  constructor(peer: Peer, connection: number, deadlineMs: number, events: StoreEvents) {
    this.#peer = peer
    this.#connection = connection
    this.#deadlineMs = deadlineMs
    this.#events = events
  }

  get isClosed(): boolean {
    return this.#closed
  }

  get isBusy(): boolean {
    return this.#collecting.size > MAX_WAITING || this.#collecting.bytes > MAX_WAITING_BYTES
  }

  async get<K extends keyof SignalDataTypeMap>(kind: K, ids: string[]): Promise<Record<string, SignalDataTypeMap[K]>> {
    this.#mustBeOpen()
    const found: Record<string, unknown> = {}
    const missing: string[] = []
    for (const id of ids) {
      const value = this.#remembered(nameOfKey(kind, id))
      if (value === undefined) missing.push(id)
      else if (value !== null) found[id] = value
    }
    if (missing.length > 0) Object.assign(found, await this.#load(kind, missing))
    return found as Record<string, SignalDataTypeMap[K]>
  }

  set(changes: SignalDataSet): void {
    const keys: [string, unknown][] = []
    for (const [kind, values] of Object.entries<Record<string, unknown> | undefined>(changes)) {
      for (const [id, value] of Object.entries(values ?? {})) keys.push([nameOfKey(kind, id), value ?? null])
    }
    for (let start = 0; start < keys.length; start += MAX_KEYS) this.put({ keys: keys.slice(start, start + MAX_KEYS) })
  }

  /** Takes changes; they are durable when `stored` reaches what `taken` is now. */
  put(changes: Changes, linger = false): void {
    this.#mustBeOpen()
    for (const load of this.#loads) for (const [name] of changes.keys ?? []) load.add(name)
    this.#collecting.add(changes)
    this.#schedule(linger)
  }

  /** Takes the credentials as they will be when the group leaves. */
  putCredentials(credentials: AuthenticationCreds): void {
    this.#mustBeOpen()
    this.#credentials = credentials
    this.#collecting.hasCredentials = true
    this.#schedule(false)
  }

  /** The plaintext of an entry, also of one that is not durable yet. */
  async loadEntry(key: EntryKey): Promise<Uint8Array | undefined> {
    this.#mustBeOpen()
    const name = nameOfEntry(key)
    const entry = this.#collecting.entry(name) ?? this.#committing?.entry(name)
    if (entry) return entry.plaintext
    const answer = await this.#ask('load_entry', key)
    return answer.value ? Buffer.from(answer.blobs[0] ?? []) : undefined
  }

  /** Counts a stanza that is about to be handled; false when it must not be, because processes end whenever it is. */
  async begin(name: string): Promise<boolean> {
    this.#mustBeOpen()
    return (await this.#ask('begin', name)).value
  }

  /** What an earlier connection was not done with, oldest first. */
  async loadUnprocessed(): Promise<StoredEntry[]> {
    this.#mustBeOpen()
    const answer = await this.#ask('load_unprocessed', null)
    const entries: StoredEntry[] = []
    for (const [index, key] of answer.value.entries()) {
      // Only so many fit into one answer
      const plaintext = answer.blobs[index] ?? (await this.loadEntry(key))
      if (plaintext !== undefined) entries.push({ key, plaintext: Buffer.from(plaintext) })
    }
    return entries
  }

  /**
   * A message of ours to be sent again, as it is now: nothing of one that was deleted. Of `chat` where somebody there asks
   * for it: nobody is given what was written to others.
   */
  async loadSent(messageId: string, chat: string | null): Promise<Sent | undefined> {
    this.#mustBeOpen()
    if (!isId(messageId)) return undefined // nothing is stored under such a name
    const { value, blobs } = await this.#ask('load_sent', { message_id: messageId, chat: chat === null ? null : jidOf(chat) })
    return value === null ? undefined : { plaintext: blobs[0] ?? new Uint8Array(), edited: value.edited }
  }

  /** The messages of a chat under an id, also those that arrived just now; of `author` (as in `changes.ts`) first. */
  async loadOriginals(messageId: string, chat: string, author: string | null): Promise<StoredOriginal[]> {
    if (!isId(messageId)) return []
    if ([this.#collecting, this.#committing].some((group) => group?.holds(messageId))) await this.isStored()
    this.#mustBeOpen()
    const { value, blobs } = await this.#ask('load_originals', { message_id: messageId, chat: jidOf(chat), author })
    return value.map((each, index) => ({ ...each, plaintext: blobs[index] ?? new Uint8Array() }))
  }

  /** Stores a slice of the history, after what was taken before; returns when it is durable. */
  async putHistory({ entries, contacts, timers = [], part, processed }: HistorySlice): Promise<void> {
    await this.#caughtUp(this.taken)
    this.#mustBeOpen()
    const value = entries.map(({ key, message, status, order, isOpened }) => {
      return { key, message, status, order, opened: isOpened === true }
    })
    const blobs = entries.map(({ plaintext }) => plaintext)
    await this.#ask('history', { entries: value, contacts, timers, part, processed: [...processed] }, blobs)
  }

  /** Forgets everything; later calls fail. */
  close(): void {
    this.#closed = true
    this.#waiting.splice(0).forEach((resolve) => resolve())
    this.#unschedule()
    this.#cache.clear()
    this.#collecting = new Group()
    this.#committing = undefined
    this.#credentials = undefined
  }

  /** Resolves when all that was taken is durable, or never will be. */
  isStored(): Promise<void> {
    return this.#caughtUp(this.taken)
  }

  /** Resolves when the group of this number is durable, or never will be. */
  async #caughtUp(group: number): Promise<void> {
    while (!this.#closed && this.stored < group) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new StoreClosed()
  }

  #remembered(name: string): unknown {
    for (const group of [this.#collecting, this.#committing]) {
      const value = group?.keys.get(name)
      if (value !== undefined) return value
    }
    return this.#cache.get(name)
  }

  async #load(kind: string, ids: string[]): Promise<Record<string, unknown>> {
    const changed = new Set<string>()
    this.#loads.add(changed)
    try {
      const values = await this.#stored(kind, ids.map(keyNameOf))
      const found: Record<string, unknown> = {}
      for (const id of ids) {
        const value = this.#settled(nameOfKey(kind, id), values.get(keyNameOf(id)), changed, kind)
        if (value !== null) found[id] = value
      }
      return found
    } finally {
      this.#loads.delete(changed)
    }
  }

  /** Keys as the owner has them. Only so many fit into one answer: it names those that did not. */
  async #stored(kind: string, ids: string[]): Promise<Map<string, Buffer | undefined>> {
    const values = new Map<string, Buffer | undefined>()
    for (let left = ids; left.length > 0;) {
      const { value, blobs } = await this.#ask('load_keys', { kind, ids: left })
      for (const [index, id] of value.found.entries()) values.set(id, blobs[index])
      left = value.rest
    }
    return values
  }

  /** What a key is after a load: a change made meanwhile wins over what was read. */
  #settled(name: string, stored: Buffer | undefined, changed: Set<string>, kind: string): unknown {
    const remembered = this.#remembered(name)
    if (remembered !== undefined) return remembered
    const value = stored === undefined ? null : decodeKey(stored)
    if (!changed.has(name) && !UNCACHED.has(kind)) this.#cache.set(name, value)
    return value
  }

  #ask<M extends keyof Questions>(method: M, args: Parameters<Questions[M]>[0], blobs: Uint8Array[] = []): Promise<Answered<M>> {
    return ask(this.#peer, method, this.#connection, args, blobs, this.#deadlineMs).catch((error: unknown) => {
      this.#fail(error)
      throw error
    })
  }

  #schedule(linger: boolean): void {
    this.taken = this.stored + (this.#committing ? 2 : 1)
    if (this.#committing || this.#timer) return
    const commit = (): void => {
      this.#timer = undefined
      void this.#commit()
    }
    this.#timer = linger ? setTimeout(commit, LINGER_MS) : setImmediate(commit)
  }

  #unschedule(): void {
    clearTimeout(this.#timer as NodeJS.Timeout)
    clearImmediate(this.#timer as NodeJS.Immediate)
    this.#timer = undefined
  }

  async #commit(): Promise<void> {
    const group = (this.#committing = this.#collecting)
    this.#collecting = new Group()
    try {
      const changed = group.hasCredentials ? this.#credentials : undefined
      for (const { args, blobs } of group.commits(changed && encodeCredentials(changed))) {
        await ask(this.#peer, 'commit', this.#connection, args, blobs, this.#deadlineMs)
        if (this.#closed) return
      }
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#closed) return
    this.#remember(group)
    this.#committing = undefined
    this.stored += 1
    this.#waiting.splice(0).forEach((resolve) => resolve())
    if (this.taken > this.stored) void this.#commit()
    this.#events.onStored()
  }

  #remember(group: Group): void {
    for (const [name, value] of group.keys) {
      if (!UNCACHED.has(name.slice(0, name.indexOf('\0')))) this.#cache.set(name, value)
    }
  }

  #fail(error: unknown): void {
    if (this.#closed) return
    this.close()
    this.#events.onFailed(error)
  }
}
