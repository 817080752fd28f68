/** Messages that are no words of their sender's alone: events, albums, invitations, payments, results, answers of an AI. */
import { proto } from 'baileys'

import { wholeOf } from './limits.ts'
import { jsonReader, listOf, type Line, moneyOf, objectOf, firstText, textOf } from './offers.ts'

export interface EventContent {
  kind: 'event'
  name: string
  description: string | null
  starts_at: number | null
  ends_at: number | null
  place: { latitude: number | null; longitude: number | null; name: string | null; address: string | null } | null
  join_link: string | null
  cancelled: boolean
}

/** How many pictures and videos follow, each a message of its own that names this one. */
export interface AlbumContent {
  kind: 'album'
  images: number
  videos: number
}

/** To a group or a channel; its code, where one is needed. */
export interface Invite {
  chat: string | null
  name: string | null
  code: string | null
  expires_at: number | null
}

export interface NoticeText {
  kind: 'text'
  text: string
  invite?: Invite
}

const MAX_LINES = 64
const THOUSANDTHS = 1_000
const MILLISECONDS = 1_000

/** What is ahead: an event, or a call that was arranged. */
export function eventOf(message: proto.IMessage): EventContent | null {
  const { eventMessage: event, scheduledCallCreationMessage: call } = message
  const { eventInviteMessage: invite } = message as { eventInviteMessage?: Record<string, unknown> | null }
  if (event != null) return ofEvent(event)
  if (call != null)
    return { ...NO_EVENT, name: call.title ?? '', starts_at: Math.trunc(Number(call.scheduledTimestampMs ?? 0) / MILLISECONDS) }
  if (!invite?.['eventTitle']) return null
  const { startTime, endTime, isCanceled } = invite
  const [name, description, join_link] = [
    firstText(invite['eventTitle']) ?? '',
    firstText(invite['caption']),
    firstText(invite['callLink'])
  ]
  return {
    ...NO_EVENT,
    name,
    description,
    join_link,
    starts_at: wholeOf(startTime),
    ends_at: wholeOf(endTime),
    cancelled: isCanceled === true
  }
}

const NO_EVENT: EventContent = {
  kind: 'event',
  name: '',
  description: null,
  starts_at: null,
  ends_at: null,
  place: null,
  join_link: null,
  cancelled: false
}

function ofEvent({ name, description, startTime, endTime, location, joinLink, isCanceled }: proto.Message.IEventMessage): EventContent {
  const { degreesLatitude: latitude = null, degreesLongitude: longitude = null } = location ?? {}
  return {
    kind: 'event',
    name: name ?? '',
    description: description || null,
    starts_at: wholeOf(startTime),
    ends_at: wholeOf(endTime),
    place: location == null ? null : { latitude, longitude, name: location.name || null, address: location.address || null },
    join_link: joinLink || null,
    cancelled: isCanceled === true
  }
}

export function albumOf({ albumMessage: album }: proto.IMessage): AlbumContent | null {
  return album == null ? null : { kind: 'album', images: album.expectedImageCount ?? 0, videos: album.expectedVideoCount ?? 0 }
}

/** What else is told as a text; null when there is none. */
export function noticeOf(message: proto.IMessage): NoticeText | null {
  const invite = inviteOf(message)
  if (invite !== null) return invite
  const text = textOf([
    ...paymentLines(message),
    ...resultLines(message),
    ...answerLines(message),
    ...packLines(message),
    ...aiLines(message)
  ])
  return text === '' ? null : { kind: 'text', text }
}

function inviteOf(message: proto.IMessage): NoticeText | null {
  const { groupInviteMessage: group, newsletterAdminInviteMessage: admin, newsletterFollowerInviteMessageV2: follower } = message
  const channel = admin ?? follower
  if (group == null && channel == null) return null
  const name = group?.groupName ?? channel?.newsletterName ?? null
  const invite: Invite = {
    chat: group?.groupJid ?? channel?.newsletterJid ?? null,
    name,
    code: group?.inviteCode ?? null,
    expires_at: wholeOf(group?.inviteExpiration ?? admin?.inviteExpiration)
  }
  const text = textOf([name, group?.caption ?? channel?.caption])
  return text === '' && !invite.chat && !invite.code ? null : { kind: 'text', text, invite } // to nowhere
}

/** Notes that go with money, and how much it is. */
function paymentLines(message: proto.IMessage): Line[] {
  const { sendPaymentMessage: sent, requestPaymentMessage: request, invoiceMessage: invoice } = message
  const { splitPaymentMessage: split, paymentReminderMessage: reminder } = message as Record<string, Record<string, unknown> | null>
  const amount = request?.amount
  return [
    request &&
      (moneyOf(request.amount1000, THOUSANDTHS, request.currencyCodeIso4217) ??
        moneyOf(amount?.value, amount?.offset || 1, amount?.currencyCode)),
    wordsOf(sent?.noteMessage ?? request?.noteMessage),
    invoice?.note,
    ...[split, reminder].flatMap((each) => {
      const { value, offset, currencyCode } = objectOf(each?.['totalAmount'] ?? each?.['amount'])
      return [moneyOf(value, Number(offset) || 1, firstText(currencyCode)), firstText(each?.['description'])]
    })
  ]
}

function wordsOf(message: proto.IMessage | null | undefined): Line {
  return message?.extendedTextMessage?.text ?? message?.conversation
}

function resultLines(message: proto.IMessage): Line[] {
  const result = message.pollResultSnapshotMessage ?? message.pollResultSnapshotMessageV3
  const votes = (result?.pollVotes ?? []).slice(0, MAX_LINES)
  return [result?.name, ...votes.map(({ optionName, optionVoteCount }) => `${optionName ?? ''}: ${Number(optionVoteCount ?? 0)}`)]
}

/** Answers to a question; which one, `references.ts` says. */
function answerLines({ questionResponseMessage, statusQuestionAnswerMessage, statusQuotedMessage }: proto.IMessage): Line[] {
  return [questionResponseMessage?.text, statusQuestionAnswerMessage?.text, statusQuotedMessage?.text]
}

function packLines({ stickerPackMessage: pack }: proto.IMessage): Line[] {
  return [pack?.name, pack?.publisher, pack?.packDescription, pack?.caption]
}

function aiLines({ richResponseMessage: response }: proto.IMessage): Line[] {
  const parts = (response?.submessages ?? [])
    .slice(0, MAX_LINES)
    .flatMap(({ messageText, codeMetadata: code, tableMetadata: table, latexMetadata: latex }) => [
      messageText,
      (code?.codeBlocks ?? []).map(({ codeContent }) => codeContent ?? '').join(''),
      table?.title,
      ...(table?.rows ?? []).slice(0, MAX_LINES).map(({ items }) => (items ?? []).join(' | ')),
      latex?.text
    ])
  return textOf(parts) === '' ? unifiedLines(response?.unifiedResponse?.data) : parts
}

/** Newer ones say the same as JSON. */
function unifiedLines(data: Uint8Array | null | undefined): Line[] {
  const json = jsonReader()(data == null ? null : Buffer.from(data).toString())
  return listOf(json['sections']).map((section) => firstText(objectOf(objectOf(section['view_model'])['primitive'])['text']))
}
