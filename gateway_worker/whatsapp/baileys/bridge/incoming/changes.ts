/** Messages about an earlier message: edits, revocations, reactions, votes, comments, pins; open or sealed. */
import { isJidGroup, jidNormalizedUser, proto } from 'baileys'

import type { Person } from '../words/addresses.ts'
import { type Content, contentOf } from '../words/content.ts'
import { decoded } from '../patches/decoding.ts'
import { FIELDS } from '../words/fields.ts'
import { isId, isJid } from '../words/limits.ts'
import { type PollAddOption, SECRET_ENC_TYPES } from '../words/newer.ts'
import type { Original } from './originals.ts'
import { chosenOf } from './polls.ts'
import { opened, type Sealed, type USES } from './sealed.ts'
import { unwrap } from '../words/wrappers.ts'

/**
 * `about`: the id of the earlier message. `author`: whose that one is, as the change says: a JID, empty for ourselves, null
 * where it does not say. `by_admin`: who does it is an admin of the group. What could not be opened is null.
 */
export type Change = { about: string; author: string | null; by_admin: boolean } & (
  | { kind: 'edited'; content: Content }
  | { kind: 'revoked' }
  | { kind: 'reacted'; emoji: string }
  | { kind: 'voted'; options: string[] | null; unknown_options: number }
  | { kind: 'option_added'; option: string }
  | { kind: 'commented'; content: Content | null }
  | { kind: 'answered'; response: string | null; extra_guests: number | null }
  | { kind: 'pinned'; pinned: boolean; seconds: number | null }
  | { kind: 'kept'; kept: boolean }
  | { kind: 'changed'; what: 'edit' | 'reaction' | 'poll' | 'other'; whatsapp_type: string; is_sealed: boolean }
)

/** Who does it, and where: the chat as WhatsApp names it, and as backends know it; and what the message says beside it. */
export interface Doing {
  sender: Person
  isMe: boolean
  jid: string
  chat: string
  context?: proto.IMessageContextInfo
}

/** What is stored of earlier messages, our own addresses, and who may delete what others wrote. */
export interface Recall {
  own: readonly string[]
  /** The messages of a chat under an id, those of the author that is said first. */
  originals: (id: string, chat: string, author: string | null) => Promise<readonly Original[]>
  isAdmin: (group: string, who: Person) => Promise<boolean>
  /** Told of what is sealed with a secret that is not stored: the id of the message that has it. */
  onMissing?: (id: string) => void
}

/** What is done, without what it is done to. */
export type Happening<T = Change> = T extends Change ? Omit<T, 'about' | 'author' | 'by_admin'> : never
type Key = proto.IMessageKey | null | undefined

/** A message about another one: which one, and what it does to it. */
interface Claim {
  key: Key
  happening: (open: Open) => Happening | 'nothing' | Promise<Happening | 'nothing'>
}

/** Opens what is sealed about the message that is meant; null when nothing that is stored opens it. */
type Open = (use: keyof typeof USES, sealed: Sealed) => Promise<{ plaintext: Uint8Array; original: Original } | null>

/** What a message does to an earlier one, null when it is no such message; `nothing`: one that counts for nothing. */
export async function changeOf(message: proto.IMessage, doing: Doing, recall: Recall): Promise<Change | 'nothing' | null> {
  if (message.editedMessage != null) return 'nothing' // around nothing: else it was taken off
  const claim = claimOf(message, doing)
  if (claim === null) return null
  const { key } = claim
  if (!isId(key?.id) || isElsewhere(key, doing)) return 'nothing' // what can have no id is about nothing
  const author = authorOf(key, doing, recall)
  const happening = await claim.happening((use, sealed) => openedAbout(use, sealed, key, author, doing, recall))
  if (happening === 'nothing') return 'nothing'
  const asks = happening.kind === 'revoked' && isJidGroup(doing.jid) === true && author !== null && !isBy(doing, author)
  const by_admin = asks && (doing.isMe || (await recall.isAdmin(doing.jid, doing.sender)))
  return { about: key.id, author, by_admin, ...happening }
}

function claimOf(message: proto.IMessage, doing: Doing): Claim | null {
  return openClaimOf(message, doing) ?? sealedClaimOf(message) ?? otherClaimOf(message)
}

const { Type } = proto.Message.ProtocolMessage
const PINS = proto.Message.PinInChatMessage.Type

/** What everybody can read. */
function openClaimOf(message: proto.IMessage, { context }: Doing): Claim | null {
  const { protocolMessage, reactionMessage, commentMessage, pinInChatMessage, keepInChatMessage } = message
  if (protocolMessage?.type === Type.REVOKE) return { key: protocolMessage.key, happening: () => ({ kind: 'revoked' }) }
  if (protocolMessage?.type === Type.MESSAGE_EDIT) {
    return { key: protocolMessage.key, happening: () => editedTo(protocolMessage.editedMessage) }
  }
  if (reactionMessage != null) {
    return { key: reactionMessage.key, happening: () => ({ kind: 'reacted', emoji: reactionMessage.text ?? '' }) }
  }
  if (commentMessage != null) {
    return { key: commentMessage.targetMessageKey, happening: () => commented(commentMessage.message) }
  }
  if (pinInChatMessage != null) {
    const { key, type } = pinInChatMessage
    const pinned = type === PINS.PIN_FOR_ALL
    const seconds = pinned ? (context?.messageAddOnDurationInSecs ?? null) : null
    return { key, happening: () => (pinned || type === PINS.UNPIN_FOR_ALL ? { kind: 'pinned', pinned, seconds } : 'nothing') }
  }
  const addition = additionIn(message)
  if (addition !== null) return { key: addition.pollCreationMessageKey, happening: () => optionAdded(addition) }
  if (keepInChatMessage != null) {
    const { key, keepType } = keepInChatMessage
    const kept = keepType === proto.KeepType.KEEP_FOR_ALL
    return { key, happening: () => (kept || keepType === proto.KeepType.UNDO_KEEP_FOR_ALL ? { kind: 'kept', kept } : 'nothing') }
  }
  return null
}

/** What only those can read who have the message that it is about. */
function sealedClaimOf(message: proto.IMessage): Claim | null {
  const { pollUpdateMessage, secretEncryptedMessage, encReactionMessage, encCommentMessage, encEventResponseMessage } = message
  if (pollUpdateMessage != null) {
    const { pollCreationMessageKey, vote } = pollUpdateMessage
    return { key: pollCreationMessageKey, happening: async (open) => (vote == null ? 'nothing' : voted(await open('vote', vote))) }
  }
  if (secretEncryptedMessage != null) {
    return { key: secretEncryptedMessage.targetMessageKey, happening: (open) => sealedChange(secretEncryptedMessage, open) }
  }
  if (encReactionMessage != null) {
    const happening = async (open: Open): Promise<Happening> => reacted(await open('reaction', encReactionMessage))
    return { key: encReactionMessage.targetMessageKey, happening }
  }
  if (encCommentMessage != null) {
    const happening = async (open: Open): Promise<Happening | 'nothing'> => {
      const comment = await open('comment', encCommentMessage)
      return comment === null ? { kind: 'commented', content: null } : commented(decoded(comment.plaintext))
    }
    return { key: encCommentMessage.targetMessageKey, happening }
  }
  if (encEventResponseMessage != null) {
    const happening = async (open: Open): Promise<Happening | 'nothing'> => answered(await open('answer', encEventResponseMessage))
    return { key: encEventResponseMessage.eventCreationMessageKey, happening }
  }
  return null
}

/** What is about another message, and nothing that we could tell more of. */
function otherClaimOf(message: proto.IMessage): Claim | null {
  for (const [whatsapp_type, part] of Object.entries(message) as [string, Record<string, Key> | null][]) {
    const treatment = FIELDS[whatsapp_type]
    if (part == null || treatment?.is !== 'unsupported' || treatment.about === undefined) continue
    return { key: part[treatment.about], happening: () => ({ kind: 'changed', what: 'other', whatsapp_type, is_sealed: false }) }
  }
  return null
}

/** Of a message that adds an option to a poll. */
function additionIn(message: proto.IMessage): PollAddOption | null {
  return (message as { pollAddOptionMessage?: PollAddOption | null }).pollAddOptionMessage ?? null
}

function optionAdded({ addOption }: PollAddOption): Happening | 'nothing' {
  return addOption?.optionName ? { kind: 'option_added', option: addOption.optionName } : 'nothing'
}

type OpenedOrNot = Awaited<ReturnType<Open>>

/** What was sealed, read; null when it is no such thing. */
function readAs<T>(type: { decode: (bytes: Uint8Array) => T }, plaintext: Uint8Array): T | null {
  try {
    return type.decode(plaintext)
  } catch {
    return null
  }
}

function voted(vote: OpenedOrNot): Happening {
  const chosen = vote === null ? null : readAs(proto.Message.PollVoteMessage, vote.plaintext)
  if (vote === null || chosen === null) return { kind: 'voted', options: null, unknown_options: 0 }
  return { kind: 'voted', ...chosenOf(chosen, vote.original) }
}

function reacted(sealed: OpenedOrNot): Happening {
  const reaction = sealed === null ? null : readAs(proto.Message.ReactionMessage, sealed.plaintext)
  if (reaction !== null) return { kind: 'reacted', emoji: reaction.text ?? '' }
  return { kind: 'changed', what: 'reaction', whatsapp_type: 'encReactionMessage', is_sealed: true }
}

const { EventResponseType: Response } = proto.Message.EventResponseMessage
const RESPONSES = new Map<unknown, string>([
  [Response.GOING, 'going'],
  [Response.NOT_GOING, 'not_going'],
  [Response.MAYBE, 'maybe']
])

function answered(sealed: OpenedOrNot): Happening | 'nothing' {
  const answer = sealed === null ? null : readAs(proto.Message.EventResponseMessage, sealed.plaintext)
  if (answer === null) return { kind: 'answered', response: null, extra_guests: null }
  return responseOf(answer)
}

/** What somebody answers to an invitation. */
export function responseOf({ response: said, extraGuestCount }: proto.Message.IEventResponseMessage): Happening | 'nothing' {
  const response = RESPONSES.get(said)
  return response === undefined ? 'nothing' : { kind: 'answered', response, extra_guests: extraGuestCount ?? null }
}

const SEALED_CHANGES = new Map<unknown, { use: keyof typeof USES; what: 'edit' | 'poll' }>([
  [SECRET_ENC_TYPES.EVENT_EDIT, { use: 'event', what: 'edit' }],
  [SECRET_ENC_TYPES.MESSAGE_EDIT, { use: 'edit', what: 'edit' }],
  [SECRET_ENC_TYPES.POLL_EDIT, { use: 'poll', what: 'edit' }],
  [SECRET_ENC_TYPES.POLL_ADD_OPTION, { use: 'poll', what: 'poll' }]
])

async function sealedChange(sealed: proto.Message.ISecretEncryptedMessage, open: Open): Promise<Happening | 'nothing'> {
  const whatsapp_type = 'secretEncryptedMessage'
  const kind = SEALED_CHANGES.get(sealed.secretEncType)
  if (kind === undefined) return { kind: 'changed', what: 'other', whatsapp_type, is_sealed: true }
  const found = await open(kind.use, sealed)
  if (found === null) return { kind: 'changed', what: kind.what, whatsapp_type, is_sealed: true }
  const message = unwrap(decoded(found.plaintext) ?? {})
  const addition = additionIn(message)
  if (addition !== null) return optionAdded(addition)
  return editedTo(message.protocolMessage == null ? message : message.protocolMessage.editedMessage)
}

/** Types of contents that say nothing, and fields that this version of WAProto does not know. */
const NOTHING = new Set(['unknown', 'conversation', 'extendedTextMessage'])

/** A content, unless it says nothing. */
function saying(content: Content | null): Content | null {
  const isEmpty = content?.kind === 'unsupported' ? NOTHING.has(content.whatsapp_type) : content?.kind === 'text' && content.text === ''
  return isEmpty ? null : content
}

/** An edit to nothing has no effect; what we have no words for is not what the message says now. */
function editedTo(message: proto.IMessage | null | undefined): Happening | 'nothing' {
  const content = saying(contentOf(unwrap(message ?? {}), { isEdit: true }))
  if (content === null) return 'nothing'
  if (content.kind !== 'unsupported') return { kind: 'edited', content }
  return { kind: 'changed', what: 'edit', whatsapp_type: content.whatsapp_type, is_sealed: false }
}

function commented(message: proto.IMessage | null | undefined): Happening | 'nothing' {
  const inner = unwrap(message ?? {})
  const content = saying(contentOf(unwrap(inner.commentMessage?.message ?? inner)))
  return content === null ? 'nothing' : { kind: 'commented', content }
}

async function openedAbout(
  use: keyof typeof USES,
  sealed: Sealed,
  { id, participant, remoteJid }: proto.IMessageKey,
  author: string | null,
  { sender, isMe, chat, jid }: Doing,
  { own, originals, onMissing }: Recall
): ReturnType<Open> {
  const candidates = await originals(id ?? '', chat, author)
  if (candidates.every(({ secret }) => secret === null)) onMissing?.(id ?? '')
  const sealers = [sender.lid, sender.pn, ...(isMe ? own : [])]
  const said = [participant, ...(isJidGroup(jid) === true ? [] : [remoteJid, ...own]), ...sealers]
  const locked = candidates.map(({ secret, authors, isOurs }) => {
    return { id: id ?? '', secret, authors: [...(isOurs ? own : authors), ...said] }
  })
  const found = opened(use, sealed, locked, sealers)
  const original = found === null ? undefined : candidates[found.index]
  return found === null || original === undefined ? null : { plaintext: found.plaintext, original }
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
