/** Parts of the phone's history that lie at WhatsApp's media host, as all but small ones do. The owner fetches them. */
import type { proto } from 'baileys'

import { ask, type Peer } from '../channel/peer.ts'
import type { HistoryFileArguments } from '../channel/questions.ts'

/** As `RemoteFile` of the port; bytes in hexadecimal. */
/** The owner asks until the host has answered, or the connection is over. */
const PATIENCE_MS = 24 * 3600 * 1000

type Notification = proto.Message.IHistorySyncNotification

/** Where the part lies that a notification tells of; null when it carries the part itself. */
export function placeOf(notification: Notification): HistoryFileArguments | null {
  const { initialHistBootstrapInlinePayload: inline, directPath, mediaKey } = notification
  if (inline?.length || !directPath || !mediaKey?.length) return null
  return {
    direct_path: directPath,
    media_key: hex(mediaKey) ?? '',
    sha256: hex(notification.fileSha256),
    encrypted_sha256: hex(notification.fileEncSha256),
    size: notification.fileLength == null ? null : Number(notification.fileLength)
  }
}

/** Has a part fetched; null when nobody will ever get it. */
export async function fetchHistory(peer: Peer, connection: number, place: HistoryFileArguments): Promise<Uint8Array | null> {
  const { value, blobs } = await ask(peer, 'fetch_history', connection, place, [], PATIENCE_MS)
  return value ? (blobs[0] ?? null) : null
}

/** The same notification, carrying the part. */
export function carrying(message: proto.IMessage, part: Uint8Array): proto.IMessage {
  const { protocolMessage } = message
  const historySyncNotification = { ...protocolMessage?.historySyncNotification, initialHistBootstrapInlinePayload: part }
  return { ...message, protocolMessage: { ...protocolMessage, historySyncNotification } }
}

function hex(bytes: Uint8Array | null | undefined): string | null {
  return bytes?.length ? Buffer.from(bytes).toString('hex') : null
}
