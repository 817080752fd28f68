/**
 * The app state: what the account's owner does on any device, and the others are to know. In place of Baileys' own reading of
 * it, which passes over a patch that does not fit, trusts a sum that is wrong, and takes a refused change for done.
 *
 * Versions, sums and MACs are stored in the one transaction that stores what they brought. What does not fit is read again
 * from a snapshot, whole; until that is right nothing of the collection moves on, and each login tries again.
 */
import { type AuthenticationCreds, type BinaryNode, proto, type WASocket } from 'baileys'

import type { StateChange } from '../channel/payloads.ts'
import type { Facts } from '../channel/facts.ts'
import { CallError } from '../channel/peer.ts'
import type { FileArguments } from '../channel/questions.ts'
import { boundChange } from '../channel/schema.ts'
import { answered } from '../people/asking.ts'
import type { Store } from '../signal/store.ts'
import { Collection } from './collection.ts'
import { KeyRing } from './keys.ts'
import { applyPatch, BadState, decoded, KeyMissing, type Mutation, replacedBy } from './reading.ts'
import { Settings } from './settings.ts'
import { type Answered, answersIn, type Asked, placeOf, syncQuery } from './stanzas.ts'
import { changeOf, type Written, writtenFor } from './words.ts'
import { patchFor } from './writing.ts'

/** All collections, in the order in which they are read: the account's own name comes first. */
export const COLLECTIONS = ['critical_block', 'critical_unblock_low', 'regular_high', 'regular_low', 'regular'] as const
/** Changes of one step: what brings more is stored in several, the version with the last. */
const SLICE = 200
/** Answers of WhatsApp's to one reading, each with as many patches as it gives at once. */
const MAX_ROUNDS = 200
/** Changes that others make at the same time, before we give way. */
const MAX_CONFLICTS = 8
const CONFLICT = '409'
/** Before a reading that failed is tried again. */
const PAUSE_MS = 30_000

export interface AppStateParts {
  socket: WASocket
  store: Store
  facts: Facts
  credentials: AuthenticationCreds
  /** Has a file of the app state fetched; null when nobody has it any more. */
  fetch: (place: FileArguments) => Promise<Uint8Array | null>
}

/** What became of what WhatsApp answered about a collection. */
type Outcome = 'read' | 'more' | 'snapshot' | 'blocked' | 'broken'

export class AppState {
  readonly #parts: AppStateParts
  readonly #keys: KeyRing
  readonly #settings: Settings
  #last: Promise<unknown> = Promise.resolve()
  #later: NodeJS.Timeout | undefined

  constructor(parts: AppStateParts) {
    this.#parts = parts
    this.#keys = new KeyRing(parts)
    this.#settings = new Settings(parts)
  }

  /** Reads what is new, in these collections; not before the phone has shared a key. What cannot be read is read later. */
  read(names: readonly string[] = COLLECTIONS): Promise<void> {
    const reading = this.#inTurn(async () => {
      if (this.#parts.credentials.myAppStateKeyId) await this.#read(names)
    })
    return reading.catch(() => this.#readLater()) // WhatsApp does not answer, or the connection has ended
  }

  #readLater(): void {
    if (this.#later !== undefined || this.#parts.store.isClosed) return
    this.#later = setTimeout(() => {
      this.#later = undefined
      if (!this.#parts.store.isClosed) void this.read()
    }, PAUSE_MS).unref()
  }

  /** Takes WhatsApp's word that something is new; it is confirmed once it is stored. Answers whether it is that. */
  takeNotification(stanza: BinaryNode, pass: () => void): boolean {
    if (stanza.attrs['type'] !== 'server_sync') return false
    const named = Array.isArray(stanza.content) ? stanza.content.map(({ attrs }) => attrs['name'] ?? '') : []
    const names = COLLECTIONS.filter((name) => named.includes(name))
    void this.read(names.length > 0 ? names : COLLECTIONS).then(pass)
    return true
  }

  /** The phone has shared keys: what waited for one is read. Answers which of them ours are written with from now on. */
  noteKeys(update: Partial<AuthenticationCreds>): Partial<AuthenticationCreds> {
    if (update.myAppStateKeyId === undefined) return update
    setImmediate(() => void this.read())
    const { myAppStateKeyId } = this.#parts.credentials
    return myAppStateKeyId !== undefined && this.#keys.isOlder(update.myAppStateKeyId) ? { ...update, myAppStateKeyId } : update
  }

  /** Makes changes; returns when WhatsApp has them. What is so already is written again, which changes nothing. */
  async change(changes: readonly StateChange[]): Promise<void> {
    const written = changes.flatMap((change) => writtenFor(change, Date.now()))
    const collections = new Set(written.map(({ collection }) => collection))
    for (const name of collections) {
      await this.#inTurn(() =>
        this.#write(
          name,
          written.filter(({ collection }) => collection === name)
        )
      )
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined) // whoever asked is told
    return done
  }

  /** What became of each collection, last. */
  async #read(names: readonly string[]): Promise<Map<string, Outcome>> {
    const outcomes = new Map<string, Outcome>()
    const wanted = new Map(names.map((name) => [name, false]))
    for (let round = 0; wanted.size > 0 && round < MAX_ROUNDS; round++) {
      const loaded = new Map<string, Collection>()
      for (const name of wanted.keys()) loaded.set(name, await Collection.load(this.#parts.store, name))
      const asked = [...loaded].map(([name, { version, isNew }]): Asked => {
        const isSnapshotWanted = wanted.get(name) === true || isNew
        return { name, version, isSnapshotWanted }
      })
      const answers = await this.#ask(asked)
      for (const name of names) {
        const collection = loaded.get(name)
        const answer = answers.find((each) => each.name === name)
        if (collection === undefined) continue
        const outcome = answer === undefined ? 'broken' : await this.#take(collection, answer, wanted.get(name) === true)
        outcomes.set(name, outcome)
        if (outcome === 'snapshot') wanted.set(name, true)
        else if (outcome === 'more') wanted.set(name, false)
        else wanted.delete(name)
      }
    }
    return outcomes
  }

  /** @param isRepair whether a snapshot was asked for, because something did not fit */
  async #take(collection: Collection, answer: Answered, isRepair: boolean): Promise<Outcome> {
    try {
      if (answer.code !== null) throw new CallError('refused', { code: answer.code })
      if (isRepair && answer.snapshot === null) throw new BadState('not_there')
      await this.#apply(collection, answer)
      return answer.hasMore ? 'more' : 'read'
    } catch (error) {
      if (error instanceof KeyMissing) {
        this.#keys.request(error.id)
        return 'blocked'
      }
      if (error instanceof BadState && !isRepair) {
        await this.#reportBroken(collection, error.fault, 'is read again from a snapshot')
        return 'snapshot'
      }
      if (error instanceof BadState || error instanceof CallError) {
        await this.#reportBroken(collection, error instanceof BadState ? error.fault : error.message, 'is left as it was')
        return 'broken'
      }
      throw error
    }
  }

  async #apply(loaded: Collection, { snapshot, patches, version }: Answered): Promise<void> {
    const { store } = this.#parts
    const parts = { store, keyOf: (id: Uint8Array) => this.#keys.of(id) }
    let collection = loaded
    const mutations: Mutation[] = []
    if (snapshot !== null) {
      const read = await replacedBy(collection, decoded(proto.SyncdSnapshot, await this.#fetched(snapshot)), parts)
      if (read.unread > 0) await this.#reportBroken(collection, 'value', `${read.unread} records of its snapshot cannot be read`)
      collection = read.collection
      mutations.push(...read.mutations)
    }
    for (const bytes of patches) {
      const patch = decoded(proto.SyncdPatch, bytes)
      if (Number(patch.version?.version ?? 0) <= collection.version) continue // it may be told again
      if (patch.externalMutations != null) {
        const further = await this.#fetched(proto.ExternalBlobReference.encode(patch.externalMutations).finish())
        patch.mutations.push(...decoded(proto.SyncdMutations, further).mutations)
      }
      mutations.push(...(await applyPatch(collection, patch, parts)))
    }
    // Where there is nothing yet, whatever comes is news
    const isEmpty = snapshot === null && patches.length === 0 && version === 0
    if (collection !== loaded || mutations.length > 0 || patches.length > 0 || (loaded.isNew && isEmpty)) {
      await this.#store(collection, mutations, loaded.isNew && !isEmpty)
    }
  }

  /** Has what was read stored, in the order in which it was; versions and MACs with the last of it. */
  async #store(collection: Collection, mutations: readonly Mutation[], isFromBefore: boolean): Promise<void> {
    await this.#settings.take(mutations)
    const changes = mutations
      .map(changeOf)
      .filter((each) => each !== null)
      .map(boundChange)
    const { store } = this.#parts
    for (; changes.length > SLICE; await store.isStored()) {
      store.put({ state: { changes: changes.splice(0, SLICE), from_before: isFromBefore } })
    }
    store.put({ keys: collection.keys(), state: { changes, from_before: isFromBefore } })
  }

  /** Writes what belongs to one collection; what others wrote at the same time is read first. */
  async #write(name: string, written: readonly Written[]): Promise<void> {
    const { store } = this.#parts
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
      let collection = await Collection.load(store, name)
      if (collection.isNew || conflicts > 0) {
        const outcome = (await this.#read([name])).get(name)
        if (outcome !== 'read') throw new CallError('state_unreadable')
        collection = await Collection.load(store, name)
      }
      const key = await this.#keys.own()
      const { patch, mutations } = await patchFor(collection, written, key, store)
      const [answer] = await answered(() => this.#ask([{ name, version: collection.version - 1, patch }]))
      if (answer === undefined) throw new CallError('outcome_unknown')
      if (answer.code === null) {
        await this.#store(collection, mutations, false)
        await store.isStored()
        return
      }
      if (answer.code !== CONFLICT) throw new CallError('refused', { code: answer.code, text: answer.text })
    }
    throw new CallError('outcome_unknown') // it is tried again
  }

  async #ask(asked: readonly Asked[]): Promise<Answered[]> {
    return answersIn((await this.#parts.socket.query(syncQuery(asked))) as BinaryNode)
  }

  async #fetched(reference: Uint8Array): Promise<Uint8Array> {
    const bytes = await this.#parts.fetch(placeOf(decoded(proto.ExternalBlobReference, reference)))
    if (bytes === null) throw new BadState('not_there')
    return bytes
  }

  /** Nothing is passed over in silence: the owner keeps it, and logs it. */
  async #reportBroken({ name, version }: Collection, reason: string, what: string): Promise<void> {
    await this.#parts.facts.notify({ fact: 'app_state', unreadable: reason, payload: `${name} at version ${version} ${what}` })
  }
}
