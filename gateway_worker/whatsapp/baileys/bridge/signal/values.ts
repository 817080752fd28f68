/** How keys and credentials are written down. The first byte of a key says its form; for Python they are opaque. */
import { type AuthenticationCreds, BufferJSON, type KeyPair, proto } from 'baileys'

const JSON_FORM = 0
const BYTES_FORM = 1
const KEY_PAIR_FORM = 2
const TEXT_FORM = 3
const SYNC_KEY_FORM = 4
const KEY_BYTES = 32

const SyncKey = proto.Message.AppStateSyncKeyData

function formed(form: number, ...parts: Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.of(form), ...parts])
}

/** Writes a key of a kind of Baileys' `SignalDataTypeMap`. */
export function encodeKey(kind: string, value: unknown): Buffer {
  if (typeof value === 'string') return formed(TEXT_FORM, Buffer.from(value))
  if (value instanceof Uint8Array) return formed(BYTES_FORM, value)
  if (kind === 'pre-key') {
    const pair = value as KeyPair
    return formed(KEY_PAIR_FORM, pair.private, pair.public)
  }
  if (kind === 'app-state-sync-key') {
    return formed(SYNC_KEY_FORM, SyncKey.encode(SyncKey.fromObject(value as object)).finish())
  }
  return formed(JSON_FORM, Buffer.from(JSON.stringify(value, BufferJSON.replacer)))
}

/** Reads what `encodeKey` wrote. The bytes are copied: a small key must not keep a whole frame alive. */
export function decodeKey(stored: Buffer): unknown {
  const bytes = stored.subarray(1)
  switch (stored[0]) {
    case TEXT_FORM:
      return bytes.toString()
    case BYTES_FORM:
      return Buffer.from(bytes)
    case KEY_PAIR_FORM:
      return { private: Buffer.from(bytes.subarray(0, KEY_BYTES)), public: Buffer.from(bytes.subarray(KEY_BYTES)) }
    case SYNC_KEY_FORM:
      return SyncKey.decode(bytes)
    case JSON_FORM:
      return JSON.parse(bytes.toString(), BufferJSON.reviver)
    default:
      throw new Error('a stored key has an unknown form')
  }
}

export function encodeCredentials(credentials: AuthenticationCreds): Buffer {
  return Buffer.from(JSON.stringify(credentials, BufferJSON.replacer))
}

export function decodeCredentials(stored: Buffer): AuthenticationCreds {
  const credentials = JSON.parse(stored.toString(), BufferJSON.reviver) as AuthenticationCreds
  if (credentials.account) credentials.account = proto.ADVSignedDeviceIdentity.fromObject(credentials.account)
  return credentials
}
