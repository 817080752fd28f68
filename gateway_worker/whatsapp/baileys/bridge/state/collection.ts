/**
 * A collection of the app state as this device has it: its version, the sum of all that stands in it, and by the MAC of each
 * name the MAC of what stands there.
 *
 * The MACs lie in 256 parts by their first byte: a change writes the few parts that it touches, whatever the collection holds.
 * Each part also has the names in clear (as encrypted as all keys are): what is missing in a snapshot can then be told.
 */
import { LT_HASH_ANTI_TAMPERING, proto } from 'baileys'

import { nameOfKey, type Store } from '../signal/store.ts'

export const VERSION = 'app-state-sync-version'
export const MACS = 'app-state-macs'

const SUM_BYTES = 128
const PARTS = 256
const { SyncdOperation } = proto.SyncdMutation

/** What is stored under `VERSION`. */
export interface Version {
  version: number
  hash: Uint8Array
}

/** By the MAC of a name (base64): the MAC of what stands there, and the name. */
type Part = Record<string, readonly [valueMac: string, index: string]>

/** What one record does to a collection. */
export interface Step {
  operation: proto.SyncdMutation.SyncdOperation
  indexMac: Uint8Array
  valueMac: Uint8Array
  /** Its name, as JSON; empty where it could not be read. */
  index: string
}

export class Collection {
  readonly name: string
  version = 0
  hash: Uint8Array = new Uint8Array(SUM_BYTES)
  /** Whether nothing was known of it before: what it holds was so before this device was linked. */
  readonly isNew: boolean
  readonly #parts = new Map<number, Part>()
  readonly #changed = new Set<number>()
  #subtracted: Uint8Array[] = []
  #added: Uint8Array[] = []

  constructor(name: string, stored: Version | undefined) {
    this.name = name
    this.isNew = stored === undefined
    if (stored !== undefined) {
      this.version = stored.version
      this.hash = stored.hash
    }
  }

  static async load(store: Pick<Store, 'get'>, name: string): Promise<Collection> {
    const found = (await store.get(VERSION, [name])) as unknown as Record<string, Version | undefined>
    return new Collection(name, found[name])
  }

  /** Reads the parts that these names are in; has to be done before they are stepped to. */
  async prepare(store: Pick<Store, 'get'>, indexMacs: readonly Uint8Array[]): Promise<void> {
    const parts = new Set(indexMacs.map(partOf))
    await this.#load(
      store,
      [...parts].filter((part) => !this.#parts.has(part))
    )
  }

  /** All that stands in it, by the MAC of its name. */
  async all(store: Pick<Store, 'get'>): Promise<Map<string, readonly [string, string]>> {
    if (this.isNew) return new Map()
    await this.#load(
      store,
      Array.from({ length: PARTS }, (_, part) => part).filter((part) => !this.#parts.has(part))
    )
    return new Map([...this.#parts.values()].flatMap((part) => Object.entries(part)))
  }

  /** The same collection with nothing in it, to be filled from a snapshot; all its parts are written anew. */
  emptied(version: number): Collection {
    const empty = new Collection(this.name, this.isNew ? undefined : { version, hash: new Uint8Array(SUM_BYTES) })
    empty.version = version
    for (let part = 0; part < PARTS; part++) {
      empty.#parts.set(part, {})
      if (!this.isNew) empty.#changed.add(part)
    }
    return empty
  }

  /** Whether it stands there as this record says. */
  step({ operation, indexMac, valueMac, index }: Step): void {
    const number = partOf(indexMac)
    const part = this.#parts.get(number) ?? {}
    const name = Buffer.from(indexMac).toString('base64')
    const before = part[name]
    // What is removed and does not stand there changes nothing: if it should, the sum says so
    if (before === undefined && operation !== SyncdOperation.SET) return
    if (before !== undefined) this.#subtracted.push(Buffer.from(before[0], 'base64'))
    if (operation === SyncdOperation.SET) {
      this.#added.push(valueMac)
      part[name] = [Buffer.from(valueMac).toString('base64'), index]
    } else delete part[name]
    this.#parts.set(number, part)
    this.#changed.add(number)
  }

  /** Brings the sum up to what was stepped to, and answers it. */
  summed(): Uint8Array {
    if (this.#subtracted.length + this.#added.length > 0) {
      this.hash = Buffer.from(LT_HASH_ANTI_TAMPERING.subtractThenAdd(this.hash, this.#subtracted, this.#added))
      this.#subtracted = []
      this.#added = []
    }
    return this.hash
  }

  /** What has to be stored for it, as names and values of keys. */
  *keys(): Generator<readonly [string, unknown]> {
    for (const number of this.#changed) {
      const part = this.#parts.get(number) ?? {}
      yield [nameOfKey(MACS, this.#nameOfPart(number)), Object.keys(part).length === 0 ? null : part]
    }
    const version: Version = { version: this.version, hash: Buffer.from(this.hash) }
    yield [nameOfKey(VERSION, this.name), version]
  }

  #nameOfPart(number: number): string {
    return `${this.name}/${number.toString(16).padStart(2, '0')}`
  }

  async #load(store: Pick<Store, 'get'>, parts: readonly number[]): Promise<void> {
    if (parts.length === 0) return
    const names = parts.map((part) => this.#nameOfPart(part))
    const found = (await store.get(MACS as typeof VERSION, names)) as unknown as Record<string, Part | undefined>
    for (const part of parts) this.#parts.set(part, { ...found[this.#nameOfPart(part)] }) // a copy: it may come to nothing
  }
}

function partOf(indexMac: Uint8Array): number {
  return indexMac[0] ?? 0
}
