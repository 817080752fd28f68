/** Baileys' Signal repository over our keys: what it decrypts is stored with the ratchet, and never decrypted twice. */
import { type SignalAuthState, type SocketConfig, unpadRandomMax16 } from 'baileys'
import { makeLibSignalRepository } from 'baileys/lib/Signal/libsignal.js'

import { BoundedMap } from './bounded.ts'
import type { Keys } from './keys.ts'
import type { Incoming, IncomingPart } from './received.ts'
import type { Store } from './store.ts'

type MakeRepository = SocketConfig['makeSignalRepository']
type Repository = ReturnType<MakeRepository>

const MAX_MAPPINGS = 512
const PADDING = Buffer.of(1)

export function makeRepositoryMaker(keys: Keys, store: Store, incoming: Incoming): MakeRepository {
  return (auth: SignalAuthState, log, pnToLid) => {
    const inner = makeLibSignalRepository({ creds: auth.creds, keys }, log, pnToLid)
    // Its own cache is unbounded and keeps a timer per contact
    Reflect.set(inner.lidMapping, 'mappingCache', new BoundedMap<string>(MAX_MAPPINGS))
    const receive = makeReceiver(keys, store, incoming, inner)
    return {
      ...inner,
      encryptMessage: (options) =>
        keys.transaction(async () => {
          const encrypted = await inner.encryptMessage(options)
          keys.recordSending()
          return encrypted
        }, options.jid),
      encryptGroupMessage: (options) =>
        keys.transaction(async () => {
          const encrypted = await inner.encryptGroupMessage(options)
          keys.recordSending()
          return encrypted
        }, options.group),
      decryptMessage: (options) => receive(options.ciphertext, options.jid, () => inner.decryptMessage(options)),
      decryptGroupMessage: (options) => receive(options.msg, options.group, () => inner.decryptGroupMessage(options))
    }
  }
}

type Decrypt = () => Promise<Uint8Array>

/** Decrypts one part of a stanza, or answers what was decrypted of it before. */
function makeReceiver(keys: Keys, store: Store, incoming: Incoming, repository: Repository) {
  const decryptAndRecord = (part: IncomingPart, name: string, decrypt: Decrypt): Promise<Uint8Array> =>
    keys.transaction(async () => {
      const padded = await decrypt()
      const plaintext = unpadRandomMax16(padded)
      const message = await incoming.describe(part, plaintext, repository.lidMapping)
      keys.record({ key: part.key, plaintext, message })
      for (const entry of await incoming.resent(part, plaintext, repository.lidMapping)) keys.record(entry)
      return padded
    }, name)

  return async (ciphertext: Uint8Array, name: string, decrypt: Decrypt): Promise<Uint8Array> => {
    const part = incoming.partOf(ciphertext)
    if (part === undefined) return keys.transaction(decrypt, name)
    if (part.mayBeKnown) {
      const known = await store.loadEntry(part.key)
      if (known) return Buffer.concat([known, PADDING])
    }
    try {
      return await decryptAndRecord(part, name, decrypt)
    } catch (error) {
      const known = await store.loadEntry(part.key)
      if (known) return Buffer.concat([known, PADDING])
      throw error
    }
  }
}
