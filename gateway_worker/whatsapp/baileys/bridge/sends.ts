/** Messages on their way: each waits for WhatsApp's acknowledgement. */
import type { BinaryNode } from 'baileys'

import type { Gate } from './gate.ts'
import { CallError } from './peer.ts'

interface Waiting {
  resolve: (timestamp: number) => void
  reject: (error: unknown) => void
  /** Frames the gate had taken when it was encrypted: whatever leaves after them may be this message. */
  before: number
  timer: NodeJS.Timeout
}

export class Sends {
  readonly #waiting = new Map<string, Waiting>()
  readonly #gate: Gate
  readonly #deadlineMs: number

  constructor(gate: Gate, deadlineMs: number) {
    this.#gate = gate
    this.#deadlineMs = deadlineMs
  }

  /** Runs `relay`, which hands the message over, and waits for its acknowledgement: WhatsApp's clock, Unix seconds. */
  send(messageId: string, relay: () => Promise<unknown>): Promise<number> {
    if (this.#waiting.has(messageId)) throw new CallError('already_sending')
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#take(messageId)?.reject(new CallError('outcome_unknown')), this.#deadlineMs)
      this.#waiting.set(messageId, { resolve, reject, before: Infinity, timer })
      relay().catch((error: unknown) => this.#take(messageId)?.reject(failureOf(error)))
    })
  }

  /** The message has been encrypted: its stanza is among the frames to come. */
  encrypted(messageId: string): void {
    const waiting = this.#waiting.get(messageId)
    if (waiting !== undefined) waiting.before = this.#gate.taken
  }

  /** Takes an acknowledgement; answers the code of a refusal nobody waits for (any more). */
  acknowledge({ attrs }: BinaryNode): string | undefined {
    const { id = '', error, t } = attrs
    const waiting = this.#take(id)
    if (waiting === undefined) return error
    if (error === undefined) waiting.resolve(Number(t ?? 0))
    else waiting.reject(new CallError('refused', { code: error, text: attrs['text'] ?? '' }))
    return undefined
  }

  /** The connection is over: what may have left is unknown, the rest failed as `kind` says. */
  failAll(kind: 'not_connected' | 'store_refused'): void {
    for (const messageId of [...this.#waiting.keys()]) this.#fail(messageId, kind)
  }

  #fail(messageId: string, kind: string): void {
    const waiting = this.#take(messageId)
    const mayHaveLeft = waiting !== undefined && this.#gate.left > waiting.before
    waiting?.reject(new CallError(mayHaveLeft ? 'outcome_unknown' : kind))
  }

  #take(messageId: string): Waiting | undefined {
    const waiting = this.#waiting.get(messageId)
    clearTimeout(waiting?.timer)
    this.#waiting.delete(messageId)
    return waiting
  }
}

/** An error of Baileys while it prepared a message: a refusal of WhatsApp's carries its code in `data`. */
function failureOf(error: unknown): unknown {
  const data = error instanceof Error ? Reflect.get(error, 'data') : undefined
  return typeof data === 'number' ? new CallError('refused', { code: String(data), text: '' }) : error
}
