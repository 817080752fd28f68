import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'node:test'

import {
  type BinaryNode,
  decodePatches,
  newLTHashState,
  proto
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { AppState } from '../../../../../gateway_worker/whatsapp/baileys/bridge/state/app-state.ts'
import { expanded, type Key, snapshotMacOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/state/cipher.ts'
import { Collection } from '../../../../../gateway_worker/whatsapp/baileys/bridge/state/collection.ts'
import { writtenFor } from '../../../../../gateway_worker/whatsapp/baileys/bridge/state/words.ts'
import { patchFor } from '../../../../../gateway_worker/whatsapp/baileys/bridge/state/writing.ts'

const NAME = 'regular_low'
const ANA = '15550001111@s.whatsapp.net'
const me = { id: '15559990000:3@s.whatsapp.net' }
const NOTHING = { until: null, message: null, name: null, lid: null }
const pinned = (chat: string, on = true) => ({ kind: 'pinned', chat, on, ...NOTHING }) as const
const { SyncdOperation } = proto.SyncdMutation

/** Keys in memory, as the store has them. */
class FakeStore {
  readonly keys = new Map<string, unknown>()
  readonly puts: { changes: object[]; from_before: boolean; keys: number }[] = []

  async get(kind: string, ids: string[]): Promise<Record<string, unknown>> {
    return Object.fromEntries(ids.flatMap((id) => (this.keys.get(`${kind}\0${id}`) == null ? [] : [[id, this.keys.get(`${kind}\0${id}`)]])))
  }

  put({ keys = [], state }: { keys?: Iterable<readonly [string, unknown]>; state?: { changes: object[]; from_before: boolean } }): void {
    const all = [...keys]
    for (const [name, value] of all) this.keys.set(name, value)
    if (state !== undefined) this.puts.push({ ...state, keys: all.length })
  }

  async isStored(): Promise<void> {}
}

/** WhatsApp and the phone: one collection, each patch with the collection as it leaves it. */
class Phone {
  readonly secret = randomBytes(32)
  readonly id: Buffer
  readonly patches: Uint8Array[] = []
  readonly store = new FakeStore()
  readonly asked: { version: string; snapshot: string; patch: boolean }[] = []
  records = new Map<string, proto.ISyncdRecord>()
  snapshotMac: Uint8Array = new Uint8Array()
  /** Comes between a read and a write of the companion's. */
  meanwhile: (() => Promise<void>) | undefined
  hasPatches = true
  /** The code by which patches are refused. */
  refusal: string | undefined

  constructor(number = 1) {
    this.id = Buffer.from([0, 0, 0, 0, 0, number])
  }

  get key(): Key {
    return { id: this.id, keys: expanded(this.secret) }
  }

  async write(...changes: ReturnType<typeof pinned>[]): Promise<void> {
    const collection = await Collection.load(this.store as never, NAME)
    const { patch } = await patchFor(
      collection,
      changes.flatMap((each) => writtenFor(each, 1_795_000_000_000)),
      this.key,
      this.store as never
    )
    this.store.put({ keys: collection.keys() })
    this.add(patch)
  }

  add(bytes: Uint8Array): void {
    const patch = proto.SyncdPatch.decode(bytes)
    patch.version = { version: this.patches.length + 1 }
    this.patches.push(proto.SyncdPatch.encode(patch).finish())
    this.snapshotMac = patch.snapshotMac ?? new Uint8Array()
    for (const { operation, record } of patch.mutations) {
      const name = Buffer.from(record?.index?.blob ?? []).toString('base64')
      if (operation === SyncdOperation.REMOVE) this.records.delete(name)
      else this.records.set(name, record ?? {})
    }
  }

  snapshot(): Uint8Array {
    const version = { version: this.patches.length }
    return proto.SyncdSnapshot.encode({
      version,
      records: [...this.records.values()],
      mac: this.snapshotMac,
      keyId: { id: this.id }
    }).finish()
  }

  async query(iq: BinaryNode): Promise<BinaryNode> {
    const [sync] = iq.content as BinaryNode[]
    const collections = (sync?.content as BinaryNode[]).filter(({ attrs }) => attrs['name'] === NAME)
    const content: BinaryNode[] = []
    for (const { attrs, content: inner } of collections) {
      const [patch] = (inner as BinaryNode[] | undefined) ?? []
      this.asked.push({ version: attrs['version'] ?? '', snapshot: attrs['return_snapshot'] ?? '', patch: patch !== undefined })
      content.push(patch === undefined ? this.#read(attrs) : await this.#take(attrs, patch.content as Uint8Array))
    }
    return { tag: 'iq', attrs: {}, content: [{ tag: 'sync', attrs: {}, content }] }
  }

  async #take({ version }: BinaryNode['attrs'], patch: Uint8Array): Promise<BinaryNode> {
    const meanwhile = this.meanwhile
    this.meanwhile = undefined
    await meanwhile?.()
    const attrs = { name: NAME, version: String(this.patches.length) }
    if (this.refusal !== undefined || Number(version) !== this.patches.length) {
      const code = this.refusal ?? '409'
      return {
        tag: 'collection',
        attrs: { ...attrs, type: 'error' },
        content: [{ tag: 'error', attrs: { code, text: 'refused' } }]
      }
    }
    this.add(patch)
    return { tag: 'collection', attrs: { ...attrs, type: 'result' } }
  }

  #read({ version, return_snapshot: wantsAll }: BinaryNode['attrs']): BinaryNode {
    const attrs = { name: NAME, version: String(this.patches.length), has_more_patches: 'false' }
    if (!this.hasPatches || (wantsAll === 'true' && this.asked.length > 1)) {
      const content = proto.ExternalBlobReference.encode({ directPath: '/v/x', mediaKey: randomBytes(32) }).finish()
      return { tag: 'collection', attrs, content: [{ tag: 'snapshot', attrs: {}, content }] }
    }
    const patches = this.patches.slice(Number(version)).map((content): BinaryNode => ({ tag: 'patch', attrs: {}, content }))
    return { tag: 'collection', attrs, content: [{ tag: 'patches', attrs: {}, content: patches }] }
  }
}

/** A companion that has the phone's key. */
function companion(phone: Phone, store = new FakeStore(), hasKey = true) {
  if (hasKey) store.keys.set(`app-state-sync-key\0${phone.id.toString('base64')}`, { keyData: phone.secret })
  const facts: object[] = []
  const sent: object[] = []
  const socket = {
    query: (iq: BinaryNode) => phone.query(iq),
    relayMessage: async (_jid: string, message: object) => void sent.push(message),
    ev: { emit: () => true },
    signalRepository: { lidMapping: { storeLIDPNMappings: async () => undefined } }
  }
  const credentials = { me, myAppStateKeyId: phone.id.toString('base64') }
  const appState = new AppState({
    socket: socket as never,
    store: store as never,
    facts: { notify: async (fact: object) => facts.push(fact) } as never,
    credentials: credentials as never,
    fetch: async () => phone.snapshot()
  })
  const changes = () =>
    store.puts.flatMap((put) => put.changes as { kind: string; chat: string; on: boolean }[]).map(({ chat, on }) => [chat, on])
  return { appState, store, facts, sent, credentials, changes }
}

test('what the phone did is stored with the version that brought it, and told once', async () => {
  const phone = new Phone()
  const { appState, store, changes, facts } = companion(phone)
  await appState.read([NAME])
  await phone.write(pinned(ANA))
  await appState.read([NAME])
  await appState.read([NAME])
  assert.deepEqual(changes(), [[ANA, true]])
  assert.deepEqual(
    store.puts.map(({ from_before }) => from_before),
    [false, false]
  )
  assert.ok(store.puts.every(({ keys }) => keys > 0))
  assert.deepEqual(facts, [])
})

test('what was so before this device was linked is known as that', async () => {
  const phone = new Phone()
  await phone.write(pinned(ANA))
  const { appState, store } = companion(phone)
  await appState.read([NAME])
  assert.deepEqual(
    store.puts.map(({ from_before }) => from_before),
    [true]
  )
})

test('a patch that is not what its MACs say is not passed over: the collection is read from a snapshot, and said so', async () => {
  const phone = new Phone()
  const { appState, store, changes, facts } = companion(phone)
  await appState.read([NAME])
  await phone.write(pinned(ANA))
  await phone.write(pinned('2@s.whatsapp.net'))
  const damaged = proto.SyncdPatch.decode(phone.patches[0] ?? new Uint8Array())
  damaged.patchMac = Buffer.alloc(32)
  phone.patches[0] = proto.SyncdPatch.encode(damaged).finish()
  await appState.read([NAME])
  assert.deepEqual(changes().sort(), [
    ['15550001111@s.whatsapp.net', true],
    ['2@s.whatsapp.net', true]
  ])
  assert.deepEqual(
    facts.map((fact) => (fact as { unreadable: string }).unreadable),
    ['patch_mac']
  )
  assert.ok(store.puts.every(({ from_before }) => !from_before))
  await phone.write(pinned('2@s.whatsapp.net', false))
  await appState.read([NAME])
  assert.deepEqual(changes().at(-1), ['2@s.whatsapp.net', false])
})

test('a snapshot brings only what is another than before, and what is there no more', async () => {
  const phone = new Phone()
  const { appState, changes, store } = companion(phone)
  await appState.read([NAME])
  await phone.write(pinned(ANA), pinned('2@s.whatsapp.net'))
  await appState.read([NAME])
  store.puts.length = 0
  phone.hasPatches = false
  await phone.write(pinned('3@s.whatsapp.net'))
  const gone = await Collection.load(phone.store as never, NAME)
  const removal = writtenFor(pinned(ANA), 1).map((each) => ({ ...each, action: null }))
  const { patch } = await patchFor(gone, removal, phone.key, phone.store as never)
  phone.store.put({ keys: gone.keys() })
  phone.add(patch)
  await appState.read([NAME])
  assert.deepEqual(changes(), [
    ['3@s.whatsapp.net', true],
    [ANA, false]
  ])
  await phone.write(pinned(ANA))
  phone.hasPatches = true
  await appState.read([NAME])
  assert.deepEqual(changes().at(-1), [ANA, true])
})

test('a snapshot whose sum is wrong changes nothing, and is asked for again', async () => {
  const phone = new Phone()
  const { appState, changes, facts } = companion(phone)
  await appState.read([NAME])
  await phone.write(pinned(ANA))
  phone.hasPatches = false
  const right = phone.snapshotMac
  phone.snapshotMac = Buffer.alloc(32)
  await appState.read([NAME])
  assert.deepEqual(changes(), [])
  assert.equal(facts.length, 2)
  phone.snapshotMac = right
  await appState.read([NAME])
  assert.deepEqual(changes(), [[ANA, true]])
})

test('a key that is missing is asked for, and the collection read when it comes', async () => {
  const phone = new Phone()
  const { appState, store, sent, changes, credentials } = companion(phone, new FakeStore(), false)
  await phone.write(pinned(ANA))
  await appState.read([NAME])
  await appState.read([NAME])
  assert.equal(sent.length, 1)
  assert.deepEqual(changes(), [])
  store.keys.set(`app-state-sync-key\0${phone.id.toString('base64')}`, { keyData: phone.secret })
  assert.deepEqual(appState.noteKeys({ myAppStateKeyId: credentials.myAppStateKeyId }), { myAppStateKeyId: credentials.myAppStateKeyId })
  for (let turns = 0; changes().length === 0 && turns < 100; turns++) await pause(5)
  assert.deepEqual(changes(), [[ANA, true]])
})

test('an old key that the phone shares when it is asked is not the one to write with', () => {
  const phone = new Phone(9)
  const { appState, credentials } = companion(phone)
  const older = Buffer.from([0, 0, 0, 0, 0, 8]).toString('base64')
  const newer = Buffer.from([0, 0, 0, 0, 1, 0]).toString('base64')
  assert.deepEqual(appState.noteKeys({ myAppStateKeyId: older }), { myAppStateKeyId: credentials.myAppStateKeyId })
  assert.deepEqual(appState.noteKeys({ myAppStateKeyId: newer }), { myAppStateKeyId: newer })
})

test('a change is told once WhatsApp has it, and Baileys reads it from the patch', async () => {
  const phone = new Phone()
  const { appState, changes } = companion(phone)
  await appState.change([
    { kind: 'archived', chat: ANA, on: true, ...NOTHING, message: { message_id: 'A1', from_me: false, participant: null, timestamp: 7 } }
  ])
  assert.equal(phone.patches.length, 1)
  assert.deepEqual(changes(), [
    [ANA, true],
    [ANA, false]
  ]) // archived, and so no longer pinned
  const patches = phone.patches.map((patch) => proto.SyncdPatch.decode(patch))
  const { state, mutationMap } = await decodePatches(
    NAME,
    patches,
    newLTHashState(),
    async () => ({ keyData: phone.secret }),
    {},
    undefined,
    undefined,
    true
  )
  assert.equal(state.version, 1)
  assert.deepEqual(
    Object.values(mutationMap).map(({ index }) => index),
    [
      ['archive', ANA],
      ['pin_v1', ANA]
    ]
  )
})

test('a change in conflict is made on top of what came between, which is told too', async () => {
  const phone = new Phone()
  const { appState, changes, store } = companion(phone)
  await appState.read([NAME])
  phone.meanwhile = () => phone.write(pinned('2@s.whatsapp.net'))
  await appState.change([pinned(ANA)])
  assert.deepEqual(changes(), [
    ['2@s.whatsapp.net', true],
    [ANA, true]
  ])
  assert.equal(phone.patches.length, 2)
  const { version, hash } = await Collection.load(store as never, NAME)
  assert.deepEqual(snapshotMacOf(hash, version, NAME, phone.key), Buffer.from(phone.snapshotMac))
})

test('as long as a key is missing nothing can be changed', async () => {
  const phone = new Phone()
  const { appState, sent } = companion(phone, new FakeStore(), false)
  await phone.write(pinned(ANA))
  await assert.rejects(appState.change([pinned('2@s.whatsapp.net')]), { message: 'state_unreadable' })
  assert.equal(sent.length, 1)
  assert.equal(phone.patches.length, 1)
})

test('what WhatsApp refuses is not taken for done', async () => {
  const phone = new Phone()
  const { appState, changes } = companion(phone)
  await appState.read([NAME])
  phone.refusal = '406'
  await assert.rejects(appState.change([pinned(ANA)]), { message: 'refused' })
  assert.deepEqual(changes(), [])
  phone.refusal = undefined
  await appState.change([pinned(ANA)])
  assert.deepEqual(changes(), [[ANA, true]])
})
