/**
 * What others do, apart from messages: they call, they type, they come and go, they look different.
 *
 * A call is kept from Baileys, and so from its acknowledgement, until the owner has stored it; so is what is told of a
 * person. Presence is told as it comes, and left out while the owner does not follow: the next one says how things are.
 */
import { type BinaryNode, type Contact, isJidBroadcast, isJidGroup, isJidNewsletter, jidNormalizedUser, type WASocket } from 'baileys'

import { type Mapping, personOf, phoneOf } from '../words/addresses.ts'
import { answered } from '../people/asking.ts'
import { contactReportOf, isContactReport } from '../people/contact-reports.ts'
import type { Facts } from '../channel/facts.ts'
import type { CallEndedFact, CallFact, Fact, Person, PresenceFact } from '../channel/payloads.ts'
import { secondsOf, wholeOf } from '../words/limits.ts'

export interface CallsAndPresenceParts {
  socket: WASocket
  facts: Facts
  me: () => Contact | undefined
  /** Whether this session declines calls. */
  rejectsCalls: boolean
}

const MAX_UNANSWERED_PRESENCE = 100
const MILLISECONDS = 1_000
/** Why a call rings no longer, in WhatsApp's words; all others say that nobody took it. */
const OUTCOMES: Record<string, CallEndedFact['outcome']> = { accepted_elsewhere: 'answered', rejected_elsewhere: 'rejected' }
const OFFERS = new Set(['offer', 'offer_notice'])

export class CallsAndPresence {
  readonly #parts: CallsAndPresenceParts
  #notified: Promise<unknown> = Promise.resolve()

  constructor(parts: CallsAndPresenceParts) {
    this.#parts = parts
  }

  /** Takes whatever is said about a call. */
  takeCall(stanza: BinaryNode, pass: () => void): void {
    const { rejectsCalls } = this.#parts
    this.#keep(async (mapping) => (await callOf(stanza, mapping, rejectsCalls)) ?? (await callEndOf(stanza, mapping)), pass)
  }

  /** Declines a call; resolves once that is told. */
  async reject(callId: string, creator: string): Promise<void> {
    const { socket, facts } = this.#parts
    await answered(() => socket.rejectCall(callId, creator).then(() => true))
    const caller = await callerOf(creator, undefined, socket.signalRepository.lidMapping)
    const timestamp = secondsOf(Date.now() / MILLISECONDS)
    await facts.notify({ fact: 'call_ended', call_id: callId, caller, group: null, outcome: 'rejected', seconds: null, timestamp })
  }

  /** Takes a notification about a person; answers whether it is one. */
  takeNotification(stanza: BinaryNode, pass: () => void): boolean {
    const isTaken = isContactReport(stanza)
    if (isTaken) this.#keep((mapping) => contactReportOf(stanza, this.#parts.me(), mapping), pass)
    return isTaken
  }

  /** Tells what a stanza says, in order, and hands it on once that is stored; a stanza that says nothing at once. */
  #keep(describe: (mapping: Mapping) => Promise<Fact | null>, pass: () => void): void {
    const { socket, facts } = this.#parts
    const notify = async (): Promise<void> => {
      const fact = await describe(socket.signalRepository.lidMapping)
      if (fact === null) pass()
      else void facts.notify(fact).then((isStored) => isStored && pass())
    }
    // What cannot be described is Baileys' to answer: else it came again after every reconnect
    this.#notified = this.#notified.then(notify).catch(pass)
  }

  /** Looks at somebody's presence, or at what happens in a chat. */
  notePresence(stanza: BinaryNode): void {
    const { socket, facts } = this.#parts
    const notify = async (): Promise<void> => {
      if (facts.unanswered > MAX_UNANSWERED_PRESENCE) return
      const fact = await presenceOf(stanza, socket.signalRepository.lidMapping)
      if (fact !== null) void facts.notify(fact)
    }
    this.#notified = this.#notified.then(notify).catch(() => undefined) // nothing of it is kept
  }
}

/** A call that begins, as `CallArrived` of the port; null for all that follows in it. */
export async function callOf({ attrs, content }: BinaryNode, mapping: Mapping, rejectsCalls: boolean): Promise<CallFact | null> {
  const [offer] = Array.isArray(content) ? content : []
  const id = offer?.attrs['call-id']
  const from = offer?.attrs['from'] ?? offer?.attrs['call-creator'] ?? attrs['from']
  if (offer === undefined || !OFFERS.has(offer.tag) || id === undefined || from === undefined) return null
  const media = Array.isArray(offer.content) ? offer.content.map(({ tag }) => tag) : []
  return {
    fact: 'call',
    call_id: id,
    caller: await callerOf(from, offer.attrs['caller_pn'], mapping),
    is_video: media.includes('video'),
    group: offer.attrs['group-jid'] ?? null,
    is_rejected: rejectsCalls && attrs['offline'] === undefined,
    timestamp: secondsOf(attrs['t']),
    creator: jidNormalizedUser(offer.attrs['call-creator'] ?? from)
  }
}

/** A call that rings no longer, as `CallEnded` of the port; null for whatever else is said of one. */
export async function callEndOf({ attrs, content }: BinaryNode, mapping: Mapping): Promise<CallEndedFact | null> {
  const [end] = Array.isArray(content) ? content : []
  const id = end?.attrs['call-id']
  const from = end?.attrs['call-creator'] ?? attrs['from']
  if (end?.tag !== 'terminate' || id === undefined || from === undefined) return null
  return {
    fact: 'call_ended',
    call_id: id,
    caller: await callerOf(from, end.attrs['caller_pn'], mapping),
    group: end.attrs['group-jid'] ?? null,
    outcome: OUTCOMES[end.attrs['reason'] ?? ''] ?? 'missed',
    seconds: wholeOf(end.attrs['duration']),
    timestamp: secondsOf(attrs['t'])
  }
}

async function callerOf(from: string, number: string | undefined, mapping: Mapping): Promise<Person> {
  const { pn, lid } = await personOf(from, number, mapping)
  return { jid: pn ?? lid ?? jidNormalizedUser(from), lid: lid ?? null, phone: phoneOf(pn) }
}

/** Presence or a chat's state, as `PresenceChanged` of the port; null when it says nothing. */
export async function presenceOf({ tag, attrs, content }: BinaryNode, mapping: Mapping): Promise<PresenceFact | null> {
  const { from, participant, last } = attrs
  if (from === undefined || isJidBroadcast(from) || isJidNewsletter(from)) return null
  const state = tag === 'presence' ? presenceState(attrs) : chatState(content)
  if (state === null) return null
  const isGroup = isJidGroup(from) === true
  if (isGroup && participant === undefined) return null // how many are online
  const person = await personOf(participant ?? from, attrs['participant_pn'], mapping)
  const address = person.pn ?? person.lid ?? jidNormalizedUser(participant ?? from)
  const seen = secondsOf(last)
  return {
    fact: 'presence',
    chat: isGroup ? from : address,
    participant: isGroup ? address : null,
    state,
    last_seen: state === 'unavailable' && seen > 0 ? seen : null
  }
}

function presenceState({ type }: Record<string, string | undefined>): string | null {
  if (type === undefined || type === 'available') return 'available'
  return type === 'unavailable' ? 'unavailable' : null
}

function chatState(content: BinaryNode['content']): string | null {
  const [child] = Array.isArray(content) ? content : []
  if (child?.tag === 'paused') return 'paused'
  if (child?.tag !== 'composing') return null
  return child.attrs['media'] === 'audio' ? 'recording' : 'typing'
}
