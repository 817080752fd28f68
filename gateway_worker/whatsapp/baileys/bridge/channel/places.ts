/** Files at WhatsApp's media host that the owner fetches for us: parts of the history, and of the app state. */
import { ask, type Peer } from './peer.ts'
import type { FileArguments } from './questions.ts'

/** The owner asks until the host has answered, or the connection is over. */
const PATIENCE_MS = 24 * 3600 * 1000

/** Has a file fetched; null when nobody will ever get it. */
export async function fetchFile(peer: Peer, connection: number, place: FileArguments): Promise<Uint8Array | null> {
  const { value, blobs } = await ask(peer, 'fetch_file', connection, place, [], PATIENCE_MS)
  return value ? (blobs[0] ?? null) : null
}

export function hexOf(bytes: Uint8Array | null | undefined): string | null {
  return bytes?.length ? Buffer.from(bytes).toString('hex') : null
}
