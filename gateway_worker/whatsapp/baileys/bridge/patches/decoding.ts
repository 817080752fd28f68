/**
 * Reads WAProto messages of strangers in bounded time. To be loaded before anything is decoded: Baileys' own reading too.
 *
 * A megabyte holds half a million fields, each an object: reading them stops everybody's connections. Who sends more than
 * `MAX_READS` tags, lengths and numbers has sent no message, as who sends what is no WAProto, or nests it endlessly.
 */
import { createRequire } from 'node:module'

import { proto } from 'baileys'

import { MAX_TEXT } from '../words/limits.ts'
import { addNewer, type Reader } from '../words/newer.ts'
import { secretOf } from '../words/secrets.ts'
import { unwrap } from '../words/wrappers.ts'

/** A text that mentions 60,000 people has 120,000. */
export const MAX_READS = 150_000
/** Above this Baileys is not given it to read once more. */
const MAX_HANDED_READS = 20_000
/** Of what is journaled of a message; its largest text and its thumbnails need a third of that. */
export const MAX_KEPT_BYTES = 1_048_576
const MAX_KEY_BYTES = 4_096

type Decode = (source: Uint8Array | Reader, length?: number, end?: number) => proto.Message

const require = createRequire(createRequire(import.meta.url).resolve('baileys/package.json'))
const { Reader } = require('protobufjs/minimal') as {
  Reader: { new (): Reader; create: (bytes: Uint8Array) => Reader; prototype: Reader }
}
// eslint-disable-next-line @typescript-eslint/unbound-method -- static, and without `this`
const decodeAll = proto.Message.decode as unknown as Decode

class TooManyFields extends RangeError {}

/** Messages that took long to read. */
const slow = new WeakSet<proto.IMessage>()

/** Of the message that is being read, with all that is in it; and how many of those are under way. */
let reads = 0
let nesting = 0

/** Reads a message, or one within another, and what newer phones have put there. */
const decode: Decode = (source, length, end) => {
  if (nesting === 0) reads = 0
  nesting += 1
  try {
    const reader = source instanceof Uint8Array ? readerOf(source) : source
    const from = reader.pos
    const message = decodeAll(reader, length, end)
    addNewer(message, readerOf(reader.buf.subarray(from, reader.pos)), readerOf)
    if (nesting === 1 && reads > MAX_HANDED_READS) slow.add(message)
    return message
  } finally {
    nesting -= 1
  }
}

/** One that counts what it reads. */
function readerOf(bytes: Uint8Array): Reader {
  const reader = Reader.create(bytes)
  const read = reader.uint32
  reader.uint32 = (): number => {
    if (++reads > MAX_READS) throw new TooManyFields()
    return read.call(reader)
  }
  return reader
}
Object.assign(proto.Message, { decode })

/** A message; null when it cannot be read. */
export function decoded(plaintext: Uint8Array): proto.IMessage | null {
  try {
    return proto.Message.decode(plaintext)
  } catch {
    return null
  }
}

/**
 * What is journaled of a message, and handed to Baileys: all of it, or its text, its secret and the key it brings when it
 * is too large, or was slow to read. A redelivered one is recognised by its id; what it is answered with need not be what it was.
 */
export function keptOf(plaintext: Uint8Array, message: proto.IMessage | null): Uint8Array {
  if (message === null) return new Uint8Array()
  if (plaintext.length <= MAX_KEPT_BYTES && !slow.has(message)) return plaintext
  const { senderKeyDistributionMessage: key } = message
  const { conversation, extendedTextMessage } = unwrap(message)
  const text = (extendedTextMessage?.text ?? conversation ?? '').slice(0, MAX_TEXT).toWellFormed()
  const messageSecret = secretOf(message)
  const isSmall =
    (key?.axolotlSenderKeyDistributionMessage?.length ?? Infinity) <= MAX_KEY_BYTES && (key?.groupId?.length ?? 0) <= MAX_KEY_BYTES
  return proto.Message.encode({
    ...(text === '' ? {} : { conversation: text }),
    ...(key != null && isSmall ? { senderKeyDistributionMessage: key } : {}),
    ...(messageSecret === null ? {} : { messageContextInfo: { messageSecret } })
  }).finish()
}
