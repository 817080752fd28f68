/**
 * Holds frames back from WhatsApp until everything decided before them is durable (SET → WIRE).
 *
 * A stanza is encrypted in memory at once and takes its place here; it leaves when the group of changes its ratchet is
 * in has been committed. So does a receipt with the message it confirms. Frames keep their order: Noise counts them.
 */
import type { Lease } from '../channel/lease.ts'
import type { Store } from './store.ts'

type Send = (frame: Uint8Array, done?: (error?: Error) => void) => void

interface Held {
  frame: Uint8Array
  after: number
}

export class Gate {
  readonly #store: Store
  readonly #lease: Pick<Lease, 'holds'>
  readonly #send: Send
  readonly #held: Held[] = []
  #closed = false
  /** Frames taken, and frames that left. */
  taken = 0
  left = 0

  constructor(store: Store, lease: Pick<Lease, 'holds'>, send: Send) {
    this.#store = store
    this.#lease = lease
    this.#send = send
  }

  get isBusy(): boolean {
    return this.#held.length > 0
  }

  /** Takes a frame. `done` is called at once: nobody waits for the wire, WhatsApp's acknowledgements tell what arrived. */
  take(frame: Uint8Array, done?: (error?: Error) => void): void {
    if (this.#closed) {
      done?.(new Error('Connection Closed'))
      return
    }
    this.taken += 1
    this.#held.push({ frame, after: this.#store.taken })
    this.release()
    done?.()
  }

  /** Lets out what waits for nothing any more, as long as these sessions are ours. */
  release(): void {
    while (this.#held[0] !== undefined && this.#held[0].after <= this.#store.stored && this.#lease.holds()) {
      const { frame } = this.#held.shift() as Held
      this.left += 1
      this.#send(frame)
    }
  }

  /** Drops what is held; nothing leaves any more. */
  close(): void {
    this.#closed = true
    this.#held.length = 0
  }
}
