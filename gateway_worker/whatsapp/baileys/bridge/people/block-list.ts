/**
 * Whom the account has blocked: read whole after each login and whenever another device has changed it.
 *
 * What differs from the list that was known is told, and then the list is kept: a crash between both tells it once more, and the
 * owner sees that it is not new. What was blocked before the device was linked is told as that.
 */
import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren, isLidUser, isPnUser, jidNormalizedUser, type WASocket } from 'baileys'

import { CallError } from '../channel/peer.ts'
import type { ContactReport, Person } from '../channel/payloads.ts'
import type { Facts } from '../channel/facts.ts'
import type { Store } from '../signal/store.ts'
import { personOf, phoneOf } from '../words/addresses.ts'
import { answered } from './asking.ts'
import type { Contacts } from './contacts.ts'

/** Where the list is kept, among the keys. */
const KIND = 'blocked'
const LIST = 'list'
/** Of a list, at most; WhatsApp allows fewer. */
const MAX_BLOCKED = 20_000
/** People of one fact. */
const SLICE = 100
const SERVER = 's.whatsapp.net'

/** By the address under which WhatsApp lists them. */
type Listed = Record<string, Person>

export interface BlockListParts {
  socket: Pick<WASocket, 'query' | 'signalRepository'>
  store: Pick<Store, 'get' | 'set' | 'isStored'>
  facts: Pick<Facts, 'notify'>
  contacts: Pick<Contacts, 'check'>
}

export class BlockList {
  readonly #parts: BlockListParts
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: BlockListParts) {
    this.#parts = parts
  }

  /** Logged in. What WhatsApp does not answer is asked again after the next login. */
  open(): Promise<void> {
    return this.#read().catch(() => undefined)
  }

  /** Takes WhatsApp's word that the list has changed; it is confirmed once that is told. Answers whether it is that. */
  takeNotification(stanza: BinaryNode, pass: () => void): boolean {
    if (stanza.attrs['type'] !== 'account_sync' || getBinaryNodeChild(stanza, 'blocklist') === undefined) return false
    void this.#read().then(pass, () => undefined) // else it comes again
    return true
  }

  /** Blocks a person, or no longer; resolves once that is told. */
  change(jid: string, isBlocked: boolean): Promise<void> {
    return this.#inTurn(async () => {
      const { pn, lid } = await this.#addressesOf(jid)
      const address = lid ?? pn ?? jid
      // WhatsApp lists people by their LID, and wants to see the number of whom it adds
      const number = isBlocked && lid !== undefined && pn !== undefined ? { pn_jid: pn } : {}
      const attrs = { action: isBlocked ? 'block' : 'unblock', jid: address, ...number }
      await answered(() => this.#query('set', [{ tag: 'item', attrs }]))
      const before = await this.#known()
      if (before === undefined) return this.#take(await this.#asked())
      const { [address]: _, ...others } = before
      const person = { jid: pn ?? address, lid: lid ?? null, phone: phoneOf(pn) }
      await this.#replace(before, isBlocked ? { ...others, [address]: person } : others)
    })
  }

  #read(): Promise<void> {
    return this.#inTurn(async () => this.#take(await this.#asked()))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined) // whoever asked is told
    return done
  }

  /** The list, by address: with the number of whom WhatsApp says it. */
  async #asked(): Promise<Map<string, string | undefined>> {
    const answer = await answered(() => this.#query('get'))
    const items = getBinaryNodeChildren(getBinaryNodeChild(answer, 'list'), 'item').slice(0, MAX_BLOCKED)
    const listed = items.map(({ attrs }): [string, string | undefined] => [jidNormalizedUser(attrs['jid']), attrs['pn_jid']])
    return new Map(listed.filter(([jid]) => isPnUser(jid) === true || isLidUser(jid) === true))
  }

  async #take(listed: ReadonlyMap<string, string | undefined>): Promise<void> {
    const before = await this.#known()
    const next: Listed = {}
    for (const [address, number] of listed) {
      const known = before !== undefined && Object.hasOwn(before, address) ? before[address] : undefined
      next[address] = known ?? (await this.#personOf(address, number))
    }
    await this.#replace(before, next)
  }

  async #replace(before: Listed | undefined, next: Listed): Promise<void> {
    const reports = differences(before ?? {}, next)
    for (let start = 0; start < reports.length; start += SLICE) {
      const contacts = reports.slice(start, start + SLICE)
      if (!(await this.#parts.facts.notify({ fact: 'contacts', contacts, from_before: before === undefined }))) {
        throw new CallError('store_refused')
      }
    }
    if (before !== undefined && reports.length === 0) return
    this.#parts.store.set({ [KIND]: { [LIST]: next } } as never)
    await this.#parts.store.isStored()
  }

  /** Undefined before it was read for the first time. */
  async #known(): Promise<Listed | undefined> {
    const found = (await this.#parts.store.get(KIND as never, [LIST])) as Record<string, Listed | undefined>
    return found[LIST]
  }

  async #personOf(address: string, number: string | undefined): Promise<Person> {
    const { pn, lid } = await personOf(address, number, this.#parts.socket.signalRepository.lidMapping)
    return { jid: pn ?? address, lid: lid ?? null, phone: phoneOf(pn) }
  }

  /** Both addresses of a person; WhatsApp is asked for the LID of a number that nobody knows yet. */
  async #addressesOf(jid: string): Promise<{ pn: string | undefined; lid: string | undefined }> {
    const { lidMapping } = this.#parts.socket.signalRepository
    const { pn, lid } = await personOf(jid, undefined, lidMapping)
    if (pn === undefined || lid !== undefined) return { pn, lid }
    const mapped = await lidMapping.getLIDForPN(pn)
    if (mapped !== null) return { pn, lid: jidNormalizedUser(mapped) }
    const [found] = await this.#parts.contacts.check([phoneOf(pn) ?? ''])
    if (found?.exists !== true) throw new CallError('recipient_unknown')
    return { pn: found.jid ?? pn, lid: found.lid ?? undefined }
  }

  async #query(type: 'get' | 'set', content?: BinaryNode[]): Promise<BinaryNode> {
    const attrs = { to: SERVER, xmlns: 'blocklist', type }
    return (await this.#parts.socket.query({ tag: 'iq', attrs, ...(content === undefined ? {} : { content }) })) as BinaryNode
  }
}

/** Who is blocked now and was not, and the other way round; who is listed by another address is who it was. */
function differences(before: Listed, next: Listed): ContactReport[] {
  const came = Object.entries(next).filter(([address]) => !Object.hasOwn(before, address))
  const went = Object.entries(before).filter(([address]) => !Object.hasOwn(next, address))
  const names = (people: readonly [string, Person][]): Set<string> =>
    new Set(people.flatMap(([address, { jid, lid }]) => [address, jid, ...(lid === null ? [] : [lid])]))
  const [stayed, left] = [names(came), names(went)]
  const isAmong = (known: ReadonlySet<string>, [address, { jid, lid }]: [string, Person]): boolean =>
    known.has(address) || known.has(jid) || (lid !== null && known.has(lid))
  return [
    ...went.filter((each) => !isAmong(stayed, each)).map(([, person]) => ({ ...person, blocked: false })),
    ...came.filter((each) => !isAmong(left, each)).map(([, person]) => ({ ...person, blocked: true }))
  ]
}
