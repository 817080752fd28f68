/** The key with which something about a message is sealed: it follows from that message's secret (whatsmeow's `msgsecret.go`). */
import { hkdfSync } from 'node:crypto'

export const TAG_BYTES = 16

/** Who wrote the message and who seals, each as the sealing client writes their address; `use`: WhatsApp's name of it. */
export interface Sealing {
  id: string
  secret: Uint8Array
  author: string
  sealer: string
  use: string
}

export function keyOf({ id, secret, author, sealer, use }: Sealing): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', `${id}${author}${sealer}${use}`, 32))
}

/** What is authenticated beside the content, where the use binds both. */
export function boundTo({ id, sealer }: Pick<Sealing, 'id' | 'sealer'>): Buffer {
  return Buffer.from(`${id}\0${sealer}`)
}
