/**
 * What WhatsApp tells of groups. A notification is kept from Baileys, and so from its acknowledgement, until the owner
 * has stored it. Where somebody left, our sender key is renewed before.
 */
import {
  areJidsSameUser,
  type BinaryNode,
  type Contact,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  getBinaryNodeChildString,
  isJidGroup,
  jidNormalizedUser,
  type WASocket
} from 'baileys'

import { type Mapping, personOf } from '../words/addresses.ts'
import type { Facts } from '../channel/facts.ts'
import type { GroupChange, GroupFact, PeopleChange, SettingsChange } from '../channel/payloads.ts'
import { ALL_ADD, methodOf, type Person, personOf as knownPerson } from './groups.ts'
import { MAX_PEOPLE, secondsOf } from '../words/limits.ts'

export interface GroupNotificationsParts {
  socket: WASocket
  facts: Facts
  me: () => Contact | undefined
  renewSenderKey: (group: string) => Promise<void>
}

const GROUP = 'w:gp2'
const PICTURE = 'picture'
const PEOPLE = new Set(['add', 'remove', 'leave', 'promote', 'demote'])
/** Somebody asks to come in, or asks no longer. */
const REQUESTS = new Set(['created_membership_requests', 'revoked_membership_requests'])
const GONE = new Set(['remove', 'leave'])
const JOINED = new Set(['invite', 'linked_group_join'])
/** Of one notification; and of its people, some of whom may have no address. */
const MAX_CHANGES = 32
const MAX_LOOKED_AT = 2 * MAX_PEOPLE
/** People described between two turns of the event loop. */
const SLICE = 128

export class GroupNotifications {
  readonly #parts: GroupNotificationsParts
  #notified: Promise<unknown> = Promise.resolve()

  constructor(parts: GroupNotificationsParts) {
    this.#parts = parts
  }

  /** Takes a notification about a group; answers whether it is one. */
  takeNotification(stanza: BinaryNode, pass: () => void): boolean {
    if (!isGroupNotification(stanza)) return false
    const { socket, facts, me, renewSenderKey } = this.#parts
    const notify = async (): Promise<void> => {
      const { lidMapping } = socket.signalRepository
      // Who has another number is described first: its LID still leads to the old one
      const renumbering = isRenumbering(stanza) ? await groupNotificationOf(stanza, me(), lidMapping) : null
      const pairs = await pairsOf(stanza)
      for (let start = 0; start < pairs.length; start += SLICE) await lidMapping.storeLIDPNMappings(pairs.slice(start, start + SLICE))
      const fact = renumbering ?? (await groupNotificationOf(stanza, me(), lidMapping))
      if (fact === null) return pass()
      if (fact.changes.some((each) => each.kind === 'people' && GONE.has(each.action))) await renewSenderKey(fact.group)
      void facts.notify(fact).then((isStored) => isStored && pass())
    }
    // What cannot be described is Baileys' to answer: else it came again after every reconnect
    this.#notified = this.#notified.then(notify).catch(pass)
    return true
  }
}

function isGroupNotification({ attrs }: BinaryNode): boolean {
  return (attrs['type'] === GROUP || attrs['type'] === PICTURE) && isJidGroup(attrs['from'] ?? '') === true
}

function isRenumbering({ content }: BinaryNode): boolean {
  return Array.isArray(content) && content.some(({ tag }) => tag === 'modify')
}

/** A notification about a group, as `GroupNotifications` of the port; null when it says nothing. */
export async function groupNotificationOf(stanza: BinaryNode, me: Contact | undefined, mapping: Mapping): Promise<GroupFact | null> {
  const { attrs, content } = stanza
  const { id, from, t, notify } = attrs
  if (id === undefined || from === undefined) return null
  const children = Array.isArray(content) ? content : []
  const author = attrs['participant'] ?? children.find((child) => child.attrs['author'])?.attrs['author']
  const by = author === undefined ? null : await personOf(author, attrs['participant_pn'], mapping)
  const own = new Set([me?.id, me?.lid].map((jid) => jidNormalizedUser(jid)))
  const isMe = ({ jid, lid }: Person): boolean => own.has(jidNormalizedUser(jid)) || (lid !== null && own.has(lid))
  const changes: GroupChange[] = []
  for (const child of children.slice(0, MAX_CHANGES)) {
    changes.push(attrs['type'] === PICTURE ? pictureOf(child) : await changeIn(child, [author, by?.pn, by?.lid], isMe))
  }
  if (changes.length === 0) return null
  return {
    fact: 'group',
    id,
    group: from,
    by: by === null ? null : knownPerson([by.pn, by.lid, author]),
    push_name: notify ?? null,
    timestamp: secondsOf(t),
    changes
  }
}

async function changeIn(
  child: BinaryNode,
  author: readonly (string | undefined)[],
  isMe: (person: Person) => boolean
): Promise<GroupChange> {
  const { tag, attrs } = child
  if (tag === 'create') {
    const group = getBinaryNodeChild(child, 'group')
    const people = await peopleOf(group)
    const action = JOINED.has(attrs['reason'] ?? '') ? 'join' : 'add'
    return { kind: 'people', action, people, includes_me: true, subject: group?.attrs['subject'] ?? null }
  }
  if (REQUESTS.has(tag)) return { kind: 'people', includes_me: false, subject: null, ...(await requestOf(child, author)) }
  if (tag === 'modify') return { kind: 'people', action: tag, includes_me: false, subject: null, ...(await renumbered(child, author)) }
  if (PEOPLE.has(tag)) {
    const people = await peopleOf(child)
    const includes_me = people.some(isMe)
    return { kind: 'people', action: actionOf(child, people, author), people, includes_me, subject: null }
  }
  return { kind: 'changed', ...changesOf(child) }
}

/** Who adds themselves joined, who removes themselves left. */
function actionOf({ tag, attrs }: BinaryNode, people: readonly Person[], author: readonly (string | undefined)[]): string {
  if (tag === 'add') return JOINED.has(attrs['reason'] ?? '') ? 'join' : 'add'
  const [person] = people
  const bySelf =
    people.length === 1 && author.some((jid) => [person?.jid, person?.lid ?? undefined].some((own) => areJidsSameUser(jid, own)))
  return tag === 'remove' && bySelf ? 'leave' : tag
}

type Author = readonly (string | undefined)[]

/** Who asks: those who are named, else whoever made the notification. Who withdraws for others turns them down. */
async function requestOf(child: BinaryNode, author: Author): Promise<Pick<PeopleChange, 'action' | 'people' | 'method'>> {
  const named = [...getBinaryNodeChildren(child, 'requested_user'), ...getBinaryNodeChildren(child, 'participant')]
  const people = named.length > 0 ? await addressedEach(named) : [knownPerson(author)]
  if (child.tag === 'created_membership_requests') return { action: 'request', people, method: methodOf(child.attrs['request_method']) }
  const isOwn =
    people.length === 1 &&
    people.some(({ jid, lid }) => author.some((by) => areJidsSameUser(by, jid) || areJidsSameUser(by, lid ?? undefined)))
  return { action: isOwn ? 'withdraw' : 'reject', people, method: null }
}

/** Somebody has another number: WhatsApp names the old one as the author. */
async function renumbered(child: BinaryNode, author: Author): Promise<Pick<PeopleChange, 'people' | 'previous'>> {
  return { people: await peopleOf(child), previous: author.some((jid) => jid !== undefined) ? knownPerson(author) : null }
}

/** A slice of the event loop at a time. */
async function addressedEach(nodes: readonly BinaryNode[]): Promise<Person[]> {
  const people: Person[] = []
  for (const node of nodes.slice(0, MAX_LOOKED_AT)) {
    people.push(addressed(node))
    if (people.length % SLICE === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return people
}

function addressed({ attrs }: BinaryNode): Person {
  return knownPerson([attrs['jid'], attrs['phone_number'], attrs['lid']])
}

function changesOf(child: BinaryNode): Omit<SettingsChange, 'kind'> {
  const { tag, attrs } = child
  switch (tag) {
    case 'subject':
      return { subject: attrs['subject'] ?? '' }
    case 'description':
      return { description: getBinaryNodeChildString(child, 'body') ?? '' }
    case 'announcement':
    case 'not_announcement':
      return { announcement: tag === 'announcement' }
    case 'locked':
    case 'unlocked':
      return { locked: tag === 'locked' }
    case 'ephemeral':
    case 'not_ephemeral':
      return { disappearing: tag === 'ephemeral' ? secondsOf(attrs['expiration']) : 0 }
    case 'membership_approval_mode':
      return { join_approval: getBinaryNodeChild(child, 'group_join')?.attrs['state'] !== 'off' }
    case 'member_add_mode':
      return { members_add: Buffer.from((child.content as Uint8Array | undefined) ?? []).toString() === ALL_ADD }
    case 'invite':
      return { invite_code: attrs['code'] ?? null }
    default:
      return { whatsapp_type: tag }
  }
}

function pictureOf({ tag }: BinaryNode): GroupChange {
  return { kind: 'changed', picture: tag === 'delete' ? 'removed' : 'changed' }
}

function participantsOf(node: BinaryNode | undefined): BinaryNode[] {
  return getBinaryNodeChildren(node, 'participant').filter(({ attrs }) => attrs['jid'] !== undefined && attrs['error'] === undefined)
}

function peopleOf(node: BinaryNode | undefined): Promise<Person[]> {
  return addressedEach(participantsOf(node))
}

/** Which LID belongs to which number, as the notification says. */
async function pairsOf({ content }: BinaryNode): Promise<{ lid: string; pn: string }[]> {
  const children = Array.isArray(content) ? content.slice(0, MAX_CHANGES) : []
  const nodes = children.flatMap((child) => [child, ...getBinaryNodeChildren(child, 'group')])
  const people = await addressedEach(nodes.flatMap(participantsOf))
  return people.flatMap(({ jid, lid, phone }) => (lid === null || phone === null ? [] : [{ lid, pn: jid }]))
}
