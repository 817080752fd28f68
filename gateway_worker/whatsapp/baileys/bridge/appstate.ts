/**
 * The versions of the app state, up to which this device has read what its phone tells.
 *
 * Baileys writes a version first and tells then what it brought. Here the version is stored last: what a crash comes
 * between is read again.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

import { newLTHashState, type SignalDataTypeMap } from 'baileys'

import type { Store } from './store.ts'

type Versions = Record<string, SignalDataTypeMap['app-state-sync-version'] | null>

/** What one reading of the app state has written, and whether it began at the beginning. */
interface Reading {
  versions: Versions
  isTouched: boolean
  isFromStart: boolean
}

export const VERSION = 'app-state-sync-version'

export class AppState {
  readonly #store: Pick<Store, 'get' | 'set' | 'isClosed'>
  readonly #reading = new AsyncLocalStorage<Reading>()
  /** Resolves when all that was brought so far is stored. */
  told: () => Promise<unknown> = () => Promise.resolve()
  /** Whether the last reading was the first of its part: what it brought was so before this device was linked. */
  isFromBefore = false

  constructor(store: Pick<Store, 'get' | 'set' | 'isClosed'>) {
    this.#store = store
  }

  /** Runs `work`, which may read the app state; its versions are stored when what they brought is. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    const reading: Reading = { versions: {}, isTouched: false, isFromStart: false }
    try {
      return await this.#reading.run(reading, work)
    } finally {
      if (reading.isTouched) this.#conclude(reading)
    }
  }

  async get(names: string[]): Promise<Versions> {
    const reading = this.#reading.getStore()
    const stored: Versions = await this.#store.get(VERSION, names)
    const found = { ...stored, ...Object.fromEntries(Object.entries(reading?.versions ?? {}).filter(([name]) => names.includes(name))) }
    if (reading !== undefined && names.some((name) => found[name] === undefined)) reading.isFromStart = true
    return found
  }

  set(versions: Versions): void {
    const reading = this.#reading.getStore()
    if (reading === undefined) return this.#store.set({ [VERSION]: versions })
    reading.isTouched = true
    Object.assign(reading.versions, versions)
  }

  /** There is nothing to be read yet: whatever comes is news. */
  noteEmpty(name: string): void {
    const note = ({ [name]: known }: Versions): void => {
      if (known === undefined && !this.#store.isClosed) this.#store.set({ [VERSION]: { [name]: newLTHashState() } })
    }
    this.#store.get(VERSION, [name]).then(note, () => undefined) // else the store ends the connection
  }

  /** Baileys tells what was brought as soon as this returns, in one go. */
  #conclude({ versions, isFromStart }: Reading): void {
    this.isFromBefore = isFromStart
    setImmediate(() => {
      const store = (): void => {
        if (!this.#store.isClosed) this.#store.set({ [VERSION]: versions })
      }
      this.told().then(store, () => undefined) // else it is read again
    })
  }
}
