/** What lies in a stanza's node. */
import type { BinaryNode } from 'baileys'

/** The text of a node, which WhatsApp sends as bytes or as one of its tokens. Empty where it holds none. */
export function textIn({ content }: Pick<BinaryNode, 'content'>): string {
  if (content instanceof Uint8Array) return Buffer.from(content).toString('utf8')
  return typeof content === 'string' ? content : ''
}
