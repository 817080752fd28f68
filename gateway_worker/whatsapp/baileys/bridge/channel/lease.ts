/**
 * The dead man's switch: how long this worker's lease on its sessions still runs.
 *
 * Python is asked again and again, and what it answers counts from *before* the question. So neither a slow answer, nor
 * one that lay in the socket while this process was stopped, makes the lease longer than it is: whoever takes the
 * sessions over after its end meets no stanza of ours.
 */
import type { Peer } from './peer.ts'

const ANSWER_MS = 5_000

export class Lease {
  readonly #peer: Pick<Peer, 'call'>
  readonly #onOver: () => void
  readonly #now: () => number
  #deadline = -Infinity
  #asking = false

  /** @param onOver called by `holds` when it does not: the process ends */
  constructor(peer: Pick<Peer, 'call'>, onOver: () => void, now: () => number = () => performance.now()) {
    this.#peer = peer
    this.#onOver = onOver
    this.#now = now
  }

  /** Asks how long it runs, unless a question is under way. Without an answer it stays as it is. */
  async renew(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    const asked = this.#now()
    try {
      const { head } = await this.#peer.call('lease', 0, null, [], ANSWER_MS)
      this.#deadline = Math.max(this.#deadline, asked + Number(head.v))
    } catch {
      return
    } finally {
      this.#asking = false
    }
  }

  /** Whether anything may still leave. */
  holds(): boolean {
    if (this.#now() < this.#deadline) return true
    this.#onOver()
    return false
  }
}
