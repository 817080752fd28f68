/** A vote in a poll: sealed with the poll's secret, as clients seal it (whatsmeow's `EncryptPollVote`). */
import { createCipheriv, createHash, randomBytes } from 'node:crypto'

import { proto, type WAMessageKey } from 'baileys'

import { boundTo, keyOf, type Sealing } from '../signal/sealing.ts'

const IV_BYTES = 12
const USE = 'Poll Vote'

/** The message; `poll` names the one with the options. No options: the vote is taken back. */
export function voteOf(options: readonly string[], poll: WAMessageKey, about: Omit<Sealing, 'use'>): proto.IMessage {
  const selectedOptions = options.map((option) => createHash('sha256').update(option).digest())
  const plaintext = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish()
  const encIv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', keyOf({ ...about, use: USE }), encIv).setAAD(boundTo(about))
  const encPayload = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  return { pollUpdateMessage: { pollCreationMessageKey: poll, vote: { encPayload, encIv }, senderTimestampMs: Date.now() } }
}
