/**
 * Opens what clients seal with a key that follows from the secret of the message that it is about.
 *
 * The key is bound to that message, to who wrote it and to who seals, as the sealing client writes their addresses: by
 * number or by LID, which it does not tell. So each pair that may have been meant is tried; AES-GCM says which one it was.
 * The uses' names and what they authenticate beside the content are whatsmeow's (`msgsecret.go`).
 */
import { createDecipheriv } from 'node:crypto'

import { isLidUser, jidNormalizedUser } from 'baileys'

import { isJid } from '../words/limits.ts'
import { boundTo, keyOf, TAG_BYTES } from '../signal/sealing.ts'

/** `names`: of the use in the key. `isBound`: id and sealing address are authenticated too. `largest`: bytes of content. */
interface Use {
  names: readonly string[]
  isBound: boolean
  largest: number
}

const SMALL = 8_192
/** A text of 65,536 characters with its preview. */
const LARGE = 524_288

export const USES = {
  vote: { names: ['Poll Vote'], isBound: true, largest: SMALL },
  answer: { names: ['Event Response'], isBound: true, largest: SMALL },
  reaction: { names: ['Enc Reaction'], isBound: false, largest: SMALL },
  comment: { names: ['Enc Comment'], isBound: false, largest: LARGE },
  edit: { names: ['Message Edit'], isBound: false, largest: LARGE },
  event: { names: ['Event Edit'], isBound: false, largest: LARGE },
  // An option that is added is named by either
  poll: { names: ['Poll Edit', 'Poll Add Option'], isBound: false, largest: 65_536 }
} as const satisfies Record<string, Use>

export interface Sealed {
  encPayload?: Uint8Array | null
  encIv?: Uint8Array | null
}

/** Of a message: its id, its secret, and the addresses of who wrote it. */
interface Locked {
  id: string
  secret: Uint8Array | null
  authors: readonly (string | null | undefined)[]
}

const MAX_IV_BYTES = 64
const MAX_ADDRESSES = 8
const NOTHING = Buffer.alloc(0)
const MAX_TRIES = 96
/** What all tries together may decrypt: a few milliseconds. */
const MAX_TRIED_BYTES = 4 * 1024 * 1024

/** What was sealed by one of `sealers` about one of these messages; null when it opens with none of them. */
export function opened(
  use: keyof typeof USES,
  sealed: Sealed,
  messages: readonly Locked[],
  sealers: readonly (string | null | undefined)[]
): { plaintext: Uint8Array; index: number } | null {
  const { encPayload, encIv } = sealed
  const { names, isBound, largest }: Use = USES[use]
  if (!encPayload || encPayload.length < TAG_BYTES || encPayload.length > largest + TAG_BYTES) return null
  if (!encIv?.length || encIv.length > MAX_IV_BYTES) return null
  let left = Math.min(MAX_TRIES, Math.floor(MAX_TRIED_BYTES / encPayload.length))
  for (const [index, { id, secret, authors }] of messages.entries()) {
    if (secret === null) continue
    for (const [author, sealer] of pairs(authors, sealers)) {
      for (const use of names) {
        if (left-- <= 0) return null
        const key = keyOf({ id, secret, author, sealer, use })
        const plaintext = decrypted(encPayload, encIv, key, isBound ? boundTo({ id, sealer }) : NOTHING)
        if (plaintext !== null) return { plaintext, index }
      }
    }
  }
  return null
}

/** The likeliest first: a client names both people in the same way. */
function pairs(authors: Locked['authors'], sealers: Locked['authors']): [string, string][] {
  const ends = addresses(sealers)
  const all = addresses(authors).flatMap((author) => ends.map((sealer): [string, string] => [author, sealer]))
  const isAlike = ([author, sealer]: [string, string]): boolean => isLidUser(author) === isLidUser(sealer)
  return [...all.filter(isAlike), ...all.filter((pair) => !isAlike(pair))]
}

/** Without device numbers, each once. */
function addresses(jids: Locked['authors']): string[] {
  const named = jids.flatMap((jid) => (isJid(jid) ? [jidNormalizedUser(jid)] : []))
  return [...new Set(named)].filter((jid) => jid !== '').slice(0, MAX_ADDRESSES)
}

function decrypted(sealed: Uint8Array, iv: Uint8Array, key: Uint8Array, bound: Buffer): Uint8Array | null {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
    decipher.setAAD(bound).setAuthTag(sealed.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()])
  } catch {
    return null // not this pair: AES-GCM says so
  }
}
