/** Messages about an earlier message: edits, revocations, reactions and votes in polls. */
import { createHash } from 'node:crypto'

import { decryptPollVote, isJidGroup, jidNormalizedUser, proto } from 'baileys'

import type { Person } from './addresses.ts'
import { type Content, contentOf, optionsOf, pollCreationOf } from './content.ts'
import { isId, isJid, MAX_OPTIONS } from './limits.ts'
import { unwrap } from './wrappers.ts'

/**
 * `about`: the id of the earlier message. `author`: whose that one is, as the change says: a JID, empty for ourselves, null
 * where it does not say. `by_admin`: who does it is an admin of the group.
 */
export type Change = { about: string; author: string | null; by_admin: boolean } & (
  | { kind: 'edited'; content: Content }
  | { kind: 'revoked' }
  | { kind: 'reacted'; emoji: string }
  | { kind: 'voted'; options: string[] | null }
)

/** Who does it, and where: the chat as WhatsApp names it, and as backends know it. */
export interface Doing {
  sender: Person
  isMe: boolean
  jid: string
  chat: string
}

/** What is stored of earlier messages, our own addresses, and who may delete what others wrote. */
export interface Recall {
  own: readonly string[]
  poll: (id: string, chat: string, author: string | null) => Promise<proto.IMessage | undefined>
  isAdmin: (group: string, who: Person) => Promise<boolean>
}

const { Type } = proto.Message.ProtocolMessage

/** What a message does to an earlier one, null when it is no such message; `nothing`: one that counts for nothing. */
export async function changeOf(message: proto.IMessage, doing: Doing, recall: Recall): Promise<Change | 'nothing' | null> {
  const { protocolMessage, reactionMessage, pollUpdateMessage } = message
  if (protocolMessage?.type === Type.REVOKE) return about(protocolMessage.key, { kind: 'revoked' }, doing, recall)
  if (protocolMessage?.type === Type.MESSAGE_EDIT) {
    const content = contentOf(unwrap(protocolMessage.editedMessage ?? {}), { isEdit: true })
    return content === null ? null : about(protocolMessage.key, { kind: 'edited', content }, doing, recall)
  }
  if (reactionMessage != null) {
    return about(reactionMessage.key, { kind: 'reacted', emoji: reactionMessage.text ?? '' }, doing, recall)
  }
  if (pollUpdateMessage != null) {
    const options = await chosen(pollUpdateMessage, doing, recall)
    return about(pollUpdateMessage.pollCreationMessageKey, { kind: 'voted', options }, doing, recall)
  }
  return null
}

type Happening<T> = T extends Change ? Omit<T, 'about' | 'author' | 'by_admin'> : never

/** A change of what can have no id is about nothing. */
async function about(
  key: proto.IMessageKey | null | undefined,
  change: Happening<Change>,
  doing: Doing,
  recall: Recall
): Promise<Change | 'nothing' | null> {
  if (!isId(key?.id)) return null
  if (isElsewhere(key, doing)) return 'nothing'
  const author = authorOf(key, doing, recall)
  const asks = change.kind === 'revoked' && isJidGroup(doing.jid) === true && author !== null && !isBy(doing, author)
  const by_admin = asks && (doing.isMe || (await recall.isAdmin(doing.jid, doing.sender)))
  return { about: key.id, author, by_admin, ...change } as Change
}

/** Whether the key names a group that the message did not come in: nothing counts there but what was written there. */
function isElsewhere({ remoteJid }: proto.IMessageKey, { jid }: Doing): boolean {
  return isJidGroup(remoteJid ?? '') === true && remoteJid !== jid
}

/** Whose message a key names, seen by who wrote the key. In a chat with a person there are but two. */
function authorOf(key: proto.IMessageKey, doing: Doing, { own }: Recall): string | null {
  const { isMe, sender, chat, jid } = doing
  const who = sender.pn ?? sender.lid ?? null
  if (isJidGroup(jid) !== true) return key.fromMe == null ? null : key.fromMe === isMe ? '' : chat
  if (key.participant) {
    const named = jidNormalizedUser(key.participant)
    return own.includes(named) ? '' : isJid(named) ? named : null
  }
  if (key.fromMe !== true) return null
  return isMe ? '' : who
}

function isBy({ isMe, sender }: Doing, author: string): boolean {
  return isMe ? author === '' : author === sender.pn || author === sender.lid
}

/** The options a vote names, by their hashes; null when the poll is not stored, or the vote does not open. */
async function chosen(vote: proto.Message.IPollUpdateMessage, doing: Doing, recall: Recall): Promise<string[] | null> {
  const { sender } = doing
  const key = vote.pollCreationMessageKey
  const message = isId(key?.id) ? await recall.poll(key.id, doing.chat, authorOf(key, doing, recall)) : undefined
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
