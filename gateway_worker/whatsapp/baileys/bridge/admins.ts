/** Who the admins of groups are, as far as a revocation asks for it. */
import type { BinaryNode, GroupMetadata, GroupParticipant, WASocket } from 'baileys'

import type { Person } from './addresses.ts'
import { BoundedMap } from './bounded.ts'

const MAX_GROUPS = 500
/** Messages wait for the answer. */
const PATIENCE_MS = 5_000
/** Nobody can have us ask more often about a group that does not tell. */
const PAUSE_MS = 60_000

interface Known {
  names: ReadonlySet<string>
  until: number
}

export class Admins {
  readonly #socket: () => WASocket
  readonly #groups = new BoundedMap<Known>(MAX_GROUPS)

  constructor(socket: () => WASocket) {
    this.#socket = socket
  }

  /** Forgets the groups that WhatsApp tells changes of. */
  listen(): void {
    this.#socket().ws.on('CB:notification,type:w:gp2', ({ attrs }: BinaryNode) => this.#groups.delete(attrs['from'] ?? ''))
  }

  /** Whether somebody is an admin of a group now. Where WhatsApp does not tell, nobody is. */
  async has(group: string, { pn, lid }: Person): Promise<boolean> {
    const known = this.#groups.get(group)
    const names = known !== undefined && known.until > performance.now() ? known.names : await this.#ask(group)
    return [pn, lid].some((name) => name !== undefined && names.has(name))
  }

  async #ask(group: string): Promise<ReadonlySet<string>> {
    const asked = this.#socket().groupMetadata(group)
    const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE_MS).unref())
    const metadata = await Promise.race([asked.catch(() => null), late])
    const names = metadata === null ? new Set<string>() : adminsOf(metadata)
    this.#groups.set(group, { names, until: metadata === null ? performance.now() + PAUSE_MS : Infinity })
    return names
  }
}

function adminsOf({ participants }: GroupMetadata): Set<string> {
  const admins = participants.filter(({ admin }: GroupParticipant) => admin === 'admin' || admin === 'superadmin')
  return new Set(admins.flatMap(({ id, lid, phoneNumber }) => [id, lid, phoneNumber].filter((name) => name !== undefined)))
}
