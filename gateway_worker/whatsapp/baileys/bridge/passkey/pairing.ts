/** How a device that is not paired asks to be linked: by a QR that rotates, or by a code for the phone; with a passkey where WhatsApp asks for one. */
import {
  type AuthenticationCreds,
  type BinaryNode,
  buildPairingQRData,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  proto,
  type WABrowserDescription,
  type WASocket
} from 'baileys'

import { type End, endOf, QR_RAN_OUT } from '../words/causes.ts'
import { textIn } from '../words/nodes.ts'
import type { Facts } from '../channel/facts.ts'
import type { Settings } from '../channel/calls.ts'
import { Ceremony } from './ceremony.ts'

const FIRST_QR_MS = 60_000
const NEXT_QR_MS = 20_000
/** A code lives as long as the six refs of a pairing: WhatsApp's own limit is somewhat longer. */
const PAIRING_CODE_SECONDS = (FIRST_QR_MS + 5 * NEXT_QR_MS) / 1000

export interface PairingSurroundings {
  socket: WASocket
  facts: Facts
  credentials: AuthenticationCreds
  /** As whom we appear in the phone's list of devices. */
  browser: WABrowserDescription
  /** Digits of the phone to pair with by code; null pairs by QR. */
  pairWith: string | null
  settings: Pick<Settings, 'qr_timeout' | 'passkey_answer_timeout' | 'passkey_handoff_lifetime'>
  onFailed: (end: End) => void
}

export class Pairing {
  readonly #around: PairingSurroundings
  readonly ceremony: Ceremony
  #refs: string[] = []
  #qrs = 0
  #timer: NodeJS.Timeout | undefined
  #hasCode = false
  /** Whether a phone may still be asked to link us by a QR or a code. */
  #isOpen = true
  /** Whether WhatsApp has said that a phone links this device. */
  isAnswered = false

  constructor(around: PairingSurroundings) {
    this.#around = around
    const { settings } = around
    this.ceremony = new Ceremony({
      ...around,
      deviceType: deviceTypeOf(around.browser),
      answerTimeout: settings.passkey_answer_timeout,
      handoffLifetime: settings.passkey_handoff_lifetime,
      onAsked: () => this.#showNoMore()
    })
  }

  /** Refs to pair with. Baileys would close the socket after the last, whatever a person does on the phone meanwhile. */
  takeRefs(stanza: BinaryNode): boolean {
    void this.#begin(stanza)
    return true
  }

  /** WhatsApp says that a phone links this device. */
  noteAnswer(): void {
    this.isAnswered = true
    this.ceremony.notePaired()
    this.close()
  }

  /** Shows no QR any more, and no ceremony goes on. */
  close(): void {
    this.#showNoMore()
    this.ceremony.close()
  }

  #showNoMore(): void {
    clearTimeout(this.#timer)
    this.#isOpen = false
  }

  async #begin(stanza: BinaryNode): Promise<void> {
    const { socket, pairWith } = this.#around
    const refs = getBinaryNodeChildren(getBinaryNodeChild(stanza, 'pair-device'), 'ref')
    this.#refs = refs.map(textIn)
    if (this.#isOpen) this.#next()
    const attrs = { to: 's.whatsapp.net', type: 'result', id: stanza.attrs['id'] ?? '' }
    await socket.sendNode({ tag: 'iq', attrs }).catch(() => undefined) // the connection has its own end
    if (pairWith !== null && this.#isOpen) this.#offerCode(pairWith)
  }

  /** The next ref's time: its QR is shown, unless a code was asked for. */
  #next(): void {
    const { facts, credentials, browser, pairWith, settings, onFailed } = this.#around
    clearTimeout(this.#timer)
    const ref = this.#refs.shift()
    if (ref === undefined) {
      onFailed({ cause: 'pairing_timeout', code: 408, detail: QR_RAN_OUT })
      return
    }
    const lifetime = settings.qr_timeout ?? (this.#qrs++ === 0 ? FIRST_QR_MS : NEXT_QR_MS)
    this.#timer = setTimeout(() => this.#next(), lifetime)
    if (pairWith !== null) return
    const [noise, identity] = [credentials.noiseKey, credentials.signedIdentityKey].map((pair) =>
      Buffer.from(pair.public).toString('base64')
    )
    const text = buildPairingQRData(ref, noise ?? '', identity ?? '', credentials.advSecretKey, browser)
    void facts.notify({ fact: 'qr', text, expires_in: lifetime / 1000 })
  }

  /** Once: a code that was typed in part must not change. */
  #offerCode(phone: string): void {
    if (this.#hasCode) return
    this.#hasCode = true
    const { socket, facts, onFailed } = this.#around
    const requested = socket
      .requestPairingCode(phone)
      .then((code) => facts.notify({ fact: 'pairing_code', code, expires_in: PAIRING_CODE_SECONDS }))
    requested.catch((error: unknown) => onFailed(endOf(error as Error)))
  }
}

/** The platform that Baileys writes into our device props. */
function deviceTypeOf([, name]: WABrowserDescription): proto.DeviceProps.PlatformType {
  const { PlatformType } = proto.DeviceProps
  return (Reflect.get(PlatformType, name.toUpperCase()) as proto.DeviceProps.PlatformType | undefined) ?? PlatformType.CHROME
}
