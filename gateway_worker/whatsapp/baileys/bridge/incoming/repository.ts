/** Baileys' Signal repository over our keys: what it decrypts is stored with the ratchet, and never decrypted twice. */
import { AsyncLocalStorage } from 'node:async_hooks'

import { isPnUser, proto, type SignalAuthState, type SocketConfig, unpadRandomMax16 } from 'baileys'
import { makeLibSignalRepository } from 'baileys/lib/Signal/libsignal.js'

import { BoundedMap } from '../words/bounded.ts'
import { decoded, keptOf } from '../words/decoding.ts'
import { type Keys, sending } from '../signal/keys.ts'
import { nameOf } from '../channel/peer.ts'
import { isReplayed, type PeerMessages } from './peer-messages.ts'
import type { Incoming, IncomingPart } from './messages.ts'
import type { Store } from '../signal/store.ts'

type MakeRepository = SocketConfig['makeSignalRepository']
type Repository = ReturnType<MakeRepository>

const MAX_MAPPINGS = 512
const PADDING = Buffer.of(1)
/** Of what is no message, for a person to look at. */
const MAX_SET_ASIDE_BYTES = 262_144

/** Set while a peer is answered that could not read a message of ours: it wants a new ratchet. */
export const resending = new AsyncLocalStorage<true>()

export interface RepositoryParts {
  keys: Keys
  store: Store
  incoming: Incoming
  protocol: PeerMessages
}

export function makeRepositoryMaker(parts: RepositoryParts): MakeRepository {
  const { keys, store } = parts
  return (auth: SignalAuthState, log, pnToLid) => {
    const inner = makeLibSignalRepository({ creds: auth.creds, keys }, log, pnToLid)
    // Its own cache is unbounded and keeps a timer per contact
    Reflect.set(inner.lidMapping, 'mappingCache', new BoundedMap<string>(MAX_MAPPINGS))
    const receive = makeReceiver(parts, inner)
    return {
      ...inner,
      injectE2ESession: async (options) => {
        if (resending.getStore() !== true && (await hasRatchetWith(keys, inner, options))) return
        const message = sending.getStore()
        if (message === undefined || store.isClosed) return inner.injectE2ESession(options)
        // A device whose keys are not valid is left out: the others of that person get the message
        await inner.injectE2ESession(options).catch((error: unknown) => {
          if (store.isClosed) throw error
          message.refusals.push(reasonOf(error))
        })
      },
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

/** Why a bundle of keys was refused; the text of an error may hold anything. */
function reasonOf(error: unknown): string {
  const isSignature = error instanceof Error && /signature/i.test(error.message)
  return isSignature ? 'the signature of a prekey is not valid' : `a bundle of keys could not be read (${nameOf(error)})`
}

type Injection = Parameters<Repository['injectE2ESession']>[0]

/** How a record of ratchets is stored: the open one has not been closed at any time. */
interface StoredRecord {
  _sessions?: Record<string, { indexInfo: { closed: number; remoteIdentityKey: string } }>
}

/**
 * Whether there is a ratchet with this very device. Whenever Baileys asks for a contact's devices, after every login, it
 * also starts a new ratchet with each of them: what is on its way in the old one and in the new one then crosses.
 */
async function hasRatchetWith(keys: Keys, repository: Repository, { jid, session }: Injection): Promise<boolean> {
  const lid = isPnUser(jid) ? await repository.lidMapping.getLIDForPN(jid) : null
  const address = repository.jidToSignalProtocolAddress(lid ?? jid)
  const { [address]: stored } = await keys.get('session', [address])
  const ratchets = Object.values((stored as StoredRecord | undefined)?._sessions ?? {})
  const identity = Buffer.from(session.identityKey).toString('base64')
  return ratchets.some(({ indexInfo }) => indexInfo.closed === -1 && indexInfo.remoteIdentityKey === identity)
}

/** A plaintext without its padding; null when it has none, and so is no message: Baileys would ask for it again. */
export function unpadded(padded: Uint8Array): Uint8Array | null {
  try {
    return unpadRandomMax16(padded)
  } catch {
    return null
  }
}

type Decrypt = () => Promise<Uint8Array>

/** Decrypts one part of a stanza, or answers what was decrypted of it before. */
function makeReceiver({ keys, store, incoming, protocol }: RepositoryParts, { lidMapping }: Repository) {
  const decryptAndRecord = (part: IncomingPart, name: string, decrypt: Decrypt): Promise<Uint8Array> =>
    keys.transaction(async () => {
      const padded = await decrypt()
      const plaintext = unpadded(padded)
      const content = plaintext === null ? null : decoded(plaintext)
      if (plaintext === null || content === null) {
        const message = incoming.setAside(part.stanza, 'failed', 'NoMessage')
        keys.record({ key: part.key, plaintext: (plaintext ?? padded).subarray(0, MAX_SET_ASIDE_BYTES), message })
        return PADDING
      }
      const isUnprocessed = incoming.isOurs(part) && isReplayed(content)
      const kept = isUnprocessed ? plaintext : keptOf(plaintext, content)
      await record(part, kept, content, isUnprocessed)
      if (isUnprocessed) protocol.note(part.key, content)
      return kept === plaintext ? padded : Buffer.concat([kept, PADDING])
    }, name)
  /** What cannot be described is set aside: the ratchet has moved, and must be stored. */
  const record = async (part: IncomingPart, plaintext: Uint8Array, content: proto.IMessage, isUnprocessed: boolean): Promise<void> => {
    try {
      const message = await incoming.describe(part, content, lidMapping)
      const resent = await incoming.resent(part, content, lidMapping)
      keys.record({ key: part.key, plaintext, message, isUnprocessed })
      for (const entry of incoming.quoted(part, content)) keys.record(entry)
      for (const entry of resent) {
        keys.record(entry)
        protocol.note(entry.key, {})
      }
    } catch (error) {
      if (store.isClosed) throw error // it asked the store, and got no answer
      keys.record({ key: part.key, plaintext, message: incoming.setAside(part.stanza, 'failed', nameOf(error)), isUnprocessed })
    }
  }
  const loadKnown = async (part: IncomingPart): Promise<Uint8Array | undefined> => {
    const known = await store.loadEntry(part.key)
    if (known === undefined) return undefined
    const content = decoded(known)
    if (content === null) return PADDING
    if (incoming.isOurs(part) && isReplayed(content)) protocol.note(part.key, content)
    return Buffer.concat([known, PADDING])
  }

  return async (ciphertext: Uint8Array, name: string, decrypt: Decrypt): Promise<Uint8Array> => {
    const part = incoming.partOf(ciphertext)
    if (part === undefined) return keys.transaction(decrypt, name)
    const known = part.mayBeKnown ? await loadKnown(part) : undefined
    if (known) return known
    try {
      return await decryptAndRecord(part, name, decrypt)
    } catch (error) {
      const before = await loadKnown(part)
      if (before) return before
      throw error
    }
  }
}
