/**
 * The versions of the app state, up to which this device has read what its phone tells.
 *
 * Baileys writes a version first and tells then what it brought. Here the version is stored last: what a crash comes
 * between is read again. Readings come one after the other, and each begins where the last one ended, stored or not: a
 * login and a notification that came with it would bring the same news twice.
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
  /** The reading that this one is a part of, as before a change of ours. */
  outer: Reading | undefined
  /** Its turn, from the first version that it asks for until it ends; a send asks for none, and waits for nobody. */
  turn: Promise<void> | undefined
  end: () => void
  isOver: boolean
}

export const VERSION = 'app-state-sync-version'

export class AppState {
  readonly #store: Pick<Store, 'get' | 'set' | 'isClosed'>
  readonly #reading = new AsyncLocalStorage<Reading>()
  /** Resolves when all that was brought so far is stored. */
  notified: () => Promise<unknown> = () => Promise.resolve()
  /** Whether the last reading was the first of its part: what it brought was so before this device was linked. */
  isFromBefore = false
  /** What was read, and is stored as soon as what it brought is. */
  readonly #unstored: Versions = {}
  #last: Promise<void> = Promise.resolve()

  constructor(store: Pick<Store, 'get' | 'set' | 'isClosed'>) {
    this.#store = store
  }

  /** Runs `work`, which may read the app state; its versions are stored when what they brought is. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    const outer = this.#current()
    const reading: Reading = {
      versions: {},
      isTouched: false,
      isFromStart: false,
      outer,
      turn: undefined,
      end: () => undefined,
      isOver: false
    }
    try {
      return await this.#reading.run(reading, work)
    } finally {
      if (reading.isTouched) this.#conclude(reading)
      reading.isOver = true
      reading.end()
    }
  }

  async get(names: string[]): Promise<Versions> {
    const reading = this.#current()
    await this.#turnOf(reading)
    const stored: Versions = await this.#store.get(VERSION, names)
    const read = Object.entries({ ...this.#unstored, ...reading?.versions }).filter(([name]) => names.includes(name))
    const found = { ...stored, ...Object.fromEntries(read) }
    if (reading !== undefined && names.some((name) => found[name] === undefined)) reading.isFromStart = true
    return found
  }

  set(versions: Versions): void {
    const reading = this.#current()
    if (reading === undefined) return this.#store.set({ [VERSION]: versions })
    reading.isTouched = true
    Object.assign(reading.versions, versions)
  }

  /** There is nothing to be read yet: whatever comes is news. */
  noteEmpty(name: string): void {
    const note = ({ [name]: stored }: Versions): void => {
      const isKnown = stored !== undefined || this.#unstored[name] !== undefined
      if (!isKnown && !this.#store.isClosed) this.#store.set({ [VERSION]: { [name]: newLTHashState() } })
    }
    this.#store.get(VERSION, [name]).then(note, () => undefined) // else the store ends the connection
  }

  /** The innermost reading that still goes on; what was started inside of one may outlive it. */
  #current(): Reading | undefined {
    let reading = this.#reading.getStore()
    while (reading?.isOver === true) reading = reading.outer
    return reading
  }

  async #turnOf(reading: Reading | undefined): Promise<void> {
    if (reading === undefined) return
    if (reading.outer?.turn !== undefined) return reading.outer.turn
    reading.turn ??= this.#queue(reading)
    return reading.turn
  }

  #queue(reading: Reading): Promise<void> {
    const turn = this.#last
    this.#last = new Promise((resolve) => (reading.end = resolve))
    return turn
  }

  /** Baileys tells what was brought as soon as this returns, in one go. */
  #conclude({ versions, isFromStart }: Reading): void {
    this.isFromBefore = isFromStart
    Object.assign(this.#unstored, versions)
    setImmediate(() => {
      const store = (): void => {
        for (const [name, version] of Object.entries(versions)) if (this.#unstored[name] === version) delete this.#unstored[name]
        if (!this.#store.isClosed) this.#store.set({ [VERSION]: versions })
      }
      this.notified().then(store, () => undefined) // else it is read again
    })
  }
}
