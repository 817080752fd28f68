/**
 * The cryptography around the passkey when a device is linked: what this companion and the phone prove to each other. Pure.
 *
 * We commit to a fresh key and a nonce before we see the phone's; it answers with its own, and only then we open our
 * nonce. From both nonces comes the code that a person may compare; from both keys the envelope in which our keys and a
 * new ADV secret travel. Who shows by an HMAC that it has the secret of the QR (or pairing code) needs no comparison.
 * All keys are 32 raw bytes.
 */
import { createHash, createHmac, hkdfSync } from 'node:crypto'

import { aesEncryptGCM, bytesToCrockford, Curve, type KeyPair, proto } from 'baileys'

export const KEY_SIZE = 32
export const NONCE_SIZE = 32
export const IV_SIZE = 12
const CODE_BYTES = 5
const CODE_HALF = 4
const HANDOFF_INFO = 'shortcake-passkey-handoff-v1'
const ENVELOPE_INFO = 'Pairing Information Encryption Key'
const NOTHING = Buffer.alloc(0)

/** What we say of ourselves before the phone answers. */
export interface Companion {
  ephemeral: KeyPair
  nonce: Buffer
  deviceType: proto.DeviceProps.PlatformType
  ref: string
}

/** The phone's key and nonce. */
export interface Primary {
  publicKey: Uint8Array
  nonce: Uint8Array
}

/** What the envelope holds. */
export interface PairingKeys {
  noise: Uint8Array
  identity: Uint8Array
  advSecret: Uint8Array
}

function derive(secret: Uint8Array, salt: Uint8Array | string, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, KEY_SIZE))
}

/** With it we show later that we have the secret of the code that was scanned or typed. */
export function handoffKey(advSecret: Uint8Array): Buffer {
  return derive(advSecret, NOTHING, HANDOFF_INFO)
}

export function handoffProof(key: Uint8Array, prologue: Uint8Array): Buffer {
  return createHmac('sha256', key).update(prologue).digest()
}

/** A serialised `ProloguePayload`: our identity, and what we commit to. */
export function prologueOf({ ephemeral, nonce, deviceType, ref }: Companion): Uint8Array {
  const identity = proto.CompanionEphemeralIdentity.encode({ publicKey: ephemeral.public, deviceType, ref }).finish()
  const hash = createHash('sha256').update(identity).update(nonce).digest()
  return proto.ProloguePayload.encode({ companionEphemeralIdentity: identity, commitment: { hash } }).finish()
}

/** The phone's answer; undefined if it is not a key and a nonce of 32 bytes each. */
export function primaryOf(content: Uint8Array): Primary | undefined {
  try {
    const { publicKey, nonce } = proto.PrimaryEphemeralIdentity.decode(content)
    return publicKey?.length === KEY_SIZE && nonce?.length === NONCE_SIZE ? { publicKey, nonce } : undefined
  } catch {
    return undefined // not a message
  }
}

/** The code that the phone shows too, as XXXX-XXXX. */
export function codeOf(companionNonce: Uint8Array, primary: Primary): string {
  const digest = createHash('sha256').update(companionNonce).update(primary.publicKey).digest()
  const mixed = digest.subarray(0, CODE_BYTES).map((byte, index) => byte ^ (primary.nonce[index] ?? 0))
  const letters = bytesToCrockford(Buffer.from(mixed))
  return `${letters.slice(0, CODE_HALF)}-${letters.slice(CODE_HALF)}`
}

/** A serialised `EncryptedPairingRequest` that the phone alone opens. `iv` is 12 fresh bytes. */
export function envelopeOf({ ephemeral, deviceType, ref }: Companion, primary: Primary, keys: PairingKeys, iv: Buffer): Uint8Array {
  const shared = Curve.sharedKey(ephemeral.private, primary.publicKey)
  const key = derive(shared, `Companion Pairing ${deviceType} with ref ${ref}`, ENVELOPE_INFO)
  const request = { companionPublicKey: keys.noise, companionIdentityKey: keys.identity, advSecret: keys.advSecret }
  const encryptedPayload = aesEncryptGCM(proto.PairingRequest.encode(request).finish(), key, iv, NOTHING)
  return proto.EncryptedPairingRequest.encode({ encryptedPayload, iv }).finish()
}
