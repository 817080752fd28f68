/** Disappearing messages: what a message says of its chat's timer, and what ours say of it. */
import { type Chat, isJidGroup, isLidUser, isPnUser, jidNormalizedUser, proto } from 'baileys'

import { type Mapping, personOf } from './addresses.ts'
import { secondsOf, wholeOf } from './limits.ts'
import { contextOf } from './references.ts'
import { unwrap } from './wrappers.ts'

/** `Timer` of the port. Times in seconds; `changed_at` and `by_me` are null where nobody says. */
export interface Timer {
  seconds: number
  changed_at: number | null
  by_me: boolean | null
  /** Of ours: the chat begins with it, since the account's new chats do. */
  of_new_chats?: boolean
}

/** Of a list of chats. */
export interface ChatTimer {
  chat: string
  timer: Timer
}

const { Initiator, Trigger } = proto.DisappearingMode
const CHANGED_LATER = { initiator: Initiator.CHANGED_IN_CHAT, trigger: Trigger.CHAT_SETTING }
const BEGUN_WITH_IT = { initiator: Initiator.INITIATED_BY_ME, trigger: Trigger.ACCOUNT_SETTING }
const { EPHEMERAL_SETTING } = proto.Message.ProtocolMessage.Type
/** What a client offers is at most 90 days; whoever writes more than ten years means for ever. */
const MAX_SECONDS = 10 * 365 * 86_400

type Part = { contextInfo?: proto.IContextInfo | null }

/** What a message says of its chat's timer; null when it does not speak of it. */
export function timerOf(message: proto.IMessage): Timer | null {
  const context = contextOf(message)
  const seconds = wholeOf(context?.expiration)
  if (context == null || seconds === null || context.expiration == null) return null
  const settled = settingOf(context.ephemeralSettingTimestamp)
  if (seconds === 0 && settled === null) return null // nothing was said: 0 is how that is written
  return timer(seconds, settled)
}

/** The timer that a message sets; null when it sets none. */
export function timerSetBy(message: proto.IMessage): Timer | null {
  const { protocolMessage } = unwrap(message)
  if (protocolMessage?.type !== EPHEMERAL_SETTING) return null
  return timer(wholeOf(protocolMessage.ephemeralExpiration) ?? 0, settingOf(protocolMessage.ephemeralSettingTimestamp))
}

/** Whether the timer of a chat is worth telling: that it has one, or that a person is in it and its messages stay. */
export function isTimed({ id, ephemeralExpiration }: Chat): boolean {
  return Boolean(id) && ((ephemeralExpiration ?? 0) > 0 || isPnUser(id ?? '') === true || isLidUser(id ?? '') === true)
}

/** The timers of the chats of a history; a chat without one is named as it stands there. */
export function timersIn(chats: readonly Chat[], mapping: Mapping): Promise<ChatTimer[]> {
  return Promise.all(
    chats.filter(isTimed).map(async ({ id, ephemeralExpiration: expiration, ephemeralSettingTimestamp: at }) => {
      const jid = id ?? ''
      const seconds = wholeOf(expiration) ?? 0
      if (seconds > 0) return { chat: await chatOf(jid, mapping), timer: timer(seconds, settingOf(at)) }
      return { chat: jidNormalizedUser(jid), timer: timer(0, null) }
    })
  )
}

async function chatOf(jid: string, mapping: Mapping): Promise<string> {
  if (isJidGroup(jid) === true) return jid
  const { pn, lid } = await personOf(jid, undefined, mapping)
  return pn ?? lid ?? jidNormalizedUser(jid)
}

function timer(seconds: number, changed_at: number | null): Timer {
  return { seconds: Math.min(seconds, MAX_SECONDS), changed_at, by_me: null }
}

/** When it was set; null when nobody says. Some clients write milliseconds. */
function settingOf(at: unknown): number | null {
  const seconds = secondsOf(at)
  return seconds > 0 ? seconds : null
}

/** The message that sets the timer of a chat with a person. */
export function timerSetting({ seconds, changed_at }: Timer): proto.IMessage {
  return {
    protocolMessage: {
      type: EPHEMERAL_SETTING,
      ephemeralExpiration: seconds,
      ephemeralSettingTimestamp: changed_at,
      disappearingMode: { ...CHANGED_LATER, initiatedByMe: true }
    }
  }
}

/** Marks a message of ours to disappear as its chat's messages do. What only changes another cannot disappear. */
export function disappearing(built: proto.IMessage, { seconds, changed_at, by_me, of_new_chats }: Timer): proto.IMessage {
  if (seconds === 0) return built
  const message = proto.Message.decode(proto.Message.encode(built).finish()) // then each part knows which fields it has
  const inner = unwrap(message)
  if (inner.conversation) {
    inner.extendedTextMessage = proto.Message.ExtendedTextMessage.create({ text: inner.conversation })
    inner.conversation = null
  }
  const reason = of_new_chats === true ? BEGUN_WITH_IT : CHANGED_LATER
  const mode = by_me === null ? {} : { initiatedByMe: by_me }
  for (const part of Object.values(inner) as (Part | null | undefined)[]) {
    if (typeof part !== 'object' || part === null || !('contextInfo' in part)) continue
    part.contextInfo = {
      ...part.contextInfo,
      expiration: seconds,
      ...(changed_at === null ? {} : { ephemeralSettingTimestamp: changed_at }),
      disappearingMode: { ...reason, ...mode }
    }
  }
  return message
}
