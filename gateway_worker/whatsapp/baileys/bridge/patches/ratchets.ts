/**
 * Bounds what a message may cost before it is known whose it is, and what a peer can make a record of ratchets hold. To be
 * loaded after `strict-signatures.ts`.
 *
 * libsignal derives the keys of all messages that are missing at once: everybody's connections wait meanwhile. Here that takes
 * a slice of the event loop at a time, and no more than `MAX_DERIVED` keys for one message.
 *
 * Those keys are kept for messages that come late, in one-to-one ratchets without a limit, and so are the chains of all turns
 * that a conversation ever took: every message reads and writes them all. Here the newest stay, as many as in Signal's own
 * implementation. What they no longer open the sender is asked for again.
 */
import { createRequire } from 'node:module'

import { GroupCipher } from 'baileys/lib/Signal/Group/group_cipher.js'
import { SenderKeyMessage } from 'baileys/lib/Signal/Group/sender-key-message.js'
import { SenderKeyRecord } from 'baileys/lib/Signal/Group/sender-key-record.js'
import type { SenderKeyState } from 'baileys/lib/Signal/Group/sender-key-state.js'

/** libsignal's own limit for one chain. */
const MAX_AHEAD = 2_000
/** Of one message: the rest of a chain, and the beginning of the next. */
const MAX_DERIVED = 2 * MAX_AHEAD
/** Derived at once: about a millisecond. */
const SLICE = 50
/** Milliseconds of the event loop, before others have their turn. */
const TURN_MS = 2
/** Of one record: for messages that come late. */
export const MAX_KEPT = 2_000
/** Of one ratchet: turns of the conversation. */
export const MAX_CHAINS = 5
const RECEIVING = 2
/** Of a message as it is encrypted, with whatever newer ones have. */
const MAX_FIELDS = 16
const WIRE = 7
const GROUP = 3

interface Chain {
  chainKey: { counter: number; key?: Buffer }
  chainType: number
  /** By counter, so in the order of counters. */
  messageKeys: Record<string, Buffer>
}

/** One ratchet of a peer; its chains in the order in which they began. */
interface Session {
  _chains: Record<string, Chain>
  currentRatchet: { lastRemoteEphemeralKey: Buffer }
  getChain: (key: Buffer) => Chain | undefined
}

interface Cipher {
  doDecryptWhisperMessage: (data: Buffer, session: Session | undefined) => Promise<Buffer>
  fillMessageKeys: (chain: Chain, counter: number) => void
  maybeStepRatchet: (session: Session, key: Buffer, previousCounter: number) => void
}

interface Record_ {
  getSessions: () => Session[]
  serialize: () => unknown
}

interface Fields {
  readonly pos: number
  readonly len: number
  uint32: () => number
  skipType: (wire: number) => void
}

interface Whisper {
  ephemeralKey: unknown
  counter: number
  previousCounter: number
}

class TooFarAhead extends Error {}
class NoCiphertext extends Error {}

/** What one message has cost so far, on all ratchets that it was tried on. */
class Effort {
  #left = MAX_DERIVED
  #since = performance.now()

  spend(keys: number): void {
    this.#left -= keys
    if (this.#left < 0) throw new TooFarAhead()
  }

  async breathe(): Promise<void> {
    if (performance.now() - this.#since < TURN_MS) return
    await new Promise((resolve) => setImmediate(resolve))
    this.#since = performance.now()
  }
}

const require = createRequire(createRequire(import.meta.url).resolve('baileys/package.json'))
const { prototype: cipher } = require('libsignal/src/session_cipher.js') as { prototype: Cipher }
const { prototype: record } = require('libsignal/src/session_record.js') as { prototype: Record_ }
const { Reader } = require('protobufjs/minimal') as { Reader: { create: (bytes: Uint8Array) => Fields } }
const { WhisperMessage } = require('libsignal/src/protobufs.js') as { WhisperMessage: { decode: (bytes: Buffer) => Whisper } }

/** Baileys makes a cipher for each message. */
const efforts = new WeakMap<Cipher, Effort>()
const { doDecryptWhisperMessage } = cipher
const { serialize } = record

function effortOf(reader: Cipher): Effort {
  const effort = efforts.get(reader) ?? new Effort()
  efforts.set(reader, effort)
  return effort
}

/** Bytes of a MAC or a signature behind the protobuf. */
const TAILS = { pkmsg: 0, msg: 8, skmsg: 64 }

/** Raises for what has more fields than a ciphertext has: each costs its reader an object or a step. */
export function mustBeCiphertext(bytes: Uint8Array, type: keyof typeof TAILS): void {
  const reader = Reader.create(bytes.subarray(1, Math.max(1, bytes.length - TAILS[type])))
  for (let fields = 0; reader.pos < reader.len; fields++) {
    const wire = reader.uint32() & WIRE
    if (fields === MAX_FIELDS || wire === GROUP) throw new NoCiphertext()
    reader.skipType(wire)
  }
}

cipher.doDecryptWhisperMessage = async function (data, session) {
  mustBeCiphertext(data, 'msg')
  const effort = effortOf(this)
  await effort.breathe()
  if (session !== undefined) await advance(this, session, WhisperMessage.decode(data.subarray(1, -8)), effort)
  return doDecryptWhisperMessage.call(this, data, session)
}

/** Takes the ratchet to where the message is, as libsignal would do it at once. What it would refuse it refuses itself. */
async function advance(reader: Cipher, session: Session, message: Whisper, effort: Effort): Promise<void> {
  const { ephemeralKey, counter, previousCounter } = message
  if (!(ephemeralKey instanceof Buffer)) return
  if (session.getChain(ephemeralKey) === undefined) {
    const previous = session.getChain(session.currentRatchet.lastRemoteEphemeralKey)
    if (previous !== undefined) await fill(reader, previous, previousCounter, effort)
    reader.maybeStepRatchet(session, ephemeralKey, previousCounter)
  }
  const chain = session.getChain(ephemeralKey)
  if (chain?.chainType === RECEIVING) await fill(reader, chain, counter, effort)
}

async function fill(reader: Cipher, chain: Chain, counter: number, effort: Effort): Promise<void> {
  const { chainKey } = chain
  if (chainKey.key === undefined || counter - chainKey.counter > MAX_AHEAD) return
  while (chainKey.counter < counter) {
    const to = Math.min(counter, chainKey.counter + SLICE)
    effort.spend(to - chainKey.counter)
    reader.fillMessageKeys(chain, to)
    await effort.breathe()
  }
}

record.serialize = function () {
  let left = MAX_KEPT
  for (const session of this.getSessions()) left = keepNewest(session, left)
  return serialize.call(this)
}

/** Keeps the newest chains and, of their keys, the last `left`; answers how many others may keep. Sessions: the one used last first. */
function keepNewest(session: Session, left: number): number {
  const received = Object.keys(session._chains).filter((key) => session._chains[key]?.chainType === RECEIVING)
  for (const key of received.slice(0, -MAX_CHAINS)) delete session._chains[key]
  return Object.values(session._chains).reduceRight((free, { messageKeys }) => {
    const counters = Object.keys(messageKeys)
    for (const counter of counters.slice(0, Math.max(0, counters.length - free))) delete messageKeys[counter]
    return Math.max(0, free - counters.length)
  }, left)
}

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own
const { serialize: serializeSenderKeys } = SenderKeyRecord.prototype
type SenderKeys = ReturnType<typeof serializeSenderKeys>

SenderKeyRecord.prototype.serialize = function () {
  let left = MAX_KEPT
  const newestFirst = serializeSenderKeys.call(this).reverse()
  const kept = newestFirst.map((state) => {
    const senderMessageKeys = left === 0 ? [] : state.senderMessageKeys.slice(-left).map(written)
    left -= senderMessageKeys.length
    return { ...state, senderMessageKeys }
  })
  return kept.reverse()
}

/** As Baileys' JSON reads bytes. As it writes these they come back as none, and what comes late could not be read. */
function written({ iteration, seed }: SenderKeys[0]['senderMessageKeys'][0]) {
  const bytes: unknown = { type: 'Buffer', data: Buffer.from(seed).toString('base64') }
  return { iteration, seed: bytes as Uint8Array }
}

/** As Baileys has it, but for the slices. */
GroupCipher.prototype.decrypt = async function (this: GroupCipher, bytes: Uint8Array) {
  const { senderKeyStore: store, senderKeyName: name } = this as unknown as Senders
  const known = await store.loadSenderKey(name)
  const message = new SenderKeyMessage(null, null, null, null, bytes)
  const state = known.getSenderKeyState(message.getKeyId())
  if (state === undefined) throw new Error('No session found to decrypt message')
  message.verifySignature(state.getSigningKeyPublic())
  const iteration = message.getIteration()
  const { getSenderKey, getPlainText } = this as unknown as Senders
  await advanceSender(state, iteration, (at) => getSenderKey.call(this, state, at))
  const key = getSenderKey.call(this, state, iteration)
  const plaintext = await getPlainText.call(this, key.getIv(), key.getCipherKey(), message.getCipherText())
  await store.storeSenderKey(name, known)
  return plaintext
}

type SenderMessageKey = NonNullable<ReturnType<SenderKeyState['removeSenderMessageKey']>>

/** What a `GroupCipher` keeps to itself. */
interface Senders {
  senderKeyName: unknown
  senderKeyStore: {
    loadSenderKey: (name: unknown) => Promise<SenderKeyRecord>
    storeSenderKey: (name: unknown, record: SenderKeyRecord) => Promise<void>
  }
  getSenderKey: (state: SenderKeyState, iteration: number) => SenderMessageKey
  getPlainText: (iv: Uint8Array, key: Uint8Array, ciphertext: Uint8Array) => Promise<Uint8Array>
}

/** Derives the keys of missing messages but for the last slice. `keyAt` takes a key out of what is kept. */
async function advanceSender(state: SenderKeyState, iteration: number, keyAt: (iteration: number) => SenderMessageKey): Promise<void> {
  const effort = new Effort()
  const from = (): number => state.getSenderChainKey().getIteration()
  if (iteration - from() > MAX_AHEAD) return
  while (iteration - from() > SLICE) {
    state.addSenderMessageKey(keyAt(from() + SLICE - 1))
    await effort.breathe()
  }
}
