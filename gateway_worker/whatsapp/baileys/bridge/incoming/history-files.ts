/** Parts of the phone's history that lie at WhatsApp's media host, as all but small ones do. The owner fetches them. */
import type { proto } from 'baileys'

import { hexOf } from '../channel/places.ts'
import type { FileArguments } from '../channel/questions.ts'

type Notification = proto.Message.IHistorySyncNotification

/** Where the part lies that a notification tells of; null when it carries the part itself. */
export function placeOf(notification: Notification): FileArguments | null {
  const { initialHistBootstrapInlinePayload: inline, directPath, mediaKey } = notification
  if (inline?.length || !directPath || !mediaKey?.length) return null
  return {
    key_class: 'history',
    direct_path: directPath,
    media_key: hexOf(mediaKey) ?? '',
    sha256: hexOf(notification.fileSha256),
    encrypted_sha256: hexOf(notification.fileEncSha256),
    size: notification.fileLength == null ? null : Number(notification.fileLength)
  }
}

/** The same notification, carrying the part. */
export function carrying(message: proto.IMessage, part: Uint8Array): proto.IMessage {
  const { protocolMessage } = message
  const historySyncNotification = { ...protocolMessage?.historySyncNotification, initialHistBootstrapInlinePayload: part }
  return { ...message, protocolMessage: { ...protocolMessage, historySyncNotification } }
}
