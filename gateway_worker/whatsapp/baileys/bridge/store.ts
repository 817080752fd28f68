/**
 * A connection's memory of what Python stores: Signal keys, credentials, decrypted messages.
 *
 * A change is taken at once and committed in groups: while one commit is under way, the next group collects. What is not
 * durable yet is read from here, never from Python; nothing that depends on it leaves (see `gate.ts`). A commit that
 * fails or is refused ends the connection, and this memory with it: the database decides what is true.
 */
import type { AuthenticationCreds, SignalDataSet, SignalDataTypeMap, SignalKeyStore } from 'baileys'

import { BoundedMap } from './bounded.ts'
import type { HistoryArguments } from './history.ts'
import type { Peer } from './peer.ts'
import { decodeKey, encodeCredentials, encodeKey } from './values.ts'

/** Names one encrypted part of one incoming stanza, as `EntryKey` of the port. */
export interface EntryKey {
  chat: string
  sender: string
  message_id: string
  index: number
}

export interface StoredEntry {
  key: EntryKey
  plaintext: Uint8Array
}

/** A decrypted part; `message` is what a backend sees, or null. `isUnprocessed`: Baileys has still to act on it. */
export interface Entry extends StoredEntry {
  message: unknown
  isUnprocessed?: boolean
}

/** What must become durable together. A key with the value null is removed. */
export interface Changes {
  keys?: Iterable<readonly [string, unknown]>
  entries?: readonly Entry[]
  sent?: readonly (readonly [string, Uint8Array])[]
  /** Ids of messages that Baileys has acted on. */
  processed?: readonly string[]
}

interface Group {
  keys: Map<string, unknown>
  entries: Entry[]
  sent: (readonly [string, Uint8Array])[]
  processed: string[]
  credentials: boolean
}

const MAX_CACHED_KEYS = 256
/** Changes that may wait for a commit before the connection stops reading from its socket. */
const MAX_WAITING = 200
/** Protocol messages are processed after their receipt: their effects join the commit when it waits this long. */
const LINGER_MS = 20
/** Keys read once at most: not worth a place in the cache. */
const UNCACHED = new Set(['pre-key'])

export class StoreClosed extends Error {}

export function nameOfKey(kind: string, id: string): string {
  return `${kind}\0${id}`
}

export function nameOfEntry(key: EntryKey): string {
  return [key.chat, key.sender, key.message_id, key.index].join('\0')
}

const emptyGroup = (): Group => ({ keys: new Map(), entries: [], sent: [], processed: [], credentials: false })

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
  #collecting = emptyGroup()
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
    return this.#collecting.keys.size + this.#collecting.entries.length > MAX_WAITING
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
    for (const [kind, values] of Object.entries(changes)) {
      for (const [id, value] of Object.entries(values ?? {})) keys.push([nameOfKey(kind, id), value ?? null])
    }
    if (keys.length > 0) this.put({ keys })
  }

  /** Takes changes; they are durable when `stored` reaches what `taken` is now. */
  put(changes: Changes, linger = false): void {
    this.#mustBeOpen()
    const group = this.#collecting
    for (const [name, value] of changes.keys ?? []) {
      group.keys.set(name, value)
      for (const load of this.#loads) load.add(name)
    }
    if (changes.entries) group.entries.push(...changes.entries)
    if (changes.sent) group.sent.push(...changes.sent)
    if (changes.processed) group.processed.push(...changes.processed)
    this.#schedule(linger)
  }

  /** Takes the credentials as they will be when the group leaves. */
  putCredentials(credentials: AuthenticationCreds): void {
    this.#mustBeOpen()
    this.#credentials = credentials
    this.#collecting.credentials = true
    this.#schedule(false)
  }

  /** The plaintext of an entry, also of one that is not durable yet. */
  async loadEntry(key: EntryKey): Promise<Uint8Array | undefined> {
    this.#mustBeOpen()
    const name = nameOfEntry(key)
    const waiting = [...this.#collecting.entries, ...(this.#committing?.entries ?? [])]
    const entry = waiting.find((candidate) => nameOfEntry(candidate.key) === name)
    if (entry) return entry.plaintext
    const answer = await this.#ask('load_entry', key)
    return answer.head.v === true ? Buffer.from(answer.blobs[0] ?? []) : undefined
  }

  /** What an earlier connection was not done with, oldest first. */
  async loadUnprocessed(): Promise<StoredEntry[]> {
    this.#mustBeOpen()
    const answer = await this.#ask('load_unprocessed', null)
    const keys = answer.head.v as EntryKey[]
    return keys.map((key, index) => ({ key, plaintext: Buffer.from(answer.blobs[index] ?? []) }))
  }

  /** A stored message; of `chat` where somebody there asks for it: nobody is given what was written to others. */
  async loadMessage(messageId: string, chat: string | null): Promise<Uint8Array | undefined> {
    this.#mustBeOpen()
    const answer = await this.#ask('load_message', { message_id: messageId, chat })
    return answer.head.v === true ? answer.blobs[0] : undefined
  }

  /** Stores a slice of the history, after what was taken before; returns when it is durable. */
  async putHistory({ entries, contacts, part, processed }: HistoryArguments): Promise<void> {
    await this.#caughtUp(this.taken)
    this.#mustBeOpen()
    const told = entries.map(({ key, message, status, order }) => ({ key, message, status, order }))
    const blobs = entries.map(({ plaintext }) => plaintext)
    await this.#ask('history', { entries: told, contacts, part, processed }, blobs)
  }

  /** Forgets everything; later calls fail. */
  close(): void {
    this.#closed = true
    this.#waiting.splice(0).forEach((resolve) => resolve())
    this.#unschedule()
    this.#cache.clear()
    this.#collecting = emptyGroup()
    this.#committing = undefined
    this.#credentials = undefined
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
      const answer = await this.#ask('load_keys', { kind, ids })
      const found: Record<string, unknown> = {}
      const stored = answer.head.v as string[]
      const values = new Map(stored.map((id, index) => [id, answer.blobs[index]]))
      for (const id of ids) {
        const name = nameOfKey(kind, id)
        const value = this.#settled(name, values.get(id), changed, kind)
        if (value !== null) found[id] = value
      }
      return found
    } finally {
      this.#loads.delete(changed)
    }
  }

  /** What a key is after a load: a change made meanwhile wins over what was read. */
  #settled(name: string, stored: Buffer | undefined, changed: Set<string>, kind: string): unknown {
    const remembered = this.#remembered(name)
    if (remembered !== undefined) return remembered
    const value = stored === undefined ? null : decodeKey(stored)
    if (!changed.has(name) && !UNCACHED.has(kind)) this.#cache.set(name, value)
    return value
  }

  #ask(method: string, args: unknown, blobs: Uint8Array[] = []): ReturnType<Peer['call']> {
    return this.#peer.call(method, this.#connection, args, blobs, this.#deadlineMs).catch((error: unknown) => {
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
    this.#collecting = emptyGroup()
    try {
      const { args, blobs } = written(group, this.#credentials)
      await this.#peer.call('commit', this.#connection, args, blobs, this.#deadlineMs)
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

/** A group as the arguments and blobs of `commit`; the blobs in the order credentials, keys, entries, sent. */
function written(group: Group, credentials: AuthenticationCreds | undefined): { args: unknown; blobs: Uint8Array[] } {
  const blobs: Uint8Array[] = []
  const withCredentials = group.credentials && credentials !== undefined
  if (withCredentials) blobs.push(encodeCredentials(credentials))
  const keys = [...group.keys].map(([name, value]) => {
    const [kind = '', id = ''] = name.split('\0')
    if (value !== null) blobs.push(encodeKey(kind, value))
    return [kind, id, value !== null]
  })
  const entries = group.entries.map(({ key, plaintext, message, isUnprocessed = false }) => {
    blobs.push(plaintext)
    return { key, message, unprocessed: isUnprocessed }
  })
  const sent = group.sent.map(([messageId, plaintext]) => {
    blobs.push(plaintext)
    return messageId
  })
  return { args: { credentials: withCredentials, keys, entries, sent, processed: group.processed }, blobs }
}
