/** What a connection tells its owner: in order, one frame each; the owner's answer says that it has been stored. */
import { inspect } from 'node:util'

import { cut, jsonBytes, MAX_TEXT } from '../words/limits.ts'
import type { Fact, UnreadableFact } from './payloads.ts'
import { nameOf, type Peer } from './peer.ts'
import type { Questions } from './questions.ts'
import { boundFact } from './schema.ts'

const NOTIFY: keyof Questions = 'notify'

/** Facts that wait for the owner, before we stop reading from the socket. */
const MAX_UNANSWERED = 500
const MAX_UNANSWERED_BYTES = 8 * 1024 * 1024

/** A fact within its limits. One that has none is told as that: the owner keeps and logs it, and it is confirmed. */
function within(described: Fact): Fact | UnreadableFact {
  try {
    return boundFact(described)
  } catch (error) {
    return { fact: described.fact, unreadable: nameOf(error), payload: cut(inspect(described, { maxStringLength: 4_096 }), MAX_TEXT) }
  }
}

export class Facts {
  readonly #peer: Peer
  readonly #connection: number
  readonly #deadlineMs: number
  readonly #onTaken: () => void
  readonly #onRefused: (error: unknown) => void
  #last: Promise<unknown> = Promise.resolve()
  /** Facts the owner has not answered yet, and their bytes. */
  unanswered = 0
  #unansweredBytes = 0

  constructor(peer: Peer, connection: number, deadlineMs: number, onTaken: () => void, onRefused: (error: unknown) => void) {
    this.#peer = peer
    this.#connection = connection
    this.#deadlineMs = deadlineMs
    this.#onTaken = onTaken
    this.#onRefused = onRefused
  }

  /** Whether the owner follows so slowly that no more should be read from WhatsApp. */
  get isBusy(): boolean {
    return this.unanswered > MAX_UNANSWERED || this.#unansweredBytes > MAX_UNANSWERED_BYTES
  }

  /** Tells a fact after those before it, and once `ready` resolves; resolves to whether the owner has taken it. */
  async notify(described: Fact, ready?: () => Promise<void>): Promise<boolean> {
    const fact = within(described)
    const bytes = jsonBytes(fact)
    this.unanswered += 1
    this.#unansweredBytes += bytes
    const leaving = this.#last.then(async () => {
      await ready?.()
      // Wrapped: the next fact follows this one, it does not wait for its answer
      return { answer: this.#peer.call(NOTIFY, this.#connection, fact, [], this.#deadlineMs) }
    })
    this.#last = leaving
    const { answer } = await leaving
    try {
      await answer
    } catch (error) {
      this.#onRefused(error)
      return false
    } finally {
      this.unanswered -= 1
      this.#unansweredBytes -= bytes
    }
    this.#onTaken()
    return true
  }
}
