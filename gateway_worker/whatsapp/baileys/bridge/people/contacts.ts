/** Which numbers are on WhatsApp, and under which JID. */
import { type BinaryNode, isPnUser, jidDecode, jidNormalizedUser, USyncQuery, USyncUser, type WASocket } from 'baileys'

import { answered } from './asking.ts'
import { BoundedMap } from '../words/bounded.ts'
import { textIn } from '../words/nodes.ts'
import { CallError } from '../channel/peer.ts'
import { boundCheck } from '../channel/schema.ts'

export interface Contact {
  phone: string
  exists: boolean
  jid: string | null
  lid: string | null
}

/** WhatsApp's answer about one number; it echoes the number as it was asked, its JID may differ from it. */
interface ContactAnswer {
  isKnown: boolean
  phone: string
}

const MAX_REMEMBERED = 1_000

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
    if (isPnUser(jid) !== true) return jid
    const remembered = this.#addresses.get(jid)
    if (remembered !== undefined) return remembered
    const user = jidDecode(jid)?.user ?? ''
    const { [user]: lid } = await this.#socket.authState.keys.get('lid-mapping', [user])
    let address = jid
    if (lid === undefined) {
      const [contact] = await this.check([`+${user}`])
      if (contact?.exists !== true) throw new CallError('recipient_unknown')
      address = contact.jid ?? jid
    }
    this.#addresses.set(jid, address)
    return address
  }

  /** @param phones E.164 with `+`, at most a few hundred */
  async check(phones: readonly string[]): Promise<Contact[]> {
    const query = new USyncQuery().withLIDProtocol()
    query.protocols.unshift(contactProtocol)
    for (const phone of phones) query.withUser(new USyncUser().withPhone(phone))
    const result = await answered(() => this.#socket.executeUSyncQuery(query))
    const answers = result.list.map((item) => answerOf(item))
    const known = answers.filter((answer) => answer.exists && answer.lid !== null)
    const mappings = known.map(({ jid, lid }) => ({ pn: jid ?? '', lid: lid ?? '' }))
    await this.#socket.signalRepository.lidMapping.storeLIDPNMappings(mappings)
    return phones.map((phone) => {
      const answer = answers.find((candidate) => digits(candidate.phone) === digits(phone))
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
