/** Receipt stanzas for our messages, as `ReceiptArrived` of the port. */
import { areJidsSameUser, type BinaryNode, type Contact, isJidGroup, isJidStatusBroadcast, jidNormalizedUser } from 'baileys'

import type { ReceiptFact } from '../channel/payloads.ts'
import { type Mapping, personOf } from '../words/addresses.ts'
import { isId, secondsOf } from '../words/limits.ts'

/** By the `type` attribute; none means delivered. `inactive`, `sender`, `retry` … say nothing a backend could use. */
const KINDS = new Map<string, ReceiptFact['kind']>([
  ['', 'delivered'],
  ['delivery', 'delivered'],
  ['read', 'read'],
  ['played', 'played']
])
/** Of another device of ours: somebody has read there what others wrote. */
const ELSEWHERE = new Set(['read', 'read-self', 'played', 'played-self'])

/** Of one stanza: more than WhatsApp's clients confirm at once. */
const MAX_IDS = 4_096

export type Receipt = Omit<ReceiptFact, 'fact'>

/** Tells a receipt of another person from those between our own devices, which are not told. */
export async function receiptOf(stanza: BinaryNode, me: Contact, mapping: Mapping): Promise<Receipt | null> {
  const { attrs, content } = stanza
  const { id, from, participant, t } = attrs
  if (id === undefined || from === undefined || isJidStatusBroadcast(from)) return null
  const isGroup = isJidGroup(from) === true
  const who = isGroup ? participant : from
  if (who === undefined) return null
  if (areJidsSameUser(who, me.id) || areJidsSameUser(who, me.lid)) return readElsewhere(stanza, isGroup, mapping)
  const kind = KINDS.get(attrs['type'] ?? '')
  if (kind === undefined) return null
  const person = await personOf(who, attrs['participant_pn'] ?? attrs['sender_pn'], mapping)
  const address = person.pn ?? person.lid ?? jidNormalizedUser(who)
  // No message of ours has an id that is none
  const message_ids = [id, ...furtherIds(content)].filter(isId)
  if (message_ids.length === 0) return null
  return { message_ids, chat: isGroup ? from : address, kind, timestamp: secondsOf(t), participant: isGroup ? address : null }
}

/** Who wrote them is told to all; in a chat with a person the receipt names the chat apart. */
async function readElsewhere({ attrs, content }: BinaryNode, isGroup: boolean, mapping: Mapping): Promise<Receipt | null> {
  const { id = '', from = '', recipient, type = '', t } = attrs
  const named = isGroup ? from : recipient
  const message_ids = [id, ...furtherIds(content)].filter(isId)
  if (!ELSEWHERE.has(type) || named === undefined || message_ids.length === 0) return null
  const { pn, lid } = isGroup ? { pn: undefined, lid: undefined } : await personOf(named, undefined, mapping)
  return { message_ids, chat: pn ?? lid ?? named, kind: 'read_elsewhere', timestamp: secondsOf(t), participant: null }
}

function furtherIds(content: BinaryNode['content']): string[] {
  const list = Array.isArray(content) ? content.find((child) => child.tag === 'list')?.content : undefined
  return Array.isArray(list) ? list.slice(0, MAX_IDS).flatMap(({ attrs: { id } }) => (id === undefined ? [] : [id])) : []
}
