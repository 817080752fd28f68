/**
 * Makes libsignal strict before Baileys is loaded. Imported second, after `silence-console.ts`.
 *
 * - Whoever asks for the check of a signature has to look at its answer, and not everybody below us does. Here a bad
 *   signature throws, whatever it is on: certificate, account or prekey.
 * - `decryptWithSessions` tries a message on one ratchet after the other and keeps what the failures did to them: the next
 *   message that such a ratchet encrypts cannot be read. Here a ratchet that does not open the message stays as it was.
 * - `queue_job` is one queue per peer address for the whole process: a stalled read of one session would block others,
 *   and a job would run in the asynchronous context of whoever came first. Our key store has a lock per session instead.
 */
import { createPublicKey, verify } from 'node:crypto'
import { createRequire } from 'node:module'

const PRIME = 2n ** 255n - 19n
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const SIGN_BIT = 0x80

interface LibsignalCurve {
  verifySignature: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean
}

/** One ratchet of a peer, as libsignal keeps it. */
interface Ratchet {
  serialize: () => unknown
  constructor: { deserialize: (serialized: unknown) => Ratchet }
}

type DecryptWithSessions = (this: unknown, data: Uint8Array, ratchets: readonly Ratchet[]) => Promise<unknown>

type Job = () => Promise<unknown>

const require = createRequire(createRequire(import.meta.url).resolve('baileys/package.json'))

/** 1 / value modulo the prime, by Euclid; 0 for 0. */
function inverse(value: bigint): bigint {
  let [a, b, x, y] = [value, PRIME, 1n, 0n]
  while (b !== 0n) {
    const quotient = a / b
    ;[a, b, x, y] = [b, a - quotient * b, y, x - quotient * y]
  }
  return ((x % PRIME) + PRIME) % PRIME
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
}

/** The Ed25519 key (32 bytes) of a Curve25519 one: y = (u - 1) / (u + 1); the sign of x comes from the signature. */
function edwardsKey(montgomery: Uint8Array, signature: Uint8Array): Buffer {
  const masked = Buffer.from(montgomery)
  masked.writeUInt8(masked.readUInt8(31) & ~SIGN_BIT, 31)
  const u = fromLittleEndian(masked) % PRIME
  const y = ((u - 1n + PRIME) * inverse((u + 1n) % PRIME)) % PRIME
  const key = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse()
  key.writeUInt8(key.readUInt8(31) | (Buffer.from(signature).readUInt8(63) & SIGN_BIT), 31)
  return key
}

/**
 * Checks an XEdDSA signature.
 *
 * @param publicKey Curve25519 key, 32 bytes, or 33 with the leading type byte 5
 * @param signature 64 bytes
 */
export function isSigned(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = publicKey.length === 33 && publicKey[0] === 5 ? publicKey.subarray(1) : publicKey
  if (key.length !== 32 || signature.length !== 64) return false
  const plain = Buffer.from(signature)
  plain.writeUInt8(plain.readUInt8(63) & ~SIGN_BIT, 63)
  const der = Buffer.concat([ED25519_SPKI, edwardsKey(key, signature)])
  try {
    return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), plain)
  } catch {
    return false // not a point of the curve
  }
}

function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (!isSigned(publicKey, message, signature)) throw new Error('bad signature')
  return true
}

const curve = require('libsignal/src/curve.js') as LibsignalCurve
curve.verifySignature = verifySignature

const cipher = require('libsignal/src/session_cipher.js') as { prototype: { decryptWithSessions: DecryptWithSessions } }
const { decryptWithSessions } = cipher.prototype

/** A copy costs more than a decryption, so the common case of a single ratchet does without: nobody stores its failure. */
cipher.prototype.decryptWithSessions = async function (data, ratchets) {
  if (ratchets.length < 2) return decryptWithSessions.call(this, data, ratchets)
  let failure: unknown
  for (const ratchet of ratchets) {
    const before = ratchet.serialize()
    try {
      return await decryptWithSessions.call(this, data, [ratchet])
    } catch (error) {
      failure = error
      Object.assign(ratchet, ratchet.constructor.deserialize(before))
    }
  }
  throw failure
}

const queuePath = require.resolve('libsignal/src/queue_job.js')
require(queuePath)
const queue = require.cache[queuePath]
if (queue === undefined) throw new Error('libsignal has no queue_job')
queue.exports = (_address: string, job: Job): Promise<unknown> => job()
