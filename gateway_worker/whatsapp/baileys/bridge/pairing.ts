/** How a device that is not paired asks to be linked: by a QR that WhatsApp rotates, or by a code for the phone. */
import type { BinaryNode, WASocket } from 'baileys'

import { type End, endOf } from './words/causes.ts'
import type { Facts } from './channel/facts.ts'

const FIRST_QR_SECONDS = 60
const NEXT_QR_SECONDS = 20
/** A code lives as long as the six refs of a pairing: WhatsApp's own limit is somewhat longer. */
const PAIRING_CODE_SECONDS = FIRST_QR_SECONDS + 5 * NEXT_QR_SECONDS
const PASSKEY_NOTIFICATIONS = new Set(['passkey_prologue_request', 'crsc_continuation'])

export interface PairingSurroundings {
  socket: WASocket
  facts: Facts
  /** Digits of the phone to pair with by code; null pairs by QR. */
  pairWith: string | null
  /** How long a QR is shown, in milliseconds; null is WhatsApp's own time. */
  qrTimeout: number | null
  onFailed: (end: End) => void
}

export class Pairing {
  readonly #around: PairingSurroundings
  #qrs = 0
  #hasCode = false
  /** Whether WhatsApp has said that a phone links this device. */
  isAnswered = false

  constructor(around: PairingSurroundings) {
    this.#around = around
    around.socket.ev.on('connection.update', ({ qr }) => {
      if (qr !== undefined) this.#offer(qr)
    })
  }

  /** WhatsApp says that a phone links this device. */
  noteAnswer(): void {
    this.isAnswered = true
  }

  /** Looks at a notification: some ask for a passkey. */
  noteNotification({ attrs, content }: BinaryNode): void {
    const tags = Array.isArray(content) ? content.map((child) => child.tag) : []
    const isPasskey = [attrs['type'] ?? '', ...tags].some((name) => PASSKEY_NOTIFICATIONS.has(name))
    if (isPasskey) void this.#around.facts.tell({ fact: 'passkey_required' })
  }

  #offer(qr: string): void {
    const { facts, pairWith, qrTimeout } = this.#around
    if (pairWith !== null) {
      this.#offerCode(pairWith)
    } else {
      const seconds = this.#qrs++ === 0 ? FIRST_QR_SECONDS : NEXT_QR_SECONDS
      void facts.tell({ fact: 'qr', text: qr, expires_in: qrTimeout === null ? seconds : qrTimeout / 1000 })
    }
  }

  /** Once: a code that was typed in part must not change. */
  #offerCode(phone: string): void {
    if (this.#hasCode) return
    this.#hasCode = true
    const { socket, facts, onFailed } = this.#around
    const told = socket
      .requestPairingCode(phone)
      .then((code) => facts.tell({ fact: 'pairing_code', code, expires_in: PAIRING_CODE_SECONDS }))
    told.catch((error: unknown) => onFailed(endOf(error as Error)))
  }
}
