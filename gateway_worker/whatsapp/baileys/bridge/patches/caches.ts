/**
 * Baileys' caches, one bounded store each for the whole process instead of one `NodeCache` per socket.
 * A connection sees its own part only, by a prefix; entries live `ttlMs`.
 */
import type { CacheStore, GroupMetadata, PossiblyExtendedCacheStore } from 'baileys'

import { BoundedMap } from '../words/bounded.ts'

interface Timed {
  value: unknown
  until: number
}

const MINUTE = 60_000
/** Groups of one connection whose changes are told apart. */
const MAX_CHANGED = 500

class SharedCache {
  readonly #entries: BoundedMap<Timed>
  readonly #ttlMs: number

  constructor(limit: number, ttlMs: number) {
    this.#entries = new BoundedMap(limit)
    this.#ttlMs = ttlMs
  }

  get(key: string): unknown {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.until > performance.now()) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  set(key: string, value: unknown): void {
    this.#entries.set(key, { value, until: performance.now() + this.#ttlMs })
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }
}

// WhatsApp tells changes of these. Every time Baileys asks anew it also fetches new prekeys for all of them
const devices = new SharedCache(20_000, 60 * MINUTE)
const groups = new SharedCache(500, 60 * MINUTE)
const retries = new SharedCache(10_000, 60 * MINUTE)
const calls = new SharedCache(1_000, 5 * MINUTE)
const placeholders = new SharedCache(2_000, 60 * MINUTE)

function partOf(shared: SharedCache, prefix: string): CacheStore {
  return {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- Baileys' interface has it so
    get: <T>(key: string) => shared.get(prefix + key) as T | undefined,
    set: (key, value) => shared.set(prefix + key, value),
    del: (key) => shared.delete(prefix + key),
    flushAll: () => undefined // entries of a connection that is gone run out by themselves
  }
}

export interface ConnectionCaches {
  userDevicesCache: PossiblyExtendedCacheStore
  msgRetryCounterCache: CacheStore
  callOfferCache: CacheStore
  placeholderResendCache: CacheStore
}

export function cachesOf(connection: number): ConnectionCaches {
  const prefix = `${connection}/`
  return {
    userDevicesCache: partOf(devices, prefix),
    msgRetryCounterCache: partOf(retries, prefix),
    callOfferCache: partOf(calls, prefix),
    placeholderResendCache: partOf(placeholders, prefix)
  }
}

/** What sending to a group needs to know of it: 1,024 members are 100 kB, their names and numbers would be more. */
type Addressees = Pick<GroupMetadata, 'id' | 'addressingMode' | 'ephemeralDuration'> & { participants: { id: string }[] }

/** What is known of the groups a connection sends to, until WhatsApp tells of a change or the connection ends. */
export class GroupCache {
  readonly #prefix: string
  readonly #changes = new BoundedMap<number>(MAX_CHANGED)
  #changed = 0
  /** WhatsApp has described a group. */
  onDescribed: (group: Pick<GroupMetadata, 'id' | 'ephemeralDuration'>) => void = () => undefined

  constructor(connection: number) {
    this.#prefix = `${connection}/`
  }

  get(jid: string): GroupMetadata | undefined {
    return groups.get(this.#prefix + jid) as GroupMetadata | undefined
  }

  set(jid: string, { id, addressingMode, ephemeralDuration, participants }: GroupMetadata): void {
    const members = participants.map((each) => ({ id: each.id }))
    const kept: Addressees = {
      id,
      participants: members,
      ...(addressingMode === undefined ? {} : { addressingMode }),
      ...(ephemeralDuration === undefined ? {} : { ephemeralDuration })
    }
    groups.set(this.#prefix + jid, kept)
  }

  /** Stands for what is known to have changed: what was asked for before this changed is void. */
  changes(jid: string): number {
    return this.#changes.get(jid) ?? 0
  }

  forget(jid: string): void {
    this.#changes.set(jid, ++this.#changed)
    groups.delete(this.#prefix + jid)
  }
}
