/** Which numbers are on WhatsApp, and under which JID. */
import { type BinaryNode, isPnUser, jidDecode, jidNormalizedUser, USyncQuery, USyncUser, type WASocket } from 'baileys'

import { answered } from './asking.ts'
import { BoundedMap } from '../words/bounded.ts'
import { textIn } from '../words/nodes.ts'
import type { Contact } from '../channel/calls.ts'
import { CallError } from '../channel/peer.ts'
import { boundCheck } from '../channel/schema.ts'

/** WhatsApp's answer about one number; it echoes the number as it was asked, its JID may differ from it. */
interface ContactAnswer {
  isKnown: boolean
  phone: string
}

const MAX_REMEMBERED = 1_000
/** Numbers in one question to WhatsApp. */
const MAX_ASKED = 200

const contactProtocol = {
  name: 'contact',
  getQueryElement: (): BinaryNode => ({ tag: 'contact', attrs: {} }),
  getUserElement: (user: USyncUser): BinaryNode => ({ tag: 'contact', attrs: {}, content: user.phone ?? '' }),
  parser: (node: BinaryNode): ContactAnswer => ({ isKnown: node.attrs['type'] === 'in', phone: textIn(node) })
}

export class Contacts {
  readonly #socket: WASocket
  /** PN JID as asked → as WhatsApp knows it. */
  readonly #addresses = new BoundedMap<string>(MAX_REMEMBERED)

  constructor(socket: WASocket) {
    this.#socket = socket
  }

  /** The JID to send to. Asks WhatsApp once about a number that was never seen in this session. */
  async addressOf(jid: string): Promise<string> {
    const address = (await this.addressesOf([jid])).get(jid)
    if (address === undefined) throw new CallError('recipient_unknown')
    return address
  }

  /** Likewise of many people, in one question; whose number is not on WhatsApp is missing. */
  async addressesOf(jids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    const asked: string[] = []
    for (const jid of new Set(jids)) {
      const address = isPnUser(jid) === true ? this.#addresses.get(jid) : jid
      if (address === undefined) asked.push(jid)
      else found.set(jid, address)
    }
    for (const [jid, address] of await this.#resolved(asked)) {
      this.#addresses.set(jid, address)
      found.set(jid, address)
    }
    return found
  }

  async #resolved(jids: readonly string[]): Promise<[string, string][]> {
    if (jids.length === 0) return []
    const users = jids.map((jid) => jidDecode(jid)?.user ?? '')
    const lids = await this.#socket.authState.keys.get('lid-mapping', users)
    const strangers = users.filter((user) => lids[user] === undefined).map((user) => `+${user}`)
    const contacts = strangers.length === 0 ? [] : await this.check(strangers)
    return jids.flatMap((jid, index): [string, string][] => {
      const contact = contacts.find(({ phone }) => phone === `+${users[index]}`)
      return contact === undefined ? [[jid, jid]] : contact.exists ? [[jid, contact.jid ?? jid]] : []
    })
  }

  /** @param phones E.164 with `+`; many are asked about in several questions, one after the other */
  async check(phones: readonly string[]): Promise<Contact[]> {
    const found: Contact[] = []
    for (let start = 0; start < phones.length; start += MAX_ASKED) {
      found.push(...(await this.#check(phones.slice(start, start + MAX_ASKED))))
    }
    return found
  }

  async #check(phones: readonly string[]): Promise<Contact[]> {
    const query = new USyncQuery().withLIDProtocol()
    query.protocols.unshift(contactProtocol)
    for (const phone of phones) query.withUser(new USyncUser().withPhone(phone))
    const result = await answered(() => this.#socket.executeUSyncQuery(query))
    const answers = new Map(result.list.map(answerOf).map((answer) => [digits(answer.phone), answer]))
    const known = [...answers.values()].filter((answer) => answer.exists && answer.lid !== null)
    const mappings = known.map(({ jid, lid }) => ({ pn: jid ?? '', lid: lid ?? '' }))
    await this.#socket.signalRepository.lidMapping.storeLIDPNMappings(mappings)
    return phones.map((phone) => {
      const answer = answers.get(digits(phone))
      return answer?.exists === true ? boundCheck({ ...answer, phone }) : { phone, exists: false, jid: null, lid: null }
    })
  }
}

function answerOf({ id, ...item }: { id: string; [protocol: string]: unknown }): Contact {
  const contact = item['contact'] as ContactAnswer | undefined
  const lid = typeof item['lid'] === 'string' ? jidNormalizedUser(item['lid']) : null
  const phone = contact?.phone || (jidDecode(id)?.user ?? '')
  return { phone, exists: contact?.isKnown === true, jid: jidNormalizedUser(id), lid }
}

function digits(phone: string): string {
  return phone.replace(/\D/g, '')
}
