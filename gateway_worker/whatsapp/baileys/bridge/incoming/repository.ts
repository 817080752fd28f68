/** Baileys' Signal repository over our keys: what it decrypts is stored with the ratchet, and never decrypted twice. */
import { AsyncLocalStorage } from 'node:async_hooks'

import { proto, type SignalAuthState, unpadRandomMax16 } from 'baileys'

import { decoded, keptOf } from '../patches/decoding.ts'
import { mustBeCiphertext } from '../patches/ratchets.ts'
import { hasRatchetWith, type MakeRepository, type Repository, repositoryOver } from '../patches/signal-repository.ts'
import { type Keys, sending } from '../signal/keys.ts'
import { nameOf } from '../channel/peer.ts'
import { isReplayed, type PeerMessages } from './peer-messages.ts'
import type { Incoming, IncomingPart } from './messages.ts'
import type { Store } from '../signal/store.ts'

const PADDING = Buffer.of(1)
/** Of what is no message, for a person to look at. */
const MAX_SET_ASIDE_BYTES = 262_144
/** Of a sender key as it is handed out: a number, an iteration, two keys. */
const MAX_SENDER_KEY_BYTES = 512

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
    const inner = repositoryOver(keys, auth, log, pnToLid)
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
      // One that is none would be kept, and read and written with each message of its sender's in that group
      processSenderKeyDistributionMessage: async (options) => {
        if ((options.item.axolotlSenderKeyDistributionMessage?.length ?? 0) > MAX_SENDER_KEY_BYTES) return
        await inner.processSenderKeyDistributionMessage(options)
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
      decryptMessage: async (options) => {
        mustBeCiphertext(options.ciphertext, options.type)
        return receive(options.ciphertext, options.jid, () => inner.decryptMessage(options))
      },
      decryptGroupMessage: async (options) => {
        mustBeCiphertext(options.msg, 'skmsg')
        return receive(options.msg, options.group, () => inner.decryptGroupMessage(options))
      }
    }
  }
}

/** Why a bundle of keys was refused; the text of an error may hold anything. */
function reasonOf(error: unknown): string {
  const isSignature = error instanceof Error && /signature/i.test(error.message)
  return isSignature ? 'the signature of a prekey is not valid' : `a bundle of keys could not be read (${nameOf(error)})`
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
