/** What is asked of WhatsApp about groups. Each answer is told in the port's words; JIDs are without a device number. */
import {
  areJidsSameUser,
  type BinaryNode,
  type Contact,
  generateMessageIDV2,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  type GroupMetadata,
  isLidUser,
  isPnUser,
  jidDecode,
  jidNormalizedUser,
  type WASocket
} from 'baileys'

import { phoneOf } from '../words/addresses.ts'
import { answered } from '../people/asking.ts'
import type { GroupCache } from '../patches/caches.ts'
import type { Contacts } from '../people/contacts.ts'
import { cut, jidOf, MAX_WORD, wholeOf } from '../words/limits.ts'
import type {
  Calls,
  GroupReference,
  InviteArguments,
  JoinArguments,
  Joining,
  NewGroup,
  NewGroupArguments,
  MemberOutcome,
  PeopleArguments,
  SecondsArguments,
  SettingArguments,
  SwitchArguments,
  TextArguments
} from '../channel/calls.ts'
import type { Group, JoinRequest } from '../channel/payloads.ts'
import { CallError } from '../channel/peer.ts'
import { boundGroup, boundOutcome, boundRequests } from '../channel/schema.ts'

export interface Person {
  jid: string
  lid: string | null
  phone: string | null
}

interface Member extends Person {
  rank: string
}

/** A person as asked for, and under which addresses WhatsApp may answer; none: not on WhatsApp. */
interface Asked {
  asked: string
  addresses: string[]
}

export interface GroupParts {
  socket: WASocket
  contacts: Contacts
  cache: GroupCache
  me: () => Contact | undefined
  /** People left: our messages from now on are not for them. */
  renewSenderKey: (group: string) => Promise<void>
}

const ALL = '@g.us'
const DONE = '200'
/** Who adds people, in WhatsApp's word for everybody. */
export const ALL_ADD = 'all_member_add'
const NOT_FOUND = '404'

export class Groups {
  readonly #parts: GroupParts

  constructor(parts: GroupParts) {
    this.#parts = parts
  }

  async create({ subject, people }: NewGroupArguments): Promise<NewGroup> {
    const asked = await this.#people(people)
    const known = asked.flatMap(({ addresses }) => addresses.slice(0, 1))
    if (known.length === 0) throw new CallError('recipient_unknown')
    const attrs = { subject, key: generateMessageIDV2() }
    const answer = await this.#change(ALL, { tag: 'create', attrs, content: known.map(participant) })
    const group = getBinaryNodeChild(answer, 'group')
    const group_id = jidOf(groupJid(group?.attrs['id'] ?? group?.attrs['jid'] ?? ''))
    return { group_id, members: outcomes(asked, getBinaryNodeChildren(group, 'participant')) }
  }

  async describe({ group_id }: GroupReference): Promise<Group> {
    const metadata = await answered(() => this.#parts.socket.groupMetadata(group_id))
    return this.#described(metadata, true)
  }

  async list(): Promise<Group[]> {
    const groups = await answered(() => this.#parts.socket.groupFetchAllParticipating())
    return Object.values(groups).map((metadata) => this.#described(metadata, false))
  }

  async changePeople({ group_id, action, people }: PeopleArguments): Promise<MemberOutcome[]> {
    const asked = await this.#people(people)
    const known = asked.flatMap(({ addresses }) => addresses.slice(0, 1))
    if (known.length === 0) return outcomes(asked, [])
    const answer = await this.#change(group_id, { tag: action, attrs: {}, content: known.map(participant) })
    if (action === 'remove') await this.#parts.renewSenderKey(group_id)
    return outcomes(asked, getBinaryNodeChildren(getBinaryNodeChild(answer, action), 'participant'))
  }

  async setSubject({ group_id, text }: TextArguments): Promise<void> {
    await this.#change(group_id, { tag: 'subject', attrs: {}, content: Buffer.from(text) })
  }

  async setDescription({ group_id, text }: TextArguments): Promise<void> {
    await answered(() => this.#parts.socket.groupUpdateDescription(group_id, text || undefined).then(() => true))
  }

  async setSetting({ group_id, setting }: SettingArguments): Promise<void> {
    await this.#change(group_id, { tag: setting, attrs: {} })
  }

  async setDisappearing({ group_id, seconds }: SecondsArguments): Promise<void> {
    const on = { tag: 'ephemeral', attrs: { expiration: String(seconds) } }
    await this.#change(group_id, seconds > 0 ? on : { tag: 'not_ephemeral', attrs: {} })
  }

  async setJoinApproval({ group_id, on }: SwitchArguments): Promise<void> {
    const content = [{ tag: 'group_join', attrs: { state: on ? 'on' : 'off' } }]
    await this.#change(group_id, { tag: 'membership_approval_mode', attrs: {}, content })
  }

  async setMembersAdd({ group_id, on }: SwitchArguments): Promise<void> {
    await this.#change(group_id, { tag: 'member_add_mode', attrs: {}, content: Buffer.from(on ? ALL_ADD : 'admin_add') })
  }

  async requests({ group_id }: GroupReference): Promise<JoinRequest[]> {
    const answer = await this.#query(group_id, 'get', { tag: 'membership_approval_requests', attrs: {} })
    const asking = getBinaryNodeChildren(getBinaryNodeChild(answer, 'membership_approval_requests'), 'membership_approval_request')
    return boundRequests(
      asking.map(({ attrs }) => ({
        ...personOf([attrs['jid'], attrs['phone_number'], attrs['lid']]),
        method: methodOf(attrs['request_method']),
        since: wholeOf(attrs['request_time'])
      }))
    )
  }

  /** WhatsApp knows who asks by one of both addresses: which, the list of requests says. */
  async answerRequests({ group_id, action, people }: PeopleArguments): Promise<MemberOutcome[]> {
    const asked = await this.#people(people)
    const known = asked.flatMap(({ addresses }) => addresses.slice(0, 1))
    if (known.length === 0) return outcomes(asked, [])
    const request = { tag: 'membership_requests_action', attrs: {}, content: [{ tag: action, attrs: {}, content: known.map(participant) }] }
    const answer = getBinaryNodeChild(await this.#change(group_id, request), 'membership_requests_action')
    return outcomes(asked, getBinaryNodeChildren(getBinaryNodeChild(answer, action), 'participant'))
  }

  async invite({ group_id, revoke }: InviteArguments): Promise<string> {
    const answer = await this.#query(group_id, revoke ? 'set' : 'get', { tag: 'invite', attrs: {} })
    return cut(getBinaryNodeChild(answer, 'invite')?.attrs['code'] ?? '', MAX_WORD)
  }

  /** Who is in it already is in it: a repetition is no error. */
  async join({ code }: JoinArguments): Promise<Joining> {
    const invitation: BinaryNode = { tag: 'invite', attrs: { code } }
    let answer: BinaryNode
    try {
      answer = await this.#change(ALL, invitation)
    } catch (error) {
      if (!(error instanceof CallError) || error.failure['code'] !== '409') throw error
      answer = await this.#query(ALL, 'get', invitation)
    }
    const group = getBinaryNodeChild(answer, 'group')
    const request = getBinaryNodeChild(answer, 'membership_approval_request')
    const jid = group?.attrs['jid'] ?? group?.attrs['id'] ?? request?.attrs['jid'] ?? ''
    return { group_id: jidOf(groupJid(jid)), pending: group === undefined }
  }

  async leave({ group_id }: GroupReference): Promise<void> {
    const asked = { tag: 'group', attrs: { id: group_id } }
    const answer = await this.#change(ALL, { tag: 'leave', attrs: {}, content: [asked] })
    const left = getBinaryNodeChild(getBinaryNodeChild(answer, 'leave'), 'group')
    const code = left?.attrs['error']
    this.#parts.cache.forget(group_id)
    if (code !== undefined && code !== DONE) throw new CallError('refused', { code, text: '' })
    await this.#parts.renewSenderKey(group_id)
  }

  /** Changes something; what is remembered of the group is void then. */
  async #change(to: string, content: BinaryNode): Promise<BinaryNode> {
    try {
      return await this.#query(to, 'set', content)
    } finally {
      this.#parts.cache.forget(to)
    }
  }

  #query(to: string, type: 'get' | 'set', content: BinaryNode): Promise<BinaryNode> {
    const attrs = { type, xmlns: 'w:g2', to }
    return answered(() => this.#parts.socket.query({ tag: 'iq', attrs, content: [content] }) as Promise<BinaryNode | undefined>)
  }

  /** Numbers as WhatsApp writes them. */
  async #people(people: readonly string[]): Promise<Asked[]> {
    const numbers = people.filter((jid) => isPnUser(jid) === true).map((jid) => `+${jidDecode(jid)?.user ?? ''}`)
    const found = new Map<string, string[]>()
    for (const { phone, exists, jid, lid } of await this.#parts.contacts.check(numbers)) {
      found.set(phone, exists ? [jid, lid].filter((address) => address !== null) : [])
    }
    return people.map((asked) => {
      const addresses = isPnUser(asked) === true ? (found.get(`+${jidDecode(asked)?.user ?? ''}`) ?? []) : [asked]
      return { asked, addresses }
    })
  }

  #described(group: GroupMetadata, withMembers: boolean): Group {
    const { me, owner, ownerPn } = { me: this.#parts.me(), ...group }
    const isMe = (jid: string | undefined): boolean => [me?.id, me?.lid].some((own) => areJidsSameUser(jid, own))
    const own = group.participants.find(({ id, phoneNumber }) => isMe(id) || isMe(phoneNumber))
    const subject = group.subject as string | undefined // a stanza may leave it out
    return boundGroup({
      group_id: group.id,
      subject: subject ?? '',
      description: group.desc ?? null,
      owner: owner ? personOf([owner, ownerPn]) : null,
      created: group.creation ?? null,
      size: group.size ?? group.participants.length,
      announcement: group.announce === true,
      locked: group.restrict === true,
      join_approval: group.joinApprovalMode === true,
      members_add: group.memberAddMode === true,
      disappearing: group.ephemeralDuration ?? null,
      rank: own === undefined ? null : (own.admin ?? 'member'),
      members: withMembers ? group.participants.map(memberOf) : []
    })
  }
}

type OfGroups = Extract<keyof Calls, `group_${string}`>
type Ask<M extends OfGroups> = (groups: Groups, args: Parameters<Calls[M]>[0]) => ReturnType<Calls[M]>

const METHODS: { [M in OfGroups]: Ask<M> } = {
  group_create: (groups, args) => groups.create(args),
  group_describe: (groups, args) => groups.describe(args),
  group_list: (groups) => groups.list(),
  group_people: (groups, args) => groups.changePeople(args),
  group_subject: (groups, args) => groups.setSubject(args),
  group_description: (groups, args) => groups.setDescription(args),
  group_setting: (groups, args) => groups.setSetting(args),
  group_disappearing: (groups, args) => groups.setDisappearing(args),
  group_join_approval: (groups, args) => groups.setJoinApproval(args),
  group_members_add: (groups, args) => groups.setMembersAdd(args),
  group_requests: (groups, args) => groups.requests(args),
  group_answer: (groups, args) => groups.answerRequests(args),
  group_invite: (groups, args) => groups.invite(args),
  group_join: (groups, args) => groups.join(args),
  group_leave: (groups, args) => groups.leave(args)
}

/** Calls what Python asks for by name. */
export async function askGroups(groups: Groups, method: string, args: unknown): Promise<unknown> {
  if (!Object.hasOwn(METHODS, method)) throw new CallError('unknown_method')
  return METHODS[method as OfGroups](groups, args as never)
}

function participant(jid: string): BinaryNode {
  return { tag: 'participant', attrs: { jid } }
}

function groupJid(id: string): string {
  return id.includes('@') ? id : `${id}${ALL}`
}

/** What became of each, in the order they were asked for. WhatsApp may answer in the other addressing. */
function outcomes(asked: readonly Asked[], answers: readonly BinaryNode[]): MemberOutcome[] {
  const codes = new Map<string, string>()
  for (const { attrs } of answers) {
    for (const jid of [attrs['jid'], attrs['phone_number'], attrs['lid']]) {
      if (jid !== undefined) codes.set(jidNormalizedUser(jid), attrs['error'] ?? DONE)
    }
  }
  return asked.map(({ asked: jid, addresses }) => {
    const code = addresses.map((address) => codes.get(address)).find((found) => found !== undefined)
    return boundOutcome({ asked: jid, jid: addresses[0] ?? null, code: code ?? NOT_FOUND })
  })
}

/** How somebody asks to come in: WhatsApp writes it in two ways, `InviteLink` and `invite_link`. */
export function methodOf(method: string | undefined): string | null {
  return method?.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase() ?? null
}

export function personOf(jids: readonly (string | undefined)[]): Person {
  const known = jids.filter((jid) => jid !== undefined).map((jid) => jidNormalizedUser(jid))
  const pn = known.find((jid) => isPnUser(jid) === true)
  const lid = known.find((jid) => isLidUser(jid) === true)
  return { jid: pn ?? lid ?? known[0] ?? '', lid: lid ?? null, phone: phoneOf(pn) }
}

function memberOf({ id, phoneNumber, lid, admin }: GroupMetadata['participants'][number]): Member {
  return { ...personOf([id, phoneNumber, lid]), rank: admin ?? 'member' }
}
