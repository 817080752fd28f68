/**
 * A phone in a group that could not read a message gets it again, and nobody else.
 *
 * Baileys answers a phone by sending the message to the whole group once more: everybody gets a copy, who came since gets
 * what was written before, and each phone that lacks a key costs a large group a thousand messages.
 */
import { type BinaryNode, extractE2ESessionFromRetryReceipt, getBinaryNodeChild, isJidGroup, jidDecode, type WASocket } from 'baileys'

import { BoundedMap } from '../words/bounded.ts'
import type { ChatOrder } from '../words/chat-order.ts'
import { sentAgain } from '../outgoing/message.ts'
import { resending } from './repository.ts'
import type { Store } from '../signal/store.ts'

type Bundle = Parameters<WASocket['signalRepository']['injectE2ESession']>[0]['session']

const MAX_TRIES = 5
const MAX_REMEMBERED = 2_000

export interface RetryParts {
  socket: Pick<WASocket, 'assertSessions' | 'relayMessage' | 'sendMessageAck' | 'signalRepository'>
  store: Pick<Store, 'loadSent'>
  order: Pick<ChatOrder, 'after'>
}

/** Whether a receipt asks for what Baileys would send to everybody. */
export function asksForItself({ attrs: { type, from, participant } }: BinaryNode): boolean {
  return type === 'retry' && isJidGroup(from) === true && participant !== undefined && !jidDecode(participant)?.device
}

export class RetryReceipts {
  readonly #parts: RetryParts
  readonly #tries = new BoundedMap<number>(MAX_REMEMBERED)
  #answered: Promise<unknown> = Promise.resolve()

  constructor(parts: RetryParts) {
    this.#parts = parts
  }

  /** Answers it after those before it, and confirms it; what fails is asked for again. */
  answer(receipt: BinaryNode): void {
    const { socket } = this.#parts
    const confirm = (): Promise<void> => socket.sendMessageAck(receipt)
    const answer = (): Promise<void> => resending.run(true, () => this.#resend(receipt))
    this.#answered = this.#answered
      .then(answer)
      .then(confirm, confirm)
      .catch(() => undefined) // the connection ended
  }

  async #resend(receipt: BinaryNode): Promise<void> {
    const { socket, store, order } = this.#parts
    const { id = '', from: group = '', participant: jid = '' } = receipt.attrs
    const name = `${id}:${jid}`
    const tries = this.#tries.get(name) ?? 0
    if (tries >= MAX_TRIES || (await store.loadSent(id, group)) === undefined) return
    this.#tries.set(name, tries + 1)
    const session = extractE2ESessionFromRetryReceipt(receipt)
    if (session === null) await socket.assertSessions([jid], true)
    else await socket.signalRepository.injectE2ESession({ jid, session: session as Bundle }) // a bundle may lack a one-time key
    const count = Number(getBinaryNodeChild(receipt, 'retry')?.attrs['count']) || 1
    // The key goes with it as it is now: a message encrypted before and sent after could not be read any more. So does the
    // message: it may have been edited or deleted while we fetched the key, and that stands in the same order
    await order.after(group, async () => {
      const stored = await store.loadSent(id, group)
      if (stored !== undefined) await socket.relayMessage(group, sentAgain(stored), { messageId: id, participant: { jid, count } })
    })
  }
}
