/** Messages on their way: each waits for WhatsApp's acknowledgement. */
import type { BinaryNode } from 'baileys'

import type { Gate } from '../signal/gate.ts'
import { secondsOf } from '../words/limits.ts'
import type { Acknowledgement } from '../channel/calls.ts'
import { CallError } from '../channel/peer.ts'
import { StoreClosed } from '../signal/store.ts'

interface Waiting {
  answer: Promise<Acknowledgement>
  resolve: (acknowledgement: Acknowledgement) => void
  reject: (error: unknown) => void
  /** Frames the gate had taken when it was encrypted: whatever leaves after them may be this message. */
  before: number
  encryptedAt: number
  timer: NodeJS.Timeout
}

interface Boom {
  data?: unknown
  output?: { statusCode?: number }
}

/** Baileys' codes for a socket that closed, and for a query without an answer. */
const NO_ANSWER = new Set<unknown>([408, 428])

export class Acknowledgements {
  readonly #waiting = new Map<string, Waiting>()
  readonly #gate: Gate
  readonly #deadlineMs: number

  constructor(gate: Gate, deadlineMs: number) {
    this.#gate = gate
    this.#deadlineMs = deadlineMs
  }

  /**
   * Runs `relay`, which hands the message over, and waits for its acknowledgement. One that is on its way already is only
   * waited for: whoever asked first may have been cancelled.
   */
  of(messageId: string, relay: () => Promise<unknown>): Promise<Acknowledgement> {
    const underWay = this.#waiting.get(messageId)
    if (underWay !== undefined) return underWay.answer
    const { promise: answer, resolve, reject } = Promise.withResolvers<Acknowledgement>()
    const timer = setTimeout(() => this.#take(messageId)?.reject(new CallError('outcome_unknown')), this.#deadlineMs)
    this.#waiting.set(messageId, { answer, resolve, reject, before: Infinity, encryptedAt: performance.now(), timer })
    relay().catch((error: unknown) => this.#notRelayed(messageId, error))
    return answer
  }

  /** The message has been encrypted: its stanza is among the frames to come. */
  encrypted(messageId: string): void {
    const waiting = this.#waiting.get(messageId)
    if (waiting === undefined) return
    waiting.before = this.#gate.taken
    waiting.encryptedAt = performance.now()
  }

  /** Takes an acknowledgement; answers the code of a refusal nobody waits for (any more). */
  acknowledge({ attrs }: BinaryNode): string | undefined {
    const { id = '', error, t } = attrs
    const waiting = this.#take(id)
    if (waiting === undefined) return error
    const wire_ms = Math.round(performance.now() - waiting.encryptedAt)
    if (error === undefined) waiting.resolve({ timestamp: secondsOf(t), wire_ms })
    else waiting.reject(new CallError('refused', { code: error, text: attrs['text'] ?? '' }))
    return undefined
  }

  /** The connection is over: what may have left is unknown, the rest failed as `kind` says. */
  failAll(kind: 'not_connected' | 'store_refused'): void {
    for (const messageId of [...this.#waiting.keys()]) this.#fail(messageId, kind)
  }

  /**
   * Baileys gave up on a message. Where it only noticed that the connection is over, or that a query had no answer, the
   * connection's end or the deadline will say what that means; where its stanza has left, the acknowledgement will.
   */
  #notRelayed(messageId: string, error: unknown): void {
    const { data, output } = (error instanceof Error ? error : {}) as Boom
    if (error instanceof CallError) return this.#take(messageId)?.reject(error)
    if (error instanceof StoreClosed || NO_ANSWER.has(output?.statusCode)) return
    if (this.#gate.taken > (this.#waiting.get(messageId)?.before ?? Infinity)) return
    // A refusal of WhatsApp's carries its code in `data`
    this.#take(messageId)?.reject(typeof data === 'number' ? new CallError('refused', { code: String(data), text: '' }) : error)
  }

  #fail(messageId: string, kind: string): void {
    const waiting = this.#take(messageId)
    waiting?.reject(new CallError(this.#mayHaveLeft(waiting) ? 'outcome_unknown' : kind))
  }

  #mayHaveLeft(waiting: Waiting | undefined): boolean {
    return waiting !== undefined && this.#gate.left > waiting.before
  }

  #take(messageId: string): Waiting | undefined {
    const waiting = this.#waiting.get(messageId)
    clearTimeout(waiting?.timer)
    this.#waiting.delete(messageId)
    return waiting
  }
}
