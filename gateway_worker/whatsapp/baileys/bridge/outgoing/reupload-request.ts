/** Files that are gone from WhatsApp's hosts: the sender's phone puts them there again, by way of our own. */
import { proto, type WASocket } from 'baileys'

import { type Attachment, placeOf } from '../words/attachments.ts'
import { decoded } from '../patches/decoding.ts'
import { addressOf } from '../words/limits.ts'
import type { FileRequest } from '../channel/calls.ts'
import { CallError } from '../channel/peer.ts'
import { boundAttachment } from '../channel/schema.ts'
import { unwrap } from '../words/wrappers.ts'

/** What a serialised message says of its file, or null. */
export function fileIn(plaintext: Uint8Array | undefined): Attachment | null {
  const message = plaintext === undefined ? null : decoded(plaintext)
  return message === null ? null : boundAttachment(placeOf(unwrap(message)))
}

/** Answers the new path. Which kind of message it is makes no difference to the question. */
export async function askForFile(socket: WASocket, request: FileRequest): Promise<string> {
  const { message_id: id, chat: remoteJid, from_me: fromMe, participant, media_key } = request
  const file: proto.Message.IImageMessage = { mediaKey: Buffer.from(media_key, 'hex') }
  const key = { id, remoteJid, fromMe, ...(participant === null ? {} : { participant }) }
  try {
    await socket.updateMediaMessage({ key, message: { imageMessage: file } })
  } catch (error) {
    // A status says what the phone answered; without one the connection ended, or the answer made no sense
    const status = (error as { output?: { statusCode?: number } }).output?.statusCode
    throw new CallError(status === 428 ? 'not_connected' : 'not_on_phone')
  }
  const path = addressOf(file.directPath)
  if (path === null) throw new CallError('not_on_phone')
  return path
}
