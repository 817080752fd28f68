/** The account itself: how it shows itself, and to whom. What we change of it is told as what another device changes. */
import {
  type AuthenticationCreds,
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidNormalizedUser,
  type WASocket
} from 'baileys'

import type { PrivacySetting, Profile } from '../channel/calls.ts'
import type { Facts } from '../channel/facts.ts'
import { CallError } from '../channel/peer.ts'
import { boundProfile } from '../channel/schema.ts'
import { phoneOf } from '../words/addresses.ts'
import { answered } from './asking.ts'
import { ownName } from './own-name.ts'
import type { People } from './pictures.ts'

const SERVER = 's.whatsapp.net'
/** What WhatsApp calls each setting, by our name of it. */
const SETTINGS: Record<string, string> = {
  last_seen: 'last',
  online: 'online',
  picture: 'profile',
  about: 'status',
  groups: 'groupadd',
  calls: 'calladd',
  read_receipts: 'readreceipts'
}
/** And each audience; those that are missing are called the same. */
const AUDIENCES: Record<string, string> = { contactsExcept: 'contact_blacklist', matchLastSeen: 'match_last_seen' }

export interface OwnAccountParts {
  socket: Pick<WASocket, 'query' | 'fetchStatus' | 'updateProfileStatus'>
  facts: Pick<Facts, 'notify'>
  credentials: AuthenticationCreds
  people: Pick<People, 'picture'>
}

export class OwnAccount {
  readonly #parts: OwnAccountParts

  constructor(parts: OwnAccountParts) {
    this.#parts = parts
  }

  async profile(): Promise<Profile> {
    const { credentials, people, socket } = this.#parts
    const jid = this.#jid
    const [found] = await answered(() => socket.fetchStatus(jid))
    const about = (found?.['status'] as { status?: unknown } | undefined)?.status
    const { lid } = credentials.me ?? {}
    return boundProfile({
      jid,
      lid: lid ? jidNormalizedUser(lid) : null,
      phone: phoneOf(jid),
      push_name: ownName(credentials),
      about: typeof about === 'string' ? about : '',
      picture: await people.picture(jid, false)
    })
  }

  async setAbout(about: string): Promise<void> {
    await answered(() => this.#parts.socket.updateProfileStatus(about).then(() => true))
    await this.#notify({ about })
  }

  /** @param picture a square JPEG; null: none any more */
  async setPicture(group: string | null, picture: Uint8Array | null): Promise<void> {
    const content = picture === null ? {} : { content: [{ tag: 'picture', attrs: { type: 'image' }, content: picture }] }
    const target = group === null ? {} : { target: group }
    const answer = await this.#query({ xmlns: 'w:profile:picture', type: 'set', ...target }, content)
    if (group !== null) return // a notification tells it
    const { id } = getBinaryNodeChild(answer, 'picture')?.attrs ?? {}
    await this.#notify({ picture: picture === null ? '' : (id ?? String(Date.now())) })
  }

  /** Only what we have a word for. */
  async privacy(): Promise<PrivacySetting[]> {
    const answer = await this.#query({ xmlns: 'privacy', type: 'get' }, { content: [{ tag: 'privacy', attrs: {} }] })
    const said = getBinaryNodeChildren(getBinaryNodeChild(answer, 'privacy'), 'category').map(({ attrs }) => attrs)
    return Object.entries(SETTINGS).flatMap(([name, theirs]) => {
      const value = said.find((attrs) => attrs['name'] === theirs)?.['value']
      return value === undefined ? [] : [{ name, value: ourWord(value) }]
    })
  }

  async setPrivacy({ name, value }: PrivacySetting): Promise<void> {
    const attrs = { name: SETTINGS[name] ?? name, value: AUDIENCES[value] ?? value }
    const privacy = { tag: 'privacy', attrs: {}, content: [{ tag: 'category', attrs }] }
    await this.#query({ xmlns: 'privacy', type: 'set' }, { content: [privacy] })
  }

  /** Takes WhatsApp's word that another device has changed the picture; it does not say to which. */
  takeNotification(stanza: BinaryNode, pass: () => void): boolean {
    if (stanza.attrs['type'] !== 'account_sync' || getBinaryNodeChild(stanza, 'picture') === undefined) return false
    const look = async (): Promise<void> => {
      const { state, id } = await this.#parts.people.picture(this.#jid, false)
      if (state === 'none') await this.#notify({ picture: '' })
      else if (id !== null) await this.#notify({ picture: id })
    }
    void look().then(pass, () => undefined) // else it comes again
    return true
  }

  get #jid(): string {
    return jidNormalizedUser(this.#parts.credentials.me?.id)
  }

  async #notify(change: { about?: string; picture?: string }): Promise<void> {
    const isStored = await this.#parts.facts.notify({ fact: 'profile', ...change, timestamp: null })
    if (!isStored) throw new CallError('store_refused')
  }

  #query(attrs: Record<string, string>, content: { content?: BinaryNode[] }): Promise<BinaryNode> {
    const iq = { tag: 'iq', attrs: { to: SERVER, ...attrs }, ...content }
    return answered(async () => (await this.#parts.socket.query(iq)) as BinaryNode)
  }
}

function ourWord(value: string): string {
  return Object.entries(AUDIENCES).find(([, theirs]) => theirs === value)?.[0] ?? value
}
