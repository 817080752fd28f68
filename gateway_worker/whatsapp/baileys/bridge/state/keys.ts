/** The keys of the app state that the phone has shared, and the ones that it is still to share. */
import { type AuthenticationCreds, jidNormalizedUser, proto, type WASocket } from 'baileys'

import { CallError } from '../channel/peer.ts'
import type { Store } from '../signal/store.ts'
import { BoundedMap } from '../words/bounded.ts'
import { expanded, type Key } from './cipher.ts'
import { KeyMissing } from './reading.ts'

const { Type } = proto.Message.ProtocolMessage
/** A phone makes a new key when a device is unlinked: a few are in use. */
const MAX_KEYS = 16
/** Keys that are asked for in one connection: an answer may be long in coming, a stranger cannot make us ask. */
const MAX_REQUESTED = 64
/** A key's id is the number of the device that made it, and then the key's own: it rises. */
const DEVICE_BYTES = 2

export interface KeyParts {
  socket: WASocket
  store: Pick<Store, 'get'>
  credentials: AuthenticationCreds
}

export class KeyRing {
  readonly #parts: KeyParts
  readonly #keys = new BoundedMap<Key>(MAX_KEYS)
  readonly #requested = new Set<string>()

  constructor(parts: KeyParts) {
    this.#parts = parts
  }

  /** Raises `KeyMissing`. */
  async of(id: Uint8Array): Promise<Key> {
    const name = Buffer.from(id).toString('base64')
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const { [name]: stored } = await this.#parts.store.get('app-state-sync-key', [name])
    if (!stored?.keyData?.length) throw new KeyMissing(id)
    const key = { id: Buffer.from(id), keys: expanded(stored.keyData) }
    this.#keys.set(name, key)
    return key
  }

  /** The one that we write with; raises `state_unreadable` as long as the phone has shared none. */
  async own(): Promise<Key> {
    const { myAppStateKeyId: name } = this.#parts.credentials
    if (!name) throw new CallError('state_unreadable')
    const id = Buffer.from(name, 'base64')
    return this.of(id).catch((error: unknown) => {
      if (!(error instanceof KeyMissing)) throw error
      this.request(id)
      throw new CallError('state_unreadable')
    })
  }

  /** Whether a key is older than the one that we write with: the phone shares old ones when it is asked for them. */
  isOlder(name: string): boolean {
    const { myAppStateKeyId: own } = this.#parts.credentials
    return own !== undefined && own !== '' && numberOf(name) < numberOf(own)
  }

  /** Asks the phone for a key, once in a connection. It answers when it is on. */
  request(id: Uint8Array): void {
    const { socket, credentials } = this.#parts
    const name = Buffer.from(id).toString('base64')
    if (this.#requested.has(name) || this.#requested.size >= MAX_REQUESTED || credentials.me === undefined) return
    this.#requested.add(name)
    const appStateSyncKeyRequest = { keyIds: [{ keyId: id }] }
    const message = { protocolMessage: { type: Type.APP_STATE_SYNC_KEY_REQUEST, appStateSyncKeyRequest } }
    const asked = socket.relayMessage(jidNormalizedUser(credentials.me.id), message, {
      additionalAttributes: { category: 'peer', push_priority: 'high_force' },
      additionalNodes: [{ tag: 'meta', attrs: { appdata: 'default' } }]
    })
    asked.catch(() => this.#requested.delete(name)) // the next reading asks again
  }
}

function numberOf(name: string): number {
  return [...Buffer.from(name, 'base64').subarray(DEVICE_BYTES)].reduce((number, byte) => number * 256 + byte, 0)
}
