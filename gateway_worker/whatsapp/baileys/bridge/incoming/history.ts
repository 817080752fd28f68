/**
 * The phone's history, part by part: described as messages are, and given to the owner in slices.
 *
 * A part is kept from Baileys' event buffer, which would gather all of them, and is stored before the stanza that brought
 * it is processed: one part is in memory at a time, and a crash brings back the part that it interrupted.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

import { type BaileysEventMap, type Contact, jidNormalizedUser, proto, type WAMessage } from 'baileys'

import { isOwn, type Mapping, personOf, phoneOf } from '../words/addresses.ts'
import { type HistoricEntry, PART_BYTES } from '../signal/commit.ts'
import { jsonBytes } from '../words/limits.ts'
import { entryOfAddition } from './additions.ts'
import type { Incoming } from './messages.ts'
import { addOnsOf, byId, type PastMessages } from './past.ts'
import type { Store } from '../signal/store.ts'
import { isTimed, timersIn } from '../words/timers.ts'
import type { ContactReport } from '../channel/payloads.ts'
import { boundChatTimer, boundContact } from '../channel/schema.ts'

type HistorySet = BaileysEventMap['messaging-history.set']

interface Part {
  /** Oldest first. */
  messages: WAMessage[]
  chats: number
  contacts: HistorySet['contacts']
  timed: HistorySet['chats']
  progress: number
}

export interface HistoryParts {
  store: Pick<Store, 'putHistory'>
  incoming: Pick<Incoming, 'ofHistory' | 'besides'>
  mapping: () => Mapping
  me: () => Contact | undefined
  isWanted: boolean
  /** The phone's chats, all of them, are stored. */
  onListed?: () => void
}

const { HistorySyncType } = proto.HistorySync

/** Without any history Baileys never learns the first LID mappings; these two are small. */
const LEAST_HISTORY = new Set<unknown>([HistorySyncType.INITIAL_BOOTSTRAP, HistorySyncType.NON_BLOCKING_DATA])

/** Ids of the messages of the stanza that is being handled, in whatever Baileys does about it and however long. */
export const bringing = new AsyncLocalStorage<ReadonlySet<string>>()

const SLICE = 100
const CONTACTS_SLICE = 200
const ADDITIONS_SLICE = 32
const WHOLE = 100
/** A person with more chats begins none. */
const MAX_LISTED = 20_000

const { Status } = proto.WebMessageInfo
/** What our phone knows of a message of ours. */
const STATUSES = new Map<unknown, string>([
  [Status.SERVER_ACK, 'sent'],
  [Status.DELIVERY_ACK, 'delivered'],
  [Status.READ, 'read'],
  [Status.PLAYED, 'played']
])

export class History {
  readonly #parts: HistoryParts
  #storing: Promise<unknown> = Promise.resolve()
  #progress = 0

  constructor(parts: HistoryParts) {
    this.#parts = parts
  }

  /** Whether Baileys is to read parts of this kind. */
  takes(syncType: unknown): boolean {
    return this.#parts.isWanted ? syncType !== HistorySyncType.FULL : LEAST_HISTORY.has(syncType)
  }

  /** Takes a part, as Baileys has read it. */
  take(sync: HistorySet): void {
    const part = partOf(sync, this.#parts.me())
    const broughtBy = [...(bringing.getStore() ?? [])]
    // Of one that nobody wants the chats and their timers are taken in any case
    this.#soon(async () => {
      await (this.#parts.isWanted ? this.#store(part, broughtBy) : this.#storeTimers(part.timed))
      if (sync.syncType === HistorySyncType.INITIAL_BOOTSTRAP) this.#parts.onListed?.()
    })
  }

  /** Returns when all that has come is stored, or the connection is lost: one part is in memory at a time. */
  async stored(): Promise<void> {
    await this.#storing
  }

  #soon(store: () => Promise<void>): void {
    this.#storing = this.#storing.then(store).catch(() => undefined) // the store ends the connection
  }

  async #storeTimers(timed: Part['timed']): Promise<void> {
    const { store, mapping } = this.#parts
    for (let start = 0; start < timed.length; start += CONTACTS_SLICE) {
      const timers = (await timersIn(timed.slice(start, start + CONTACTS_SLICE), mapping())).map(boundChatTimer)
      await store.putHistory({ entries: [], contacts: [], timers, part: null, processed: [] })
    }
  }

  /** With the last slice of a part it is told, and the stanza that brought it is processed. */
  async #store({ messages, chats, contacts, timed, progress }: Part, processed: readonly string[]): Promise<void> {
    const { store, mapping } = this.#parts
    for (let start = 0; start < contacts.length; start += CONTACTS_SLICE) {
      const slice = contacts.slice(start, start + CONTACTS_SLICE)
      // One that cannot be described costs itself alone, as below
      const named = await Promise.all(slice.map((contact) => nameOf(contact, mapping()).catch(() => null)))
      await store.putHistory({ entries: [], contacts: named.filter((each) => each !== null), part: null, processed: [] })
    }
    await this.#storeTimers(timed)
    const all = byId(messages)
    for (let start = 0; start < messages.length; start += SLICE) {
      for (const entries of inParts(await this.#described(messages.slice(start, start + SLICE), start, all))) {
        await store.putHistory({ entries, contacts: [], part: null, processed: [] })
      }
    }
    this.#progress = Math.max(this.#progress, progress) // names come without an estimate of their own
    const counts = { chats, contacts: contacts.length, messages: messages.length }
    const part = { progress: this.#progress, ...counts, is_last: progress >= WHOLE }
    await store.putHistory({ entries: [], contacts: [], part, processed })
  }

  async #described(messages: readonly WAMessage[], start: number, part: PastMessages): Promise<HistoricEntry[]> {
    const mapping = this.#parts.mapping()
    const described = messages.map(async (info, index) => {
      const entries = await this.#parts.incoming.ofHistory(info, part, mapping).catch(() => []) // the next one may be readable
      const status = info.key.fromMe === true ? (STATUSES.get(info.status) ?? null) : null
      return entries.map((entry) => ({ ...entry, status, order: start + index }))
    })
    const entries = (await Promise.all(described)).flat()
    for (const [index, info] of messages.entries()) {
      entries.push(...(await this.#besides(info, start + index, part, mapping)))
    }
    return entries
  }

  /** A message may have as many reactions as a group has members: a few at a time. */
  async #besides(info: WAMessage, order: number, part: PastMessages, mapping: Mapping): Promise<HistoricEntry[]> {
    const entries: HistoricEntry[] = []
    const { incoming } = this.#parts
    const additions = incoming.besides(info)
    for (let start = 0; start < additions.length; start += ADDITIONS_SLICE) {
      const slice = additions.slice(start, start + ADDITIONS_SLICE)
      const found = await Promise.all(slice.map((each) => entryOfAddition(each, mapping).catch(() => null)))
      entries.push(...found.flatMap((entry) => (entry === null ? [] : [{ ...entry, status: null, order }])))
      await new Promise((resolve) => setImmediate(resolve))
    }
    for (const each of addOnsOf(info)) {
      const found = await incoming.ofHistory(each, part, mapping).catch(() => [])
      entries.push(...found.map((entry) => ({ ...entry, status: null, order })))
      await new Promise((resolve) => setImmediate(resolve))
    }
    return entries
  }
}

function partOf({ messages, chats, contacts, progress, syncType }: HistorySet, me: Contact | undefined): Part {
  const percent = Math.round(progress ?? 0)
  const sane = Number.isFinite(percent) ? Math.min(Math.max(percent, 0), WHOLE) : 0
  const timed = chats.filter(isTimed).slice(0, MAX_LISTED)
  // By its own chat the owner knows that they were listed, also of an account that has none
  if (syncType === HistorySyncType.INITIAL_BOOTSTRAP && me !== undefined) timed.unshift({ id: jidNormalizedUser(me.id) })
  const named = contacts.filter(({ id, notify, verifiedName }) => (notify || verifiedName) && !isOwn(id, me))
  return { messages: messages.reverse(), chats: chats.length, contacts: named, timed, progress: sane }
}

/** As many at a time as a frame should hold. */
function inParts(entries: readonly HistoricEntry[]): HistoricEntry[][] {
  const parts: HistoricEntry[][] = [[]]
  let bytes = 0
  for (const entry of entries) {
    const size = entry.plaintext.length + jsonBytes(entry.message)
    bytes += size
    if (bytes > PART_BYTES && parts.at(-1)?.length) {
      parts.push([])
      bytes = size
    }
    parts.at(-1)?.push(entry)
  }
  return parts
}

/** What somebody is called, as `ContactReport` of the port; nobody knows since when. */
async function nameOf(
  { id, lid, phoneNumber, notify, verifiedName }: HistorySet['contacts'][number],
  mapping: Mapping
): Promise<ContactReport> {
  const person = await personOf(id, lid ?? phoneNumber, mapping)
  const jid = person.pn ?? person.lid ?? jidNormalizedUser(id)
  const names = { push_name: notify ?? null, verified_name: verifiedName ?? null }
  return boundContact({ jid, lid: person.lid ?? null, phone: phoneOf(person.pn), ...names, timestamp: 0 })
}
