/**
 * Who the admins of groups are, as far as a revocation asks for it.
 *
 * All messages of the connection wait for the answer, and any member of a group can make us ask: with forged revocations,
 * in as many groups as he likes. So a message waits a while at most, and all of them a small share of the time.
 */
import type { GroupMetadata, GroupParticipant, WASocket } from 'baileys'

import type { Person } from '../words/addresses.ts'
import { BoundedMap } from '../words/bounded.ts'

const MAX_GROUPS = 500
/** Nobody can have us ask more often about a group that does not tell. */
const PAUSE_MS = 60_000
/** Of the time that was waited, so much is forgiven as time passes. */
const SHARE = 0.1
/** What a question counts at least, however fast the answer: WhatsApp turns away who asks too often. */
const LEAST_MS = 200

/** Milliseconds that one message waits, and that all of them wait before nobody is asked any more. */
export interface Patience {
  each: number
  all: number
}

interface Known {
  names: ReadonlySet<string>
  until: number
}

const NOBODY: ReadonlySet<string> = new Set()

export class Admins {
  readonly #socket: () => Pick<WASocket, 'groupMetadata'>
  readonly #patience: Patience
  readonly #groups = new BoundedMap<Known>(MAX_GROUPS)
  #waited = 0
  #since = performance.now()

  constructor(socket: () => Pick<WASocket, 'groupMetadata'>, patience: Patience = { each: 5_000, all: 20_000 }) {
    this.#socket = socket
    this.#patience = patience
  }

  /** A group has changed. */
  forget(group: string): void {
    this.#groups.delete(group)
  }

  /** Whether somebody is an admin of a group now. Where WhatsApp does not tell, nobody is. */
  async has(group: string, who: Person): Promise<boolean> {
    return isAmong(await this.#names(group), who)
  }

  /** Whether WhatsApp says that somebody is no admin of a group now. */
  async lacks(group: string, who: Person): Promise<boolean> {
    const names = await this.#names(group)
    return names !== NOBODY && !isAmong(names, who)
  }

  /** `NOBODY` where WhatsApp does not tell. */
  async #names(group: string): Promise<ReadonlySet<string>> {
    const known = this.#groups.get(group)
    return known !== undefined && known.until > performance.now() ? known.names : this.#ask(group)
  }

  async #ask(group: string): Promise<ReadonlySet<string>> {
    const started = performance.now()
    const left = this.#left(started)
    if (left <= 0) return NOBODY
    const asking = { names: NOBODY, until: 0 }
    this.#groups.set(group, asking)
    const metadata = await this.#metadata(group, left)
    this.#waited += Math.max(LEAST_MS, performance.now() - started)
    const names = metadata === null ? NOBODY : adminsOf(metadata)
    const until = metadata === null ? performance.now() + PAUSE_MS : Infinity
    if (this.#groups.get(group) === asking) this.#groups.set(group, { names, until }) // else it changed meanwhile
    return names
  }

  async #metadata(group: string, milliseconds: number): Promise<GroupMetadata | null> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), milliseconds).unref()))
    const asked = this.#socket().groupMetadata(group)
    return Promise.race([asked.catch(() => null), late]).finally(() => clearTimeout(timer))
  }

  /** How long may be waited now. */
  #left(now: number): number {
    this.#waited = Math.max(0, this.#waited - (now - this.#since) * SHARE)
    this.#since = now
    return Math.min(this.#patience.each, this.#patience.all - this.#waited)
  }
}

function isAmong(names: ReadonlySet<string>, { pn, lid }: Person): boolean {
  return [pn, lid].some((name) => name !== undefined && names.has(name))
}

function adminsOf({ participants }: GroupMetadata): Set<string> {
  const admins = participants.filter(({ admin }: GroupParticipant) => admin === 'admin' || admin === 'superadmin')
  return new Set(admins.flatMap(({ id, lid, phoneNumber }) => [id, lid, phoneNumber].filter((name) => name !== undefined)))
}
