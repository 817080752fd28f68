/**
 * A phone in a group that could not read a message gets it again, and nobody else.
 *
 * Baileys answers a phone by sending the message to the whole group once more: everybody gets a copy, who came since gets
 * what was written before, and each phone that lacks a key costs a large group a thousand messages.
 */
import { type BinaryNode, extractE2ESessionFromRetryReceipt, getBinaryNodeChild, isJidGroup, jidDecode, proto, type WASocket } from 'baileys'

import { BoundedMap } from './bounded.ts'
import type { ChatOrder } from './order.ts'
import { resending } from './repository.ts'
import type { Store } from './store.ts'

type Bundle = Parameters<WASocket['signalRepository']['injectE2ESession']>[0]['session']

const MAX_TRIES = 5
const MAX_REMEMBERED = 2_000

export interface RetryParts {
  socket: Pick<WASocket, 'assertSessions' | 'relayMessage' | 'sendMessageAck' | 'signalRepository'>
  store: Pick<Store, 'loadMessage'>
  order: Pick<ChatOrder, 'after'>
}

/** Whether a receipt asks for what Baileys would send to everybody. */
export function asksForItself({ attrs: { type, from, participant } }: BinaryNode): boolean {
  return type === 'retry' && isJidGroup(from) === true && participant !== undefined && !jidDecode(participant)?.device
}

export class Retries {
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
    this.#answered = this.#answered.then(answer).then(confirm, confirm).catch(() => undefined) // the connection ended
  }

  async #resend(receipt: BinaryNode): Promise<void> {
    const { socket, store, order } = this.#parts
    const { id = '', from: group = '', participant: jid = '' } = receipt.attrs
    const name = `${id}:${jid}`
    const tries = this.#tries.get(name) ?? 0
    const stored = tries < MAX_TRIES ? await store.loadMessage(id, group) : undefined
    if (stored === undefined) return
    this.#tries.set(name, tries + 1)
    const session = extractE2ESessionFromRetryReceipt(receipt)
    if (session === null) await socket.assertSessions([jid], true)
    else await socket.signalRepository.injectE2ESession({ jid, session: session as Bundle }) // a bundle may lack a one-time key
    const count = Number(getBinaryNodeChild(receipt, 'retry')?.attrs['count']) || 1
    const message = proto.Message.decode(stored)
    // The key goes with it as it is now: a message encrypted before and sent after could not be read any more
    await order.after(group, async () => void (await socket.relayMessage(group, message, { messageId: id, participant: { jid, count } })))
  }
}
