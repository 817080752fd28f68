/**
 * Patches and snapshots of a collection, applied one after the other if they are what their MACs say.
 *
 * A patch is taken whole or not at all. Of a snapshot, which is what is left to go by, the sum has to be right; what in it
 * cannot be read stands there unread.
 */
import { proto } from 'baileys'

import { type Key, MAC_BYTES, isSame, opened, patchMacOf, snapshotMacOf } from './cipher.ts'
import type { Collection, Step } from './collection.ts'
import type { Store } from '../signal/store.ts'

const { SyncdOperation } = proto.SyncdMutation
/** Records that are decrypted before others have their turn. */
const SLICE = 50

/** Something that was set, or is no longer there. */
export interface Mutation {
  index: readonly string[]
  /** Null: it is no longer there. */
  action: proto.ISyncActionValue | null
}

/** Why something was not applied. */
export type Fault = 'version' | 'no_key_id' | 'patch_mac' | 'snapshot_mac' | 'value' | 'not_there' | 'malformed'

export class BadState extends Error {
  readonly fault: Fault

  constructor(fault: Fault) {
    super(fault)
    this.fault = fault
  }
}

/** Reads a message of WhatsApp's protobuf. */
export function decoded<T>(kind: { decode: (bytes: Uint8Array) => T }, bytes: Uint8Array): T {
  try {
    return kind.decode(bytes)
  } catch {
    throw new BadState('malformed')
  }
}

/** The phone has not shared this key with us yet. */
export class KeyMissing extends Error {
  readonly id: Uint8Array

  constructor(id: Uint8Array) {
    super('a key of the app state is missing')
    this.id = id
  }
}

export interface ReadingParts {
  store: Pick<Store, 'get'>
  /** Raises `KeyMissing`. */
  keyOf: (id: Uint8Array) => Promise<Key>
}

interface Record {
  operation: proto.SyncdMutation.SyncdOperation
  indexMac: Uint8Array
  blob: Uint8Array
  keyId: Uint8Array
}

/** Applies the patch that follows; what it changes, in order. */
export async function applyPatch(collection: Collection, patch: proto.ISyncdPatch, parts: ReadingParts): Promise<Mutation[]> {
  const version = Number(patch.version?.version ?? 0)
  if (version !== collection.version + 1) throw new BadState('version')
  const key = await parts.keyOf(idIn(patch.keyId))
  const records = (patch.mutations ?? []).map(({ operation, record }) => recordOf(operation ?? SyncdOperation.SET, record ?? {}))
  const snapshotMac = patch.snapshotMac ?? new Uint8Array()
  const wanted = patchMacOf(
    snapshotMac,
    records.map(({ blob }) => blob.subarray(-MAC_BYTES)),
    version,
    collection.name,
    key
  )
  if (!isSame(wanted, patch.patchMac)) throw new BadState('patch_mac')
  await collection.prepare(
    parts.store,
    records.map(({ indexMac }) => indexMac)
  )
  const mutations: Mutation[] = []
  for await (const [step, mutation] of read(records, parts)) {
    if (mutation === null) throw new BadState('value')
    collection.step(step)
    mutations.push(mutation)
  }
  collection.version = version
  if (!isSame(snapshotMacOf(collection.summed(), version, collection.name, key), snapshotMac)) throw new BadState('snapshot_mac')
  return mutations
}

/** What a snapshot holds, in place of what is there; with how it differs from that, and how much of it cannot be read. */
export async function replacedBy(
  before: Collection,
  { version, records = [], mac, keyId }: proto.ISyncdSnapshot,
  parts: ReadingParts
): Promise<{ collection: Collection; mutations: Mutation[]; unread: number }> {
  const key = await parts.keyOf(idIn(keyId))
  const old = await before.all(parts.store)
  const collection = before.emptied(Number(version?.version ?? 0))
  const mutations: Mutation[] = []
  let unread = 0
  for await (const [step, mutation] of read(
    (records ?? []).map((record) => recordOf(SyncdOperation.SET, record)),
    parts
  )) {
    collection.step(step)
    const name = Buffer.from(step.indexMac).toString('base64')
    const isSameAsBefore = old.get(name)?.[0] === Buffer.from(step.valueMac).toString('base64')
    old.delete(name)
    if (mutation === null) unread += 1
    else if (!isSameAsBefore) mutations.push(mutation)
  }
  const sum = collection.summed()
  if (!isSame(snapshotMacOf(sum, collection.version, collection.name, key), mac)) throw new BadState('snapshot_mac')
  for (const [, index] of old.values()) {
    const names = namesIn(index)
    if (names !== null) mutations.push({ index: names, action: null })
  }
  return { collection, mutations, unread }
}

async function* read(records: readonly Record[], { keyOf }: ReadingParts): AsyncGenerator<[Step, Mutation | null]> {
  for (const [number, { operation, indexMac, blob, keyId }] of records.entries()) {
    if (number % SLICE === SLICE - 1) await new Promise((resolve) => setImmediate(resolve))
    const content = opened(operation, indexMac, blob, await keyOf(keyId))
    const index = content === null ? '' : Buffer.from(content.index ?? []).toString()
    const names = namesIn(index)
    const action = operation === SyncdOperation.SET ? (content?.value ?? {}) : null
    const step = { operation, indexMac, valueMac: blob.subarray(-MAC_BYTES), index: names === null ? '' : index }
    yield [step, names === null ? null : { index: names, action }]
  }
}

function recordOf(operation: proto.SyncdMutation.SyncdOperation, { index, value, keyId }: proto.ISyncdRecord): Record {
  return {
    operation,
    indexMac: index?.blob ?? new Uint8Array(),
    blob: value?.blob ?? new Uint8Array(),
    keyId: keyId?.id ?? new Uint8Array()
  }
}

function idIn(keyId: proto.IKeyId | null | undefined): Uint8Array {
  if (!keyId?.id?.length) throw new BadState('no_key_id')
  return keyId.id
}

/** A name as the app state writes it: a list of texts as JSON. */
function namesIn(index: string): readonly string[] | null {
  try {
    const names: unknown = JSON.parse(index)
    return Array.isArray(names) && names.every((each) => typeof each === 'string') ? names : null
  } catch {
    return null
  }
}
