/** What the account's owner calls people: from the app state, many at a time when this device is new. */
import {
  type AuthenticationCreds,
  type BaileysEventMap,
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidNormalizedUser,
  type WASocket
} from 'baileys'

import { isOwn, type Mapping, personOf, phoneOf } from '../words/addresses.ts'
import type { AppState } from '../signal/app-state.ts'
import type { Facts } from '../channel/facts.ts'
import type { ContactReport } from '../channel/payloads.ts'

type Saved = BaileysEventMap['contacts.upsert'][number]

export interface AddressBookParts {
  socket: WASocket
  facts: Facts
  appState: AppState
  credentials: AuthenticationCreds
}

/** The part of the app state that they are in. */
export const SAVED_CONTACTS = 'critical_unblock_low'
/** People in one fact, which is one transaction. */
export const MAX_TOLD = 200

export class AddressBook {
  readonly #parts: AddressBookParts
  #batch: Saved[] | undefined
  #notified: Promise<unknown> = Promise.resolve()

  constructor(parts: AddressBookParts) {
    this.#parts = parts
    const { socket, appState } = parts
    appState.notified = () => this.#notified
    socket.ev.on('creds.update', ({ myAppStateKeyId }) => myAppStateKeyId !== undefined && this.read())
  }

  /** Looks at WhatsApp's answer about the app state. */
  noteSync(answer: BinaryNode): void {
    if (isEmpty(answer)) this.#parts.appState.noteEmpty(SAVED_CONTACTS)
  }

  /**
   * Reads what is new in it; not before the phone has shared the key. Without a history Baileys does not do so by itself,
   * and what WhatsApp told just before the last connection ended may have been confirmed, and not read.
   */
  read(): void {
    const { socket, credentials } = this.#parts
    if (credentials.myAppStateKeyId) socket.resyncAppState([SAVED_CONTACTS], false).catch(() => undefined)
  }

  /** Takes saved contacts. They come one by one, in one turn of the event loop. */
  take(saved: readonly Saved[]): void {
    this.#batch ??= this.#begin()
    this.#batch.push(...saved.filter(({ id }) => !isOwn(id, this.#parts.credentials.me)))
  }

  #begin(): Saved[] {
    const batch: Saved[] = []
    const { isFromBefore } = this.#parts.appState
    const whole = new Promise<void>((resolve) => process.nextTick(resolve)).then(() => (this.#batch = undefined))
    const before = this.#notified.catch(() => undefined)
    this.#notified = Promise.all([before, whole]).then(() => this.#notify(batch, isFromBefore))
    this.#notified.catch(() => undefined) // then the connection is lost, and the next one reads it again
    return batch
  }

  async #notify(saved: readonly Saved[], isFromBefore: boolean): Promise<void> {
    for (let start = 0; start < saved.length; start += MAX_TOLD) {
      const slice = saved.slice(start, start + MAX_TOLD)
      const contacts = await Promise.all(slice.map((contact) => savedName(contact, this.#parts.socket.signalRepository.lidMapping)))
      await this.#parts.facts.notify({ fact: 'contacts', contacts, from_before: isFromBefore })
    }
  }
}

/** A saved contact as `ContactReport` of the port. */
export async function savedName({ id, name, lid, phoneNumber }: Saved, mapping: Mapping): Promise<ContactReport> {
  const person = await personOf(id, lid ?? phoneNumber, mapping)
  const jid = person.pn ?? person.lid ?? jidNormalizedUser(id)
  return { jid, lid: person.lid ?? null, phone: phoneOf(person.pn), saved_name: name ?? null }
}

/** Whether WhatsApp says that nobody was ever saved: then there is no version either, and the first one is news. */
function isEmpty(answer: BinaryNode): boolean {
  const collections = getBinaryNodeChildren(getBinaryNodeChild(answer, 'sync'), 'collection')
  const [own] = collections.filter(({ attrs }) => attrs['name'] === SAVED_CONTACTS && attrs['type'] !== 'error')
  if (own === undefined || (own.attrs['version'] ?? '0') !== '0') return false
  return !['snapshot', 'patches'].some((tag) => getBinaryNodeChild(own, tag) !== undefined)
}
