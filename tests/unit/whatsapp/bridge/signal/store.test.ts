import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Frame } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/frames.ts'
import { Gate } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/gate.ts'
import { Keys } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/keys.ts'
import { CallError, type Peer } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/peer.ts'
import { Store, StoreClosed } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/store.ts'
import { encodeKey } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/values.ts'

interface Asked {
  method: string
  args: any
  blobs: Uint8Array[]
  answer: (frame?: Partial<Frame>) => void
  refuse: () => void
}

/** Python, played by the test: every call waits until the test answers it. */
class Python {
  readonly asked: Asked[] = []
  #wake: () => void = () => undefined

  call(method: string, _connection: number, args: unknown, blobs: Uint8Array[]): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const answer = (frame: Partial<Frame> = {}): void => resolve({ head: {}, blobs: [], ...frame })
      this.asked.push({ method, args, blobs, answer, refuse: () => reject(new CallError('store_refused')) })
      this.#wake()
    })
  }

  async next(): Promise<Asked> {
    while (this.asked.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.asked.shift() as Asked
  }
}

function setUp(): { python: Python; store: Store; gate: Gate; keys: Keys; wire: string[]; failures: unknown[] } {
  const python = new Python()
  const failures: unknown[] = []
  const wire: string[] = []
  const store = new Store(python as unknown as Peer, 1, 1000, {
    onStored: () => gate.release(),
    onFailed: (error) => failures.push(error)
  })
  const gate = new Gate(store, { holds: () => true }, (frame) => wire.push(Buffer.from(frame).toString()))
  return { python, store, gate, keys: new Keys(store, () => 'me@s.whatsapp.net'), wire, failures }
}

const frame = (text: string): Buffer => Buffer.from(text)
const stored = (id: string, value: unknown): Partial<Frame> => ({
  head: { v: { found: [id], rest: [] } },
  blobs: [encodeKey('session', value)]
})

test('a frame leaves when what was decided before it is durable, and not before', async () => {
  const { python, store, gate, wire } = setUp()
  gate.take(frame('before'))
  assert.deepEqual(wire, ['before'])
  store.set({ session: { 'a.1': Buffer.of(1) } })
  gate.take(frame('after'))
  const commit = await python.next()
  assert.deepEqual(wire, ['before'])
  commit.answer()
  await new Promise(setImmediate)
  assert.deepEqual(wire, ['before', 'after'])
})

test('frames keep their order, also across commits', async () => {
  const { python, store, gate, wire } = setUp()
  store.set({ session: { 'a.1': Buffer.of(1) } })
  gate.take(frame('1'))
  const first = await python.next()
  store.set({ session: { 'a.1': Buffer.of(2) } })
  gate.take(frame('2'))
  first.answer()
  const second = await python.next()
  assert.deepEqual(wire, ['1'])
  gate.take(frame('3'))
  second.answer()
  await new Promise(setImmediate)
  assert.deepEqual(wire, ['1', '2', '3'])
})

test('changes made while a commit is under way share the next one', async () => {
  const { python, store } = setUp()
  store.set({ session: { 'a.1': Buffer.of(1) } })
  const first = await python.next()
  for (let index = 0; index < 10; index += 1) store.set({ session: { [`b.${index}`]: Buffer.of(index) } })
  first.answer()
  const second = await python.next()
  assert.equal(second.args.keys.length, 10)
  assert.equal(python.asked.length, 0)
})

test('what is not durable yet is read from memory, what was removed stays removed', async () => {
  const { python, store } = setUp()
  store.set({ session: { 'a.1': Buffer.of(1), 'b.1': null } })
  assert.deepEqual(await store.get('session', ['a.1', 'b.1']), { 'a.1': Buffer.of(1) })
  const commit = await python.next()
  commit.answer()
  await new Promise(setImmediate)
  assert.deepEqual(await store.get('session', ['a.1', 'b.1']), { 'a.1': Buffer.of(1) })
  assert.equal(python.asked.length, 0)
})

test('a change made while the key is being read wins over what was read', async () => {
  const { python, store } = setUp()
  const reading = store.get('session', ['a.1'])
  const load = await python.next()
  store.set({ session: { 'a.1': Buffer.of(2) } })
  load.answer(stored('a.1', Buffer.of(1)))
  assert.deepEqual(await reading, { 'a.1': Buffer.of(2) })
})

test('a refused commit fails once, drops what was held and forgets', async () => {
  const { python, store, gate, wire, failures } = setUp()
  store.set({ session: { 'a.1': Buffer.of(1) } })
  gate.take(frame('never'))
  const commit = await python.next()
  commit.refuse()
  await new Promise(setImmediate)
  gate.close()
  gate.release()
  assert.equal(failures.length, 1)
  assert.deepEqual(wire, [])
  await assert.rejects(async () => store.get('session', ['a.1']), StoreClosed)
  assert.throws(() => store.set({ session: { 'a.1': Buffer.of(2) } }), StoreClosed)
})

test('a commit carries credentials, keys, entries and sent plaintexts together', async () => {
  const { python, store, keys } = setUp()
  const entry = { key: { chat: 'c', sender: 's:1', message_id: 'M', index: 0 }, plaintext: frame('p'), message: null }
  await keys.transaction(async () => {
    await keys.set({ session: { 'a.1': Buffer.of(7) } })
    keys.record(entry)
  }, 'a@s.whatsapp.net')
  store.put({ sent: [['OUT', frame('sent')]] })
  const commit = await python.next()
  assert.deepEqual(commit.args.keys, [['session', 'a.1', true]])
  assert.deepEqual(commit.args.entries, [{ key: entry.key, message: null, unprocessed: false, opened: false }])
  assert.deepEqual(commit.args.sent, ['OUT'])
  assert.deepEqual(
    commit.blobs.map((blob) => Buffer.from(blob).toString('hex')),
    ['0107', '70', '73656e74']
  )
})

test('a transaction that fails leaves nothing behind', async () => {
  const { python, keys } = setUp()
  const failing = keys.transaction(async () => {
    await keys.set({ session: { 'a.1': Buffer.of(1) } })
    throw new Error('bad mac')
  }, 'a')
  await assert.rejects(failing, /bad mac/)
  await new Promise(setImmediate)
  assert.equal(python.asked.length, 0)
})

test('transactions of a connection run one after the other, whatever their names', async () => {
  const { keys } = setUp()
  const order: string[] = []
  const work = (name: string) => async (): Promise<void> => {
    order.push(`${name} begins`)
    await new Promise(setImmediate)
    order.push(`${name} ends`)
  }
  await Promise.all([keys.transaction(work('send'), 'x'), keys.transaction(work('receive'), 'y')])
  assert.deepEqual(order, ['send begins', 'send ends', 'receive begins', 'receive ends'])
})

test('the bracket around a whole send holds no lock', async () => {
  const { keys } = setUp()
  await keys.transaction(async () => {
    await keys.transaction(async () => undefined, 'someone else')
    assert.equal(keys.isInTransaction(), false)
  }, 'me@s.whatsapp.net')
})

test('a late write in a finished transaction is not lost', async () => {
  const { python, keys } = setUp()
  let late: Promise<void> | undefined
  await keys.transaction(async () => {
    late = new Promise(setImmediate).then(() => keys.set({ 'lid-mapping': { '1555': '9' } }))
  }, 'a')
  await late
  const commit = await python.next()
  assert.deepEqual(commit.args.keys, [['lid-mapping', '1555', true]])
})

const entryOf = (id: string, text: string) => {
  const key = { chat: 'c', sender: 's', message_id: id, index: 0 }
  return { key, plaintext: frame('p'), message: { text } }
}

test('a group that is larger than a frame should be leaves in parts, in order, each stanza whole', async () => {
  const { python, store, gate, wire } = setUp()
  const text = '\u0001'.repeat(30_000) // 180,000 bytes in JSON
  for (let index = 0; index < 7; index += 1) {
    store.put({ keys: [[`session\0${index}`, Buffer.of(index)]], entries: [entryOf(`M${index}`, text)] })
  }
  gate.take(frame('receipts'))
  const parts: string[][] = []
  for (let stored = 0; stored < 7;) {
    const { args, blobs, answer } = await python.next()
    assert.equal(args.keys.length, args.entries.length)
    assert.equal(blobs.length, 2 * args.entries.length)
    assert.ok(Buffer.byteLength(JSON.stringify(args)) <= 600_000)
    assert.deepEqual(wire, [])
    parts.push(args.entries.map(({ key }: { key: { message_id: string } }) => key.message_id))
    stored += args.entries.length
    answer()
  }
  await new Promise(setImmediate)
  assert.deepEqual(parts, [['M0', 'M1'], ['M2', 'M3'], ['M4', 'M5'], ['M6']])
  assert.deepEqual(wire, ['receipts'])
})

test('keys that turn out to be large are written in parts too', async () => {
  const { python, store } = setUp()
  const huge = { ratchet: 'x'.repeat(3_000_000) }
  for (let index = 0; index < 4; index += 1) store.set({ session: { [`a.${index}`]: huge as never } })
  const sizes: number[] = []
  for (let stored = 0; stored < 4;) {
    const { args, blobs, answer } = await python.next()
    stored += args.keys.length
    sizes.push(blobs.reduce((sum, blob) => sum + blob.length, 0))
    answer()
  }
  assert.ok(Math.max(...sizes) < 8_000_000, String(sizes))
})

test('thousands of keys that are set at once leave a thousand at a time, those of a person together', async () => {
  const { python, store } = setUp()
  const people = Array.from({ length: 1_250 }, (_, index) => String(15550000000 + index))
  store.set({
    'lid-mapping': Object.fromEntries(
      people.flatMap((pn) => [
        [pn, `9${pn}`],
        [`9${pn}_reverse`, pn]
      ])
    )
  })
  const ids: string[][] = []
  for (let left = 2_500; left > 0; left -= ids.at(-1)?.length ?? left) {
    const commit = await python.next()
    ids.push(commit.args.keys.map(([, id]: [string, string]) => id))
    commit.answer()
  }
  assert.deepEqual(
    ids.map((each) => each.length),
    [1_000, 1_000, 500]
  )
  assert.deepEqual(
    ids.flat(),
    people.flatMap((pn) => [pn, `9${pn}_reverse`])
  )
})

test('what does not fit into one answer is asked for again', async () => {
  const { python, store } = setUp()
  const reading = store.get('session', ['a.1', 'b.1'])
  const first = await python.next()
  first.answer({ head: { v: { found: ['a.1'], rest: ['b.1'] } }, blobs: [encodeKey('session', Buffer.of(1))] })
  const second = await python.next()
  assert.deepEqual(second.args.ids, ['b.1'])
  second.answer({ head: { v: { found: ['b.1'], rest: [] } }, blobs: [encodeKey('session', Buffer.of(2))] })
  assert.deepEqual(await reading, { 'a.1': Buffer.of(1), 'b.1': Buffer.of(2) })
})

test('a name that a stranger made is no longer than an index holds', async () => {
  const { python, store } = setUp()
  store.set({ 'lid-mapping': { ['9'.repeat(12_000)]: '1555', 'a\0b': '1' } })
  const { args } = await python.next()
  for (const [, id] of args.keys) assert.match(id, /^~[0-9a-f]{40}$/)
  assert.deepEqual(await store.get('lid-mapping', ['a\0b']), { 'a\0b': '1' })
})
