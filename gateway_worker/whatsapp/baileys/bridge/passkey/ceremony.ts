/**
 * Linking an account that has a passkey: this companion's half of the ceremony.
 *
 * `asked` → (the person's assertion) → ref, prologue → the phone's key and nonce → our nonce → (the person compares codes,
 * where nothing proves that we have the scanned secret) → our keys → pair-success. Every step leaves at most once, and
 * only when it is due. The new ADV secret becomes the device's own with the last step; before, nothing of it is kept.
 */
import { randomBytes } from 'node:crypto'

import { type AuthenticationCreds, type BinaryNode, Curve, getBinaryNodeChild, type proto, type WASocket } from 'baileys'

import { CallError } from '../channel/peer.ts'
import type { Facts } from '../channel/facts.ts'
import type { End } from '../words/causes.ts'
import { textIn } from '../words/nodes.ts'
import {
  codeOf,
  type Companion,
  envelopeOf,
  handoffKey,
  handoffProof,
  IV_SIZE,
  KEY_SIZE,
  NONCE_SIZE,
  type Primary,
  primaryOf,
  prologueOf
} from './crypto.ts'
import { type Options, optionsIn } from './options.ts'

const QUERY_TIMEOUT_MS = 30_000
const MAX_REF = 1_024
const REQUEST = 'passkey_prologue_request'
const CONTINUATION = 'crsc_continuation'

export interface CeremonySurroundings {
  socket: Pick<WASocket, 'query' | 'sendNode'>
  facts: Pick<Facts, 'notify'>
  credentials: AuthenticationCreds
  /** As it stands in our device props: the envelope's key depends on it. */
  deviceType: proto.DeviceProps.PlatformType
  /** Milliseconds that the phone has to answer a step. */
  answerTimeout: number
  /** Milliseconds in which the scanned secret proves that we are who was scanned. */
  handoffLifetime: number
  /** The ceremony has begun: no QR is shown any more. */
  onAsked: () => void
  onFailed: (end: End) => void
}

type Stage = 'idle' | 'asked' | 'prologue' | 'continuation' | 'nonce' | 'confirmation' | 'request' | 'requested' | 'over'

export class Ceremony {
  readonly #around: CeremonySurroundings
  #stage: Stage = 'idle'
  #timer: NodeJS.Timeout | undefined
  #deadline = 0
  #handoff: { key: Buffer; until: number } | undefined
  #advSecret = Buffer.alloc(0)
  #companion: Companion | undefined
  #primary: Primary | undefined

  constructor(around: CeremonySurroundings) {
    this.#around = around
  }

  /** Takes what is of the ceremony. It is acknowledged here: Baileys needs a name of its own for that, and has none before a QR is scanned. */
  takeNotification(node: BinaryNode): boolean {
    const type = node.attrs['type']
    if (type !== REQUEST && type !== CONTINUATION) return false
    void this.#onNotification(node).catch((error: unknown) => this.#failBy(error))
    return true
  }

  /**
   * The phone has linked us: its answer may overtake WhatsApp's own to the last step. To be called before Baileys checks
   * what the phone has signed, which is under the new secret if all was asked for.
   */
  notePaired(): void {
    if (this.#stage !== 'request' && this.#stage !== 'requested') return
    this.#around.credentials.advSecretKey = this.#advSecret.toString('base64')
    this.#enter('over')
  }

  /**
   * The person's assertion, as JSON. Returns when WhatsApp has taken it; fails with `not_pairing` where none is due.
   *
   * @param credentialId the passkey's raw id
   */
  async prove(assertion: string, credentialId: Buffer): Promise<void> {
    if (this.#stage !== 'asked') throw new CallError('not_pairing')
    this.#enter('prologue')
    try {
      const ref = await this.#askForRef()
      const ephemeral = Curve.generateKeyPair()
      this.#companion = { ephemeral, nonce: randomBytes(NONCE_SIZE), deviceType: this.#around.deviceType, ref }
      await this.#set('passkey_prologue', this.#prologue(this.#companion, assertion, credentialId))
    } catch (error) {
      throw this.#failBy(error)
    }
    if (!this.#isIn('prologue')) return
    this.#enter('continuation', this.#around.answerTimeout)
    if (this.#primary !== undefined) void this.#answerPhone().catch((error: unknown) => this.#failBy(error))
  }

  /** Whether the phone shows the code that was told. Returns when WhatsApp has taken the last step. */
  async confirm(isSame: boolean): Promise<void> {
    if (this.#stage !== 'confirmation') throw new CallError('not_pairing')
    if (!isSame) {
      this.#fail({ cause: 'code_differs', code: null, detail: '' })
      return
    }
    try {
      await this.#request()
    } catch (error) {
      throw this.#failBy(error)
    }
  }

  /** Nothing of it happens any more. */
  close(): void {
    this.#enter('over')
  }

  async #onNotification(node: BinaryNode): Promise<void> {
    await this.#acknowledge(node)
    if (node.attrs['type'] === REQUEST) await this.#begin(node)
    else await this.#continue(node)
  }

  async #begin(node: BinaryNode): Promise<void> {
    if (this.#stage !== 'idle' || this.#around.credentials.account) return // what was begun goes on; who is linked needs none
    this.#enter('asked')
    const { onAsked, credentials, handoffLifetime, facts } = this.#around
    onAsked()
    const key = handoffKey(Buffer.from(credentials.advSecretKey, 'base64'))
    this.#handoff = { key, until: Date.now() + handoffLifetime }
    this.#advSecret = randomBytes(KEY_SIZE)
    const options = optionsIn(node) ?? (await this.#askForOptions())
    if (options === undefined) {
      this.#fail({ cause: 'passkey_unanswered', code: null, detail: 'no request options' })
      return
    }
    this.#deadline = Date.now() + options.timeout
    this.#enter('asked', options.timeout)
    void facts.notify({ fact: 'passkey_required', options: options.json, expires_in: options.timeout / 1000 })
  }

  async #continue(node: BinaryNode): Promise<void> {
    if (this.#primary !== undefined || (this.#stage !== 'prologue' && this.#stage !== 'continuation')) return // not asked for
    const content = getBinaryNodeChild(node, 'primary_ephemeral_identity')?.content
    const primary = content instanceof Uint8Array ? primaryOf(content) : undefined
    if (primary === undefined) {
      this.#fail({ cause: 'pairing_forged', code: null, detail: 'a key or nonce of the wrong length' })
      return
    }
    this.#primary = primary
    if (this.#stage === 'continuation') await this.#answerPhone() // else once the prologue has been answered
  }

  /** Opens what we committed to; then the code is compared, or our keys leave. */
  async #answerPhone(): Promise<void> {
    const { companion, primary } = this.#exchanged()
    this.#enter('nonce', this.#around.answerTimeout)
    await this.#set('companion_nonce', companion.nonce)
    if (!this.#isIn('nonce')) return
    if (this.#handoff === undefined) {
      await this.#request()
      return
    }
    const left = Math.max(0, this.#deadline - Date.now())
    this.#enter('confirmation', left)
    const code = codeOf(companion.nonce, primary)
    void this.#around.facts.notify({ fact: 'passkey_confirm', code, expires_in: left / 1000 })
  }

  async #request(): Promise<void> {
    const { companion, primary } = this.#exchanged()
    const { credentials, answerTimeout } = this.#around
    const keys = { noise: credentials.noiseKey.public, identity: credentials.signedIdentityKey.public, advSecret: this.#advSecret }
    this.#enter('request', answerTimeout)
    await this.#set('encrypted_pairing_request', envelopeOf(companion, primary, keys, randomBytes(IV_SIZE)))
    if (this.#isIn('request')) this.#enter('requested', answerTimeout)
  }

  #exchanged(): { companion: Companion; primary: Primary } {
    if (this.#companion === undefined || this.#primary === undefined) throw new CallError('not_pairing')
    return { companion: this.#companion, primary: this.#primary }
  }

  /** With the handoff proof no code is compared; its key serves once, and for a while. */
  #prologue(companion: Companion, assertion: string, credentialId: Buffer): BinaryNode[] {
    const payload = prologueOf(companion)
    const children: BinaryNode[] = [
      { tag: 'credential_id', attrs: {}, content: credentialId },
      { tag: 'webauthn_assertion', attrs: {}, content: Buffer.from(assertion) },
      { tag: 'prologue_payload', attrs: {}, content: payload }
    ]
    if (this.#handoff !== undefined && Date.now() < this.#handoff.until) {
      children.push({ tag: 'pairing_handoff_proof', attrs: {}, content: handoffProof(this.#handoff.key, payload) })
      this.#handoff = undefined
    }
    return children
  }

  // --- queries

  async #askForRef(): Promise<string> {
    const ref = textIn(getBinaryNodeChild(await this.#ask('get', { tag: 'ref', attrs: {} }), 'ref') ?? {})
    if (ref === '' || ref.length > MAX_REF) throw new CallError('passkey_unanswered')
    return ref
  }

  async #askForOptions(): Promise<Options | undefined> {
    return optionsIn(await this.#ask('get', { tag: 'passkey_request_options', attrs: {} }))
  }

  async #set(tag: string, content: BinaryNode['content']): Promise<void> {
    await this.#ask('set', { tag, attrs: {}, ...(content === undefined ? {} : { content }) })
  }

  async #ask(type: string, step: BinaryNode): Promise<BinaryNode> {
    const attrs = { to: 's.whatsapp.net', type, xmlns: 'md' }
    const answer = (await this.#around.socket.query({ tag: 'iq', attrs, content: [step] }, QUERY_TIMEOUT_MS)) as BinaryNode | undefined
    if (answer === undefined) throw new CallError('passkey_unanswered')
    return answer
  }

  async #acknowledge({ attrs }: BinaryNode): Promise<void> {
    const { id = '', from = '', type = '' } = attrs
    const ack = { tag: 'ack', attrs: { id, to: from, class: 'notification', type } }
    await this.#around.socket.sendNode(ack).catch(() => undefined) // the connection has its own end
  }

  // --- its end

  #enter(stage: Stage, timeoutMs?: number): void {
    if (this.#stage === 'over') return
    clearTimeout(this.#timer)
    this.#stage = stage
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#runOut(), timeoutMs)
  }

  /** A call of its own: the stage may have changed while something was awaited. */
  #isIn(stage: Stage): boolean {
    return this.#stage === stage
  }

  #runOut(): void {
    const isPersonLate = this.#stage === 'asked' || this.#stage === 'confirmation'
    this.#fail({ cause: isPersonLate ? 'passkey_expired' : 'passkey_unanswered', code: null, detail: '' })
  }

  #fail(end: End): void {
    if (this.#stage === 'over') return
    this.#enter('over')
    this.#around.onFailed(end)
  }

  /** Ends it by what a step ended with; answers what its caller is told. */
  #failBy(error: unknown): CallError {
    const code = (error as { data?: unknown }).data
    if (typeof code === 'number' && Number.isFinite(code)) {
      this.#fail({ cause: 'passkey_refused', code, detail: '' })
      return new CallError('refused', { code: String(code) })
    }
    if (error instanceof CallError && error.failure.kind === 'not_pairing') return error
    this.#fail({ cause: 'passkey_unanswered', code: null, detail: '' })
    return new CallError('passkey_unanswered')
  }
}
