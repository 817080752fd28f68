/** Baileys' own Signal repository over our keys: made with a bound on its cache, and asked what it does not tell. */
import { isPnUser, type SignalKeyStoreWithTransaction, type SocketConfig } from 'baileys'
import { makeLibSignalRepository } from 'baileys/lib/Signal/libsignal.js'

import { BoundedMap } from '../words/bounded.ts'

export type MakeRepository = SocketConfig['makeSignalRepository']
export type Repository = ReturnType<MakeRepository>
export type Injection = Parameters<Repository['injectE2ESession']>[0]

const MAX_MAPPINGS = 512

/** How a record of ratchets is stored: the open one has not been closed at any time. */
interface StoredRecord {
  _sessions?: Record<string, { indexInfo: { closed: number; remoteIdentityKey: string } }>
}

/** The repository with our keys. The cache of its mapping is unbounded and keeps a timer per contact: ours takes its place. */
export function repositoryOver(keys: SignalKeyStoreWithTransaction, ...[auth, log, pnToLid]: Parameters<MakeRepository>): Repository {
  const made = makeLibSignalRepository({ creds: auth.creds, keys }, log, pnToLid)
  Reflect.set(made.lidMapping, 'mappingCache', new BoundedMap<string>(MAX_MAPPINGS))
  return made
}

/**
 * Whether there is a ratchet with this very device. Whenever Baileys asks for a contact's devices, after every login, it
 * also starts a new ratchet with each of them: what is on its way in the old one and in the new one then crosses.
 */
export async function hasRatchetWith(
  keys: Pick<SignalKeyStoreWithTransaction, 'get'>,
  repository: Repository,
  { jid, session }: Injection
): Promise<boolean> {
  const lid = isPnUser(jid) ? await repository.lidMapping.getLIDForPN(jid) : null
  const address = repository.jidToSignalProtocolAddress(lid ?? jid)
  const { [address]: stored } = await keys.get('session', [address])
  const ratchets = Object.values((stored as StoredRecord | undefined)?._sessions ?? {})
  const identity = Buffer.from(session.identityKey).toString('base64')
  return ratchets.some(({ indexInfo }) => indexInfo.closed === -1 && indexInfo.remoteIdentityKey === identity)
}
