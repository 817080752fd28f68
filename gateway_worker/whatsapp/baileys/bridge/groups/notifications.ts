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
  type WASocket
} from 'baileys'

import { type Mapping, personOf } from '../words/addresses.ts'
import type { Facts } from '../channel/facts.ts'
import type { GroupChange, GroupFact, PeopleChange, SettingsChange } from '../channel/payloads.ts'
import { ALL_ADD, methodOf, type Person, personOf as knownPerson } from './groups.ts'
import { secondsOf } from '../words/limits.ts'

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
      await lidMapping.storeLIDPNMappings(pairsOf(stanza))
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
  const isMe = (jid: string | undefined): boolean => [me?.id, me?.lid].some((own) => areJidsSameUser(jid, own))
  const changes = children.map((child) => (attrs['type'] === PICTURE ? pictureOf(child) : changeIn(child, [author, by?.pn, by?.lid], isMe)))
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

function changeIn(child: BinaryNode, author: readonly (string | undefined)[], isMe: (jid: string | undefined) => boolean): GroupChange {
  const { tag, attrs } = child
  if (tag === 'create') {
    const group = getBinaryNodeChild(child, 'group')
    const people = peopleOf(group)
    const action = JOINED.has(attrs['reason'] ?? '') ? 'join' : 'add'
    return { kind: 'people', action, people, includes_me: true, subject: group?.attrs['subject'] ?? null }
  }
  if (REQUESTS.has(tag)) return { kind: 'people', includes_me: false, subject: null, ...requestOf(child, author) }
  if (tag === 'modify') return { kind: 'people', action: tag, includes_me: false, subject: null, ...renumbered(child, author) }
  if (PEOPLE.has(tag)) {
    const people = peopleOf(child)
    const includes_me = people.some(({ jid, lid }) => isMe(jid) || isMe(lid ?? undefined))
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
function requestOf(child: BinaryNode, author: Author): Pick<PeopleChange, 'action' | 'people' | 'method'> {
  const named = [...getBinaryNodeChildren(child, 'requested_user'), ...getBinaryNodeChildren(child, 'participant')]
  const people = named.length > 0 ? named.map(addressed) : [knownPerson(author)]
  if (child.tag === 'created_membership_requests') return { action: 'request', people, method: methodOf(child.attrs['request_method']) }
  const isOwn =
    people.length === 1 &&
    people.some(({ jid, lid }) => author.some((by) => areJidsSameUser(by, jid) || areJidsSameUser(by, lid ?? undefined)))
  return { action: isOwn ? 'withdraw' : 'reject', people, method: null }
}

/** Somebody has another number: WhatsApp names the old one as the author. */
function renumbered(child: BinaryNode, author: Author): Pick<PeopleChange, 'people' | 'previous'> {
  return { people: participantsOf(child).map(addressed), previous: author.some((jid) => jid !== undefined) ? knownPerson(author) : null }
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

function peopleOf(node: BinaryNode | undefined): Person[] {
  return participantsOf(node).map(addressed)
}

/** Which LID belongs to which number, as the notification says. */
function pairsOf({ content }: BinaryNode): { lid: string; pn: string }[] {
  const children = Array.isArray(content) ? content : []
  const nodes = children.flatMap((child) => [child, ...getBinaryNodeChildren(child, 'group')])
  return nodes.flatMap(peopleOf).flatMap(({ jid, lid, phone }) => (lid === null || phone === null ? [] : [{ lid, pn: jid }]))
}
