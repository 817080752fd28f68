/**
 * What arrives from WhatsApp, before Baileys sees it.
 *
 * Messages are handed on one by one: Baileys would let a later one overtake one whose addresses it still looks up.
 * Receipts are kept from it, and so from their acknowledgement, until the owner has stored them.
 */
import { createHash } from 'node:crypto'

import type { AuthenticationCreds, BinaryNode, WASocket } from 'baileys'

import { personOf } from '../words/addresses.ts'
import type { Facts } from '../channel/facts.ts'
import type { PeerMessages } from './peer-messages.ts'
import { receiptOf } from './receipts.ts'
import type { Incoming } from './messages.ts'
import { resending } from './repository.ts'
import { asksForItself, RetryReceipts, type RetryParts } from './retry-receipts.ts'
import { nameOf } from '../channel/peer.ts'
import { handledByBaileys } from '../patches/listening.ts'
import type { Entry } from '../signal/commit.ts'
import type { Store } from '../signal/store.ts'

/** Messages that wait for Baileys, before we hang up and get the rest later: it may need the socket to go on. */
const MAX_UNHANDLED = 10_000
const MAX_UNHANDLED_BYTES = 64 * 1024 * 1024
/** Of one message. */
const MAX_PARTS = 8
const PARTS = new Set(['enc', 'plaintext'])

/** Names a stanza, the same each time it comes. */
function nameOfStanza({ attrs: { id, from, participant, recipient } }: BinaryNode): string {
  return createHash('sha256')
    .update(JSON.stringify([id, from, participant, recipient]))
    .digest('hex')
}

export interface ArrivalParts {
  socket: WASocket
  credentials: AuthenticationCreds
  store: Store
  facts: Facts
  incoming: Incoming
  protocol: PeerMessages
  order: RetryParts['order']
  /** The process that held the last connection died. */
  isCareful: boolean
  onFlood: () => void
}

export class Arrivals {
  readonly #parts: ArrivalParts
  readonly #retries: RetryReceipts
  #messages: Promise<unknown> = Promise.resolve()
  #receipts: Promise<unknown> = Promise.resolve()
  #unhandled = 0
  #unhandledBytes = 0

  constructor(parts: ArrivalParts) {
    this.#parts = parts
    this.#retries = new RetryReceipts(parts)
  }

  /** Acts on what an earlier connection was not done with, in turn with the messages. */
  replay(): void {
    void this.inTurn(() => this.#parts.protocol.replay()).catch(() => undefined) // the store said why
  }

  /** Does something when the messages before it are handled. */
  inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#messages.then(work)
    this.#messages = done.catch(() => undefined) // whoever asked for it is told
    return done
  }

  /** Takes a message: Baileys handles it when it is its turn. */
  takeMessage(stanza: BinaryNode): void {
    const { socket, store, incoming, protocol, isCareful, onFlood } = this.#parts
    if (Array.isArray(stanza.content)) stanza.content = withFewParts(stanza.content)
    incoming.observe(stanza)
    const isCounted = isCareful && stanza.attrs['offline'] !== undefined
    delete stanza.attrs['offline'] // Baileys has a queue of its own for these, beside the others
    const bytes = bytesOf(stanza)
    this.#unhandled += 1
    this.#unhandledBytes += bytes
    const handle = async (): Promise<void> => {
      const entries = await this.#undecrypted(stanza)
      if (entries.length > 0) store.put({ entries })
      await handledByBaileys(socket, 'CB:message', stanza)
    }
    const handleOnce = isCounted ? () => this.#handleCounted(stanza, handle) : handle
    const done = (): void => {
      this.#unhandled -= 1
      this.#unhandledBytes -= bytes
    }
    // Baileys answers a stanza it cannot handle by itself
    this.#messages = this.#messages.then(() => protocol.handle(handleOnce)).then(done, done)
    if (this.#unhandled > MAX_UNHANDLED || this.#unhandledBytes > MAX_UNHANDLED_BYTES) onFlood()
  }

  #answer(receipt: BinaryNode, passOn: () => void): unknown {
    if (asksForItself(receipt)) return this.#retries.answer(receipt)
    return receipt.attrs['type'] === 'retry' ? this.#resend(receipt) : passOn()
  }

  /** Baileys sends it again, in turn with what else goes to that chat: an edit or a revocation is not overtaken. */
  async #resend(receipt: BinaryNode): Promise<void> {
    const { socket, order } = this.#parts
    const { from = '', recipient } = receipt.attrs
    const { pn, lid } = await personOf(recipient ?? from, undefined, socket.signalRepository.lidMapping)
    delete receipt.attrs['offline'] // as below
    const answer = (): Promise<void> => handledByBaileys(socket, 'CB:receipt', receipt)
    await order.after(pn ?? lid ?? from, () => resending.run(true, answer)).catch(() => undefined) // the connection ended
  }

  /**
   * Handles a stanza that may have ended a process: counted before, and until what it changed is stored. The next one is
   * not begun before: it would be counted for this one's deed.
   */
  async #handleCounted(stanza: BinaryNode, handle: () => Promise<void>): Promise<void> {
    const { store } = this.#parts
    const name = nameOfStanza(stanza)
    if (!(await store.begin(name))) return this.#leave(stanza)
    try {
      await handle()
    } finally {
      if (!store.isClosed) store.put({ finished: [name] })
      await store.isStored()
    }
  }

  /** Confirms a stanza, once it is stored that it came, without looking into it. */
  async #leave(stanza: BinaryNode): Promise<void> {
    const { socket, store, incoming } = this.#parts
    const { id = '', from = '', participant } = stanza.attrs
    store.put({ entries: incoming.untouched(stanza) })
    await socket.sendReceipt(from, participant, [id], undefined)
    await socket.sendMessageAck(stanza)
  }

  async #undecrypted(stanza: BinaryNode): Promise<Entry[]> {
    const { socket, store, incoming } = this.#parts
    try {
      return await incoming.undecrypted(stanza, socket.signalRepository.lidMapping)
    } catch (error) {
      if (store.isClosed) throw error
      return incoming.broken(stanza, nameOf(error))
    }
  }

  /** Takes a receipt: it is told, or passed on, or answered where it asks for a message. */
  takeReceipt(stanza: BinaryNode, passOn: () => void): void {
    const { socket, credentials, facts } = this.#parts
    const pass = (): unknown => this.#answer(stanza, passOn)
    const describe = async (): Promise<void> => {
      const { me } = credentials
      const { lidMapping } = socket.signalRepository
      const receipt = me === undefined ? null : await receiptOf(stanza, me, lidMapping)
      if (receipt === null) pass()
      else void facts.notify({ fact: 'receipt', ...receipt }).then((isStored) => isStored && pass())
    }
    // What cannot be described is Baileys' to answer: else it came again after every reconnect
    this.#receipts = this.#receipts
      .then(describe)
      .catch(() => this.#parts.store.isClosed || pass())
      .catch(() => undefined)
  }
}

/** WhatsApp's own stanzas have one part for a device, or two; each is tried on every ratchet with its sender. */
function withFewParts(content: readonly BinaryNode[]): BinaryNode[] {
  let parts = 0
  return content.filter(({ tag }) => !PARTS.has(tag) || ++parts <= MAX_PARTS)
}

/** What its parts hold: all else of a stanza is small. */
function bytesOf({ content }: BinaryNode): number {
  const parts = Array.isArray(content) ? content : []
  return parts.reduce((sum, part) => sum + (part.content instanceof Uint8Array ? part.content.length : 0), 0)
}
