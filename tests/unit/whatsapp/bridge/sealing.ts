/** Seals as WhatsApp's clients do. */
import { createCipheriv, createHmac, randomBytes } from 'node:crypto'

/** `bound` is authenticated beside the content. */
export function sealedBy(
  secret: Uint8Array,
  id: string,
  author: string,
  sealer: string,
  use: string,
  plain: Uint8Array,
  bound = ''
): { encPayload: Buffer; encIv: Buffer } {
  const sign = Buffer.concat([...[id, author, sealer, use].map((part) => Buffer.from(part)), Buffer.of(1)])
  const key = createHmac('sha256', createHmac('sha256', Buffer.alloc(32)).update(secret).digest())
    .update(sign)
    .digest()
  const encIv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, encIv).setAAD(Buffer.from(bound))
  return { encPayload: Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]), encIv }
}
