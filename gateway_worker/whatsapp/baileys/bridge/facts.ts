/** What a connection tells its owner: in order, one frame each; the owner's answer says that it has been stored. */
import type { Peer } from './peer.ts'

export type Fact = { fact: string } & Record<string, unknown>

export class Facts {
  readonly #peer: Peer
  readonly #connection: number
  readonly #deadlineMs: number
  readonly #onTold: () => void
  readonly #onRefused: () => void
  #last: Promise<unknown> = Promise.resolve()
  /** Facts the owner has not answered yet. */
  untold = 0

  constructor(peer: Peer, connection: number, deadlineMs: number, onTold: () => void, onRefused: () => void) {
    this.#peer = peer
    this.#connection = connection
    this.#deadlineMs = deadlineMs
    this.#onTold = onTold
    this.#onRefused = onRefused
  }

  /** Tells a fact after those before it, and once `ready` resolves; resolves to whether the owner has taken it. */
  async tell(fact: Fact, ready?: () => Promise<void>): Promise<boolean> {
    this.untold += 1
    const leaving = this.#last.then(async () => {
      await ready?.()
      // Wrapped: the next fact follows this one, it does not wait for its answer
      return { answer: this.#peer.call('tell', this.#connection, fact, [], this.#deadlineMs) }
    })
    this.#last = leaving
    const { answer } = await leaving
    try {
      await answer
    } catch {
      this.#onRefused()
      return false
    } finally {
      this.untold -= 1
    }
    this.#onTold()
    return true
  }
}
