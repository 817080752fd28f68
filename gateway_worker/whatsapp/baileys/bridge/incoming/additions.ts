/** What the phone keeps of others' doing beside a message of its history: reactions, votes, answers, a pin, that it is kept. */
import { type Contact, isJidGroup, jidNormalizedUser, proto } from 'baileys'

import type { Entry } from '../signal/commit.ts'
import type { Mapping } from '../words/addresses.ts'
import { idOf, isId, isJid, jidOf, secondsOf } from '../words/limits.ts'
import { withSecret } from '../words/secrets.ts'
import { type Change, type Happening, responseOf } from './changes.ts'
import { describeChange, type Envelope, envelopeOf } from './description.ts'
import { chosenOf } from './polls.ts'

type Key = proto.IMessageKey | null | undefined
/** As protobuf reads large numbers. */
type Time = unknown

/** A change, and whose it is. */
export interface Addition {
  envelope: Envelope
  change: Change
}

/** Of one message: as many as a group has members. */
const MAX_ADDITIONS = 1_024

/** All of them that can be read, and of whom it is known who did it. */
export function additionsTo(info: proto.IWebMessageInfo, me: Contact): Addition[] {
  if (!isId(info.key?.id) || !info.key.remoteJid || info.message == null) return []
  const found = [...reactionsTo(info), ...votesIn(info), ...answersTo(info), ...standingOf(info)].slice(0, MAX_ADDITIONS)
  return found.flatMap(({ by, ms, doing }) => additionBy(info, by, ms, doing, me) ?? [])
}

/** As an entry of the history. Nothing of it was ever encrypted by itself: it has no plaintext. */
export async function entryOfAddition({ envelope, change }: Addition, mapping: Mapping): Promise<Entry> {
  const { id, chat, author } = envelope
  const key = { chat: jidOf(chat), sender: jidOf(author), message_id: idOf(id), index: 0 }
  return { key, plaintext: new Uint8Array(), message: await describeChange(envelope, change, mapping) }
}

interface Found {
  by: Key
  ms: Time
  doing: Happening
}

function reactionsTo({ reactions }: proto.IWebMessageInfo): Found[] {
  return (reactions ?? []).slice(0, MAX_ADDITIONS).map(({ key, text, senderTimestampMs }) => {
    return { by: key, ms: senderTimestampMs, doing: { kind: 'reacted', emoji: text ?? '' } }
  })
}

function votesIn(info: proto.IWebMessageInfo): Found[] {
  const poll = { message: withSecret(info), options: [] }
  return (info.pollUpdates ?? []).slice(0, MAX_ADDITIONS).map(({ pollUpdateMessageKey: by, vote, senderTimestampMs: ms }) => {
    return { by, ms, doing: { kind: 'voted', ...chosenOf(vote ?? {}, poll) } }
  })
}

function answersTo({ eventResponses }: proto.IWebMessageInfo): Found[] {
  return (eventResponses ?? [])
    .slice(0, MAX_ADDITIONS)
    .flatMap(({ eventResponseMessageKey: by, timestampMs: ms, eventResponseMessage }) => {
      const doing = eventResponseMessage == null ? 'nothing' : responseOf(eventResponseMessage)
      return doing === 'nothing' ? [] : [{ by, ms, doing }]
    })
}

const PINS = proto.PinInChat.Type

/** Who has pinned or kept it is not always said; the message's own key says nothing of that. */
function standingOf(info: proto.IWebMessageInfo): Found[] {
  const { pinInChat: pin, keepInChat: keep, key } = info
  const byWhom = (said: Key): Key => (said != null && said.id !== key?.id ? said : { ...key, id: null })
  const isPinned = pin?.type === PINS.PIN_FOR_ALL
  const seconds = pin?.messageAddOnContextInfo?.messageAddOnDurationInSecs ?? null
  const pinned: Happening = { kind: 'pinned', pinned: true, seconds }
  const by = keep?.deviceJid ? { remoteJid: key?.remoteJid ?? null, participant: keep.deviceJid } : byWhom(keep?.key)
  const isKept = keep?.keepType === proto.KeepType.KEEP_FOR_ALL
  return [
    ...(pin != null && isPinned ? [{ by: byWhom(pin.key), ms: pin.senderTimestampMs, doing: pinned }] : []),
    ...(keep != null && isKept ? [{ by, ms: keep.clientTimestampMs, doing: { kind: 'kept' as const, kept: true } }] : [])
  ]
}

const MS = 1_000

function additionBy(info: proto.IWebMessageInfo, by: Key, ms: Time, doing: Happening, me: Contact): Addition | null {
  const wrote = envelopeOf(info, me)
  const isMine = by?.fromMe === true
  const named = by?.participant ?? (isJidGroup(wrote.chat) === true ? null : (by?.remoteJid ?? null))
  if (!isMine && !isJid(named)) return null
  const doer = isMine ? me.id : jidNormalizedUser(named ?? '')
  // The same each time the part comes
  const id = isId(by?.id) && by.id !== wrote.id ? by.id : idOf(`${doing.kind} ${wrote.id} ${doer}`)
  const author = wrote.fromMe ? '' : jidNormalizedUser(wrote.author)
  return {
    envelope: {
      ...wrote,
      id,
      author: doer,
      authorAlternative: isMine ? me.lid : undefined,
      fromMe: isMine,
      pushName: undefined,
      verifiedName: undefined,
      timestamp: secondsOf(Number(ms ?? 0) / MS) || wrote.timestamp
    },
    change: { about: wrote.id, author, by_admin: false, ...doing } as Change
  }
}
