/**
 * People as a chat addresses them: by number, or by LID. A quote or a mention that names somebody in the other way names
 * nobody for whoever reads it.
 */
import { type Contact, isJidGroup, isLidUser, isPnUser, jidDecode, jidNormalizedUser } from 'baileys'

import type { Mapping } from '../words/addresses.ts'

export interface AddressingParts {
  mapping: () => Mapping
  /** People's numbers as WhatsApp writes them; whose is not on WhatsApp is missing. */
  addressesOf: (jids: readonly string[]) => Promise<ReadonlyMap<string, string>>
  me: () => Contact | undefined
  /** How a group addresses its members; undefined where that is not known. */
  modeOf: (group: string) => Promise<string | undefined>
}

/** A message on its way, as far as it names people. */
interface Naming {
  original: { sender: string } | null
  mentions: readonly string[]
  content: object
}

/** Fields of a content in which people are mentioned. */
const TEXTS = ['text', 'caption', 'question'] as const

export class Addressing {
  readonly #parts: AddressingParts

  constructor(parts: AddressingParts) {
    this.#parts = parts
  }

  /** The message with everybody named as `chat` names people, and our own address there. */
  async in<T extends Naming>(chat: string, message: T): Promise<{ message: T; own: string }> {
    const { id, lid } = this.#parts.me() ?? { id: '' }
    if (message.original === null && message.mentions.length === 0) return { message, own: jidNormalizedUser(id) }
    const byLid = await this.#isByLid(chat)
    const own = jidNormalizedUser(byLid && lid ? lid : id)
    const { original } = message
    const named = original === null ? null : { ...original, sender: await this.#named(original.sender, byLid) }
    if (message.mentions.length === 0) return { message: { ...message, original: named }, own }
    const written = await this.#parts.addressesOf(message.mentions)
    const mentions = await Promise.all(message.mentions.map((jid) => this.#named(written.get(jid) ?? jid, byLid, written.has(jid))))
    const content = renamed(message.content, message.mentions, mentions)
    return { message: { ...message, original: named, mentions, content }, own }
  }

  async #isByLid(chat: string): Promise<boolean> {
    return isJidGroup(chat) === true ? (await this.#parts.modeOf(chat)) !== 'pn' : isLidUser(chat) === true
  }

  /** Somebody of whom only the other address is known is named by that, and who is not on WhatsApp as given. */
  async #named(jid: string, byLid: boolean, isThere = true): Promise<string> {
    const bare = jidNormalizedUser(jid)
    if (!isThere) return bare
    const mapping = this.#parts.mapping()
    if (byLid && isPnUser(bare) === true) return jidNormalizedUser((await mapping.getLIDForPN(bare)) ?? bare)
    if (!byLid && isLidUser(bare) === true) return jidNormalizedUser((await mapping.getPNForLID(bare)) ?? bare)
    return bare
  }
}

/** A content whose texts name people as their mentions now do: `@` and the digits of the address. */
function renamed(content: object, before: readonly string[], after: readonly string[]): object {
  const digits = new Map<string, string>()
  for (const [index, jid] of before.entries()) {
    const [old, current] = [jid, after[index] ?? jid].map((each) => jidDecode(each)?.user)
    if (old !== undefined && current !== undefined && old !== current) digits.set(old, current)
  }
  if (digits.size === 0) return content
  const rename = (text: string): string => {
    return text.replace(/@\+?(\d{5,20})(?!\d)/g, (mention, user: string) => (digits.has(user) ? `@${digits.get(user)}` : mention))
  }
  const texts = TEXTS.flatMap((name): [string, string][] => {
    const text = Reflect.get(content, name) as unknown
    return typeof text === 'string' ? [[name, rename(text)]] : []
  })
  return { ...content, ...Object.fromEntries<string>(texts) }
}
