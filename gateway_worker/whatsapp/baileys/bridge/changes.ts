/** Messages about an earlier message: edits, revocations, reactions and votes in polls. */
import { createHash } from 'node:crypto'

import { decryptPollVote, jidNormalizedUser, proto } from 'baileys'

import type { Person } from './addresses.ts'
import { type Content, contentOf, optionsOf, pollCreationOf, unwrap } from './content.ts'
import { isId, isJid, MAX_OPTIONS } from './limits.ts'

export type Change =
  | { about: string; kind: 'edited'; content: Content }
  | { about: string; kind: 'revoked' }
  | { about: string; kind: 'reacted'; emoji: string }
  | { about: string; kind: 'voted'; options: string[] | null }

/** What is stored of earlier messages, and our own addresses. */
export interface Recall {
  own: readonly string[]
  message: (id: string) => Promise<proto.IMessage | undefined>
}

const { Type } = proto.Message.ProtocolMessage

/** What a message does to an earlier one, or null. `sender` is whoever does it. */
export async function changeOf(message: proto.IMessage, sender: Person, recall: Recall): Promise<Change | null> {
  const { protocolMessage, reactionMessage, pollUpdateMessage } = message
  if (protocolMessage?.type === Type.REVOKE) return about(protocolMessage.key, { kind: 'revoked' })
  if (protocolMessage?.type === Type.MESSAGE_EDIT) {
    const content = contentOf(unwrap(protocolMessage.editedMessage ?? {}), { isEdit: true })
    return content === null ? null : about(protocolMessage.key, { kind: 'edited', content })
  }
  if (reactionMessage != null) return about(reactionMessage.key, { kind: 'reacted', emoji: reactionMessage.text ?? '' })
  if (pollUpdateMessage != null) {
    const options = await chosen(pollUpdateMessage, sender, recall)
    return about(pollUpdateMessage.pollCreationMessageKey, { kind: 'voted', options })
  }
  return null
}

type Happening<T> = T extends { about: string } ? Omit<T, 'about'> : never

/** A change of what can have no id is about nothing. */
function about(key: proto.IMessageKey | null | undefined, change: Happening<Change>): Change | null {
  return isId(key?.id) ? ({ about: key.id, ...change } as Change) : null
}

/** The options a vote names, by their hashes; null when the poll is not stored, or the vote does not open. */
async function chosen(vote: proto.Message.IPollUpdateMessage, sender: Person, recall: Recall): Promise<string[] | null> {
  const key = vote.pollCreationMessageKey
  const message = isId(key?.id) ? await recall.message(key.id) : undefined
  const poll = message === undefined ? null : pollCreationOf(message)
  const secret = message?.messageContextInfo?.messageSecret
  if (poll === null || !secret || !key?.id || vote.vote == null) return null
  const opened = open(vote.vote, key, secret, sender, recall.own)
  if (opened === null) return null
  const names = new Map(optionsOf(poll).map((name) => [createHash('sha256').update(name).digest('hex'), name]))
  const hashes = new Set((opened.selectedOptions ?? []).slice(0, MAX_OPTIONS).map((hash) => Buffer.from(hash).toString('hex')))
  return [...hashes].flatMap((hash) => names.get(hash) ?? [])
}

/**
 * The key of a vote is bound to the addresses of the poll's author and of the voter, as the voter's client wrote them:
 * by number or by LID, which the vote does not tell.
 */
function open(
  vote: proto.Message.IPollEncValue,
  key: proto.IMessageKey,
  pollEncKey: Uint8Array,
  sender: Person,
  own: readonly string[]
): proto.Message.PollVoteMessage | null {
  const voters = addresses([sender.pn, sender.lid])
  const authors = addresses([...own, ...voters, key.participant, key.remoteJid])
  for (const voterJid of voters) {
    for (const pollCreatorJid of authors) {
      try {
        return decryptPollVote(vote, { pollCreatorJid, pollMsgId: key.id ?? '', pollEncKey, voterJid })
      } catch {
        continue // not this pair: AES-GCM says so
      }
    }
  }
  return null
}

function addresses(jids: readonly (string | null | undefined)[]): string[] {
  return [...new Set(jids.flatMap((jid) => (isJid(jid) ? [jidNormalizedUser(jid)] : [])))]
}
