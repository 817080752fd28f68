/**
 * Fields of `Message` that phones send and that the installed WAProto does not know: by their numbers, as WhatsApp's own web client
 * has them. Those whose type it does know are read; of the others their name is told.
 */
import { proto } from 'baileys'

import { FIELDS } from './fields.ts'

/** Of protobufjs. */
export interface Reader {
  pos: number
  len: number
  buf: Uint8Array
  uint32: () => number
  bytes: () => Uint8Array
  skipType: (wireType: number) => Reader
}

interface Type {
  decode: (reader: Reader) => object
}

const { FutureProofMessage, PollCreationMessage, PollResultSnapshotMessage } = proto.Message as unknown as Record<
  'FutureProofMessage' | 'PollCreationMessage' | 'PollResultSnapshotMessage',
  Type
>

/** What is sealed in a `SecretEncryptedMessage`, by the numbers of `SecretEncType`; WAProto has no words for the last two yet. */
export const SECRET_ENC_TYPES = { EVENT_EDIT: 1, MESSAGE_EDIT: 2, POLL_EDIT: 4, POLL_ADD_OPTION: 5 } as const

/** An option that somebody adds to a poll. */
export interface PollAddOption {
  pollCreationMessageKey?: proto.IMessageKey
  addOption?: proto.Message.PollCreationMessage.IOption
}

const PollAddOptionMessage: Type = {
  decode: (reader) => {
    const message: PollAddOption = {}
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      if (tag === tagOf(1)) message.pollCreationMessageKey = proto.MessageKey.decode(reader.bytes())
      else if (tag === tagOf(2)) message.addOption = proto.Message.PollCreationMessage.Option.decode(reader.bytes())
      else reader.skipType(tag & WIRE_MASK)
    }
    return message
  }
}

/** Of a field that holds bytes. */
function tagOf(field: number): number {
  return (field << WIRE_BITS) | LENGTH_DELIMITED
}

const NEWER = new Map<number, readonly [name: string, type?: Type]>([
  [115, ['pollResultSnapshotMessageV3', PollResultSnapshotMessage]],
  [116, ['newsletterAdminProfileMessage', FutureProofMessage]],
  [118, ['spoilerMessage', FutureProofMessage]],
  [119, ['pollCreationMessageV6', PollCreationMessage]],
  [120, ['conditionalRevealMessage']],
  [121, ['pollAddOptionMessage', PollAddOptionMessage]],
  [122, ['eventInviteMessage']],
  [123, ['groupRootKeyShare']],
  [124, ['paymentReminderMessage']],
  [125, ['splitPaymentMessage']],
  [126, ['newsletterAdminProfileStatusMessage', FutureProofMessage]],
  [127, ['rootSecretDistributeMessage']],
  [128, ['splitPaymentUpdateMessage']],
  [129, ['musicMessage']],
  [131, ['botPlatformRegistrationSuccessMessage', FutureProofMessage]]
])

const LENGTH_DELIMITED = 2
const WIRE_BITS = 3
const WIRE_MASK = 7
/** Layers of such fields within each other. */
const MAX_DEPTH = 8

let depth = 0

/** Adds to a message in which nothing was found what newer phones have put there; `reader` stands at its beginning. */
export function addNewer(message: proto.IMessage, reader: Reader, readerOf: (bytes: Uint8Array) => Reader): void {
  if (Object.keys(message).some((name) => FIELDS[name]?.is !== 'silent') || depth >= MAX_DEPTH) return
  depth += 1
  try {
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      const wireType = tag & WIRE_MASK
      const [name, type] = (wireType === LENGTH_DELIMITED && NEWER.get(tag >>> WIRE_BITS)) || []
      if (name === undefined) reader.skipType(wireType)
      else if (Object.hasOwn(message, name)) reader.skipType(wireType)
      else Object.assign(message, { [name]: read(type, reader.bytes(), readerOf) })
    }
  } finally {
    depth -= 1
  }
}

function read(type: Type | undefined, bytes: Uint8Array, readerOf: (bytes: Uint8Array) => Reader): object {
  return type === undefined ? {} : type.decode(readerOf(bytes))
}
