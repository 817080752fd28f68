/**
 * How the app state is sealed: one secret of the phone's makes five keys, for what is set, for its name, and for the sums
 * that show that nothing was changed or left out.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

import { proto } from 'baileys'

const KEY_BYTES = 32
const IV_BYTES = 16
export const MAC_BYTES = 32
const LENGTH_BYTES = 8

const { SyncdOperation } = proto.SyncdMutation
export type Operation = proto.SyncdMutation.SyncdOperation

/** What a secret is expanded to. */
export interface MutationKeys {
  index: Buffer
  value: Buffer
  valueMac: Buffer
  snapshotMac: Buffer
  patchMac: Buffer
}

/** A key of the phone's: its id, and what its secret is expanded to. */
export interface Key {
  id: Uint8Array
  keys: MutationKeys
}

export function expanded(secret: Uint8Array): MutationKeys {
  const bytes = Buffer.from(hkdfSync('sha256', secret, '', 'WhatsApp Mutation Keys', 5 * KEY_BYTES))
  const key = (number: number): Buffer => bytes.subarray(number * KEY_BYTES, (number + 1) * KEY_BYTES)
  return { index: key(0), value: key(1), valueMac: key(2), snapshotMac: key(3), patchMac: key(4) }
}

/** Something as it is sealed: the MAC of its name, and its value with a MAC behind it. */
export interface Sealed {
  indexMac: Buffer
  blob: Buffer
  valueMac: Buffer
}

export function sealed(operation: Operation, content: proto.ISyncActionData, { id, keys }: Key): Sealed {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-cbc', keys.value, iv)
  const encrypted = Buffer.concat([iv, cipher.update(proto.SyncActionData.encode(content).finish()), cipher.final()])
  const valueMac = valueMacOf(operation, encrypted, id, keys.valueMac)
  return { indexMac: indexMacOf(content.index ?? Buffer.of(), keys), blob: Buffer.concat([encrypted, valueMac]), valueMac }
}

/** What a record says; null unless it is what was sealed with this key under this name. */
export function opened(operation: Operation, indexMac: Uint8Array, blob: Uint8Array, { id, keys }: Key): proto.SyncActionData | null {
  const encrypted = blob.subarray(0, -MAC_BYTES)
  if (!isSame(valueMacOf(operation, encrypted, id, keys.valueMac), blob.subarray(-MAC_BYTES))) return null
  try {
    const decipher = createDecipheriv('aes-256-cbc', keys.value, encrypted.subarray(0, IV_BYTES))
    const content = proto.SyncActionData.decode(Buffer.concat([decipher.update(encrypted.subarray(IV_BYTES)), decipher.final()]))
    return isSame(indexMacOf(content.index ?? Buffer.of(), keys), indexMac) ? content : null
  } catch {
    return null // its MAC is right, and what it holds is nothing that we can read
  }
}

/** Of a collection as a whole, at a version. */
export function snapshotMacOf(hash: Uint8Array, version: number, collection: string, { keys }: Key): Buffer {
  return hmac(keys.snapshotMac, hash, numbered(version), Buffer.from(collection))
}

/** Of a patch: of the collection after it, and of what it changes. */
export function patchMacOf(
  snapshotMac: Uint8Array,
  valueMacs: readonly Uint8Array[],
  version: number,
  collection: string,
  { keys }: Key
): Buffer {
  return hmac(keys.patchMac, snapshotMac, ...valueMacs, numbered(version), Buffer.from(collection))
}

export function isSame(one: Uint8Array, other: Uint8Array | null | undefined): boolean {
  return other != null && one.length === other.length && timingSafeEqual(one, other)
}

function indexMacOf(index: Uint8Array, keys: MutationKeys): Buffer {
  return hmac(keys.index, index)
}

function valueMacOf(operation: Operation, encrypted: Uint8Array, id: Uint8Array, key: Uint8Array): Buffer {
  const head = Buffer.concat([Buffer.of(operation === SyncdOperation.SET ? 1 : 2), id])
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(head.length, LENGTH_BYTES / 2)
  return createHmac('sha512', key).update(head).update(encrypted).update(length).digest().subarray(0, MAC_BYTES)
}

function numbered(version: number): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES)
  bytes.writeBigUInt64BE(BigInt(version))
  return bytes
}

function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}
