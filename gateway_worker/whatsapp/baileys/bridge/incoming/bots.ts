/**
 * What another device of ours writes to one of WhatsApp's bots. Baileys takes it for a note to ourselves, and confirms it as
 * one, so that WhatsApp sends it again at every login.
 */
import { type BinaryNode, isJidMetaAI } from 'baileys'

import { BoundedMap } from '../words/bounded.ts'

/** Messages that are not confirmed yet. */
const MAX_UNCONFIRMED = 1_000

/** The bot that a message was written to, if it was written to one. */
export function botOf({ attrs: { recipient } }: BinaryNode): string | undefined {
  return isJidMetaAI(recipient) === true ? recipient : undefined
}

/** Receipts of one connection for such messages. */
export class BotReceipts {
  readonly #written = new BoundedMap<{ to: string; recipient: string }>(MAX_UNCONFIRMED)

  /** A message arrived. */
  note(stanza: BinaryNode): void {
    const { id, from } = stanza.attrs
    const recipient = botOf(stanza)
    if (recipient !== undefined && id !== undefined && from !== undefined) this.#written.set(id, { to: from, recipient })
  }

  /** A stanza as it should leave: what confirms such a message names its chat. */
  addressed(stanza: BinaryNode): BinaryNode {
    const { id = '', type } = stanza.attrs
    const places = stanza.tag === 'receipt' && type === 'sender' ? this.#written.get(id) : undefined
    return places === undefined ? stanza : { ...stanza, attrs: { id, type: 'sender', ...places } }
  }
}
