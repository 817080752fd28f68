/** Earlier messages that a new one is about, as they are stored. */
import type { proto } from 'baileys'

import { decoded } from '../patches/decoding.ts'
import { secretOf } from '../words/secrets.ts'
import type { StoredOriginal } from '../signal/store.ts'

/** A stored message that somebody's change may be about. */
export interface Original {
  message: proto.IMessage
  secret: Uint8Array | null
  /** All that is known of who wrote it; of nobody where we did. */
  authors: readonly string[]
  isOurs: boolean
  /** Of a poll: as it is now. */
  options: readonly string[]
}

/** What is stored of a message, read. */
export function originalOf({ plaintext, authors, from_me: isOurs, options }: StoredOriginal): Original {
  const message = decoded(plaintext) ?? {}
  return { message, secret: secretOf(message), authors, isOurs, options }
}
