/** What stands in the app state, in the port's words (`StateChange`), and the other way round. */
import { jidNormalizedUser, proto } from 'baileys'

import type { MadeChange, StateChange, StateMessage } from '../channel/payloads.ts'
import { secondsOf, wholeOf } from '../words/limits.ts'
import type { Mutation } from './reading.ts'

/** Something to be written. */
export interface Written {
  collection: string
  index: readonly string[]
  /** Null: to be removed. */
  action: proto.ISyncActionValue | null
  /** Of the action's form, as WhatsApp's clients number it. */
  form: number
}

const MILLISECONDS = 1_000
const NOTHING = { on: true, until: null, message: null, name: null, lid: null } as const
type Range = proto.SyncActionValue.ISyncActionMessageRange | null | undefined
type Actions = Omit<proto.ISyncActionValue, 'timestamp'>

/** What a mutation says of chats, messages and people; null where it says nothing of them. What is removed is as if it had never been. */
export function changeOf({ index, action }: Mutation): MadeChange | null {
  const [type = '', chat = ''] = index
  const at = secondsOf(Number(action?.timestamp ?? 0) / MILLISECONDS)
  const made = (kind: StateChange['kind'], rest: Partial<MadeChange> = {}): MadeChange => ({
    ...NOTHING,
    kind,
    chat,
    through: null,
    at,
    ...rest
  })
  switch (type) {
    case 'archive':
      return made('archived', { on: action?.archiveChatAction?.archived === true, through: endOf(action?.archiveChatAction?.messageRange) })
    case 'pin_v1':
      return made('pinned', { on: action?.pinAction?.pinned === true })
    case 'mute':
      return made('muted', { on: action?.muteAction?.muted === true, until: untilOf(action?.muteAction?.muteEndTimestamp) })
    case 'markChatAsRead':
      return made('read', { on: action?.markChatAsReadAction?.read !== false, through: endOf(action?.markChatAsReadAction?.messageRange) })
    case 'star':
      return made('starred', { on: action?.starAction?.starred === true, message: messageIn(index, 0) })
    case 'contact':
    case 'lid_contact':
      return made('contact', named(action))
    case 'label_edit':
      return made('label', { chat: '', label: index[1] ?? '', ...labelIn(action) })
    case 'label_jid':
      return made('chat_label', { chat: index[2] ?? '', label: index[1] ?? '', on: action?.labelAssociationAction?.labeled === true })
    case 'label_message': {
      const [, label = '', ...names] = index
      const on = action?.labelAssociationAction?.labeled === true
      return made('message_label', { chat: names[0] ?? '', label, on, message: messageIn(['', ...names], 0) })
    }
    default:
      return action === null ? null : gone(index, action, made)
  }
}

/** What was deleted for this account alone. */
function gone(
  index: readonly string[],
  action: proto.ISyncActionValue,
  made: (kind: StateChange['kind'], rest: Partial<MadeChange>) => MadeChange
): MadeChange | null {
  switch (index[0]) {
    case 'deleteMessageForMe':
      return made('message_deleted', { message: messageIn(index, secondsOf(action.deleteMessageForMeAction?.messageTimestamp)) })
    case 'clearChat':
      return made('cleared', { on: index[2] === '1', through: endOf(action.clearChatAction?.messageRange) })
    case 'deleteChat':
      return made('chat_deleted', { through: endOf(action.deleteChatAction?.messageRange) })
    default:
      return null
  }
}

/** What is to be written for a change, at a time in milliseconds; a chat that is archived is not pinned any more. */
export function writtenFor(change: StateChange, now: number): Written[] {
  const { kind, chat, on, message } = change
  const range = rangeOf(chat, message)
  const low = (index: string[], form: number, action: Actions): Written => written('regular_low', index, form, action, now)
  const high = (index: string[], form: number, action: Actions): Written => written('regular_high', index, form, action, now)
  const regular = (index: string[], action: Actions): Written => written('regular', index, 3, action, now)
  const label = change.label ?? ''
  switch (kind) {
    case 'archived': {
      const archived = low(['archive', chat], 3, { archiveChatAction: { archived: on, messageRange: range } })
      return on ? [archived, low(['pin_v1', chat], 5, { pinAction: { pinned: false } })] : [archived]
    }
    case 'pinned':
      return [low(['pin_v1', chat], 5, { pinAction: { pinned: on } })]
    case 'muted':
      return [high(['mute', chat], 2, { muteAction: on ? { muted: true, muteEndTimestamp: change.until ?? -1 } : { muted: false } })]
    case 'read':
      return [low(['markChatAsRead', chat], 3, { markChatAsReadAction: { read: on, messageRange: range } })]
    case 'starred':
      return [low(['star', ...namesOf(chat, message)], 2, { starAction: { starred: on } })]
    case 'message_deleted':
      return [
        high(['deleteMessageForMe', ...namesOf(chat, message)], 3, {
          deleteMessageForMeAction: { deleteMedia: true, messageTimestamp: message?.timestamp ?? 0 }
        })
      ]
    case 'cleared':
      return [high(['clearChat', chat, on ? '1' : '0', '1'], 6, { clearChatAction: { messageRange: range } })]
    case 'chat_deleted':
      return [high(['deleteChat', chat, '1'], 6, { deleteChatAction: { messageRange: range } })]
    case 'contact':
      return [contactFor(change, now)]
    case 'label':
      return [regular(['label_edit', label], { labelEditAction: { name: change.name ?? '', color: change.color ?? 0, deleted: !on } })]
    case 'chat_label':
      return [regular(['label_jid', label, chat], { labelAssociationAction: { labeled: on } })]
    case 'message_label':
      return [regular(['label_message', label, ...namesOf(chat, message)], { labelAssociationAction: { labeled: on } })]
    case 'own_name':
      return [written('critical_block', ['setting_pushName'], 1, { pushNameSetting: { name: change.name ?? '' } }, now)]
  }
}

function contactFor({ chat, name, lid }: StateChange, now: number): Written {
  const fullName = name ?? ''
  const action = { fullName, firstName: fullName.split(' ', 1)[0] ?? '', lidJid: lid, saveOnPrimaryAddressbook: true }
  const saved = written('critical_unblock_low', ['contact', chat], 2, { contactAction: action }, now)
  return fullName === '' ? { ...saved, action: null } : saved
}

function written(collection: string, index: readonly string[], form: number, action: Actions, now: number): Written {
  return { collection, index, form, action: { ...action, timestamp: now } }
}

/** How a message is named: in a group with its author, unless it is ours. */
function namesOf(chat: string, message: StateMessage | null): string[] {
  const { message_id: id = '', from_me: isOurs = false, participant = null } = message ?? {}
  return [chat, id, isOurs ? '1' : '0', isOurs || participant === null ? '0' : participant]
}

function messageIn([, , id = '', fromMe, participant]: readonly string[], timestamp: number): StateMessage {
  const isNamed = participant !== undefined && participant !== '0' && participant !== ''
  return { message_id: id, from_me: fromMe === '1', participant: isNamed ? jidNormalizedUser(participant) : null, timestamp }
}

/** Up to which message something was done: so one that comes meanwhile is not archived or deleted with the others. */
function rangeOf(chat: string, last: StateMessage | null): proto.SyncActionValue.ISyncActionMessageRange {
  if (last === null) return {}
  const { message_id: id, from_me: fromMe, participant, timestamp } = last
  const key = { remoteJid: chat, id, fromMe, ...(participant === null || fromMe ? {} : { participant }) }
  return { lastMessageTimestamp: timestamp, messages: [{ key, timestamp }] }
}

function endOf(range: Range): number | null {
  return secondsOf(Number(range?.lastMessageTimestamp ?? 0)) || secondsOf(Number(range?.lastSystemMessageTimestamp ?? 0)) || null
}

/** Milliseconds since 1970; null: for ever. */
function untilOf(end: unknown): number | null {
  const until = Number(end ?? 0)
  return Number.isSafeInteger(until) && until > 0 ? until : null
}

/** What a label is called; one that is deleted or was taken away is there no more. */
function labelIn(action: proto.ISyncActionValue | null): Partial<MadeChange> {
  const { name, color, deleted } = action?.labelEditAction ?? {}
  return { name: name ?? '', color: wholeOf(color) ?? 0, on: action?.labelEditAction != null && deleted !== true }
}

function named(action: proto.ISyncActionValue | null): Partial<MadeChange> {
  const { contactAction: saved, lidContactAction: byLid } = action ?? {}
  const who = saved ?? byLid
  const name = who?.fullName || who?.firstName || who?.username
  return { name: name || '', lid: saved?.lidJid ?? null }
}
