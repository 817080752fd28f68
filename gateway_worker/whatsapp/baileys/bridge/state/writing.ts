/** Patches of ours: what is set or removed in a collection, with the sum of what then stands in it. */
import { proto } from 'baileys'

import type { Store } from '../signal/store.ts'
import { type Key, patchMacOf, sealed, snapshotMacOf } from './cipher.ts'
import type { Collection } from './collection.ts'
import type { Mutation } from './reading.ts'
import type { Written } from './words.ts'

const { SyncdOperation } = proto.SyncdMutation

/** The patch that follows; the collection is as it leaves it. */
export async function patchFor(
  collection: Collection,
  written: readonly Written[],
  key: Key,
  store: Pick<Store, 'get'>
): Promise<{ patch: Uint8Array; mutations: Mutation[] }> {
  const steps = written.map(({ index, action, form }) => {
    const operation = action === null ? SyncdOperation.REMOVE : SyncdOperation.SET
    const name = JSON.stringify(index)
    const content = { index: Buffer.from(name), value: action ?? {}, padding: new Uint8Array(), version: form }
    return { operation, index: name, ...sealed(operation, content, key) }
  })
  await collection.prepare(
    store,
    steps.map(({ indexMac }) => indexMac)
  )
  for (const step of steps) collection.step(step)
  collection.version += 1
  const snapshotMac = snapshotMacOf(collection.summed(), collection.version, collection.name, key)
  const valueMacs = steps.map(({ valueMac }) => valueMac)
  const keyId = { id: key.id }
  const patch = proto.SyncdPatch.encode({
    mutations: steps.map(({ operation, indexMac, blob }) => ({ operation, record: { index: { blob: indexMac }, value: { blob }, keyId } })),
    snapshotMac,
    patchMac: patchMacOf(snapshotMac, valueMacs, collection.version, collection.name, key),
    keyId
  }).finish()
  return { patch, mutations: written.map(({ index, action }) => ({ index, action })) }
}
