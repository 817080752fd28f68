import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type Devices, Keys, sending } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/keys.ts'
import type { Store } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/store.ts'

const GROUP = '120363000@g.us'
const OWN = ['15550001111:3@s.whatsapp.net', '99:3@lid']

/** What the store holds of kinds and ids; writes are there at once. */
function setUp(): { keys: Keys; held: Map<string, unknown> } {
  const held = new Map<string, unknown>([
    [`sender-key/${GROUP}::15550001111::3`, 'by number'],
    [`sender-key/${GROUP}::99_1::3`, 'by LID'],
    [`sender-key/${GROUP}::42_1::0`, "Ben's"]
  ])
  const write = (name: string, value: unknown): unknown => (value === null ? held.delete(name) : held.set(name, value))
  const store = {
    isClosed: false,
    get: async (kind: string, ids: string[]) =>
      Object.fromEntries(ids.flatMap((id) => (held.has(`${kind}/${id}`) ? [[id, held.get(`${kind}/${id}`)]] : []))),
    set: (changes: Record<string, Record<string, unknown>>) => {
      for (const [kind, values] of Object.entries(changes)) for (const [id, value] of Object.entries(values)) write(`${kind}/${id}`, value)
    },
    put: ({ keys = [] }: { keys?: Iterable<[string, unknown]> }) => {
      for (const [name, value] of keys) write(name.replace('\0', '/'), value)
    }
  }
  return { keys: new Keys(store as unknown as Store, () => OWN[0]), held }
}

/** A message is handed to the group: these devices have the key then. */
async function send(keys: Keys, devices: Devices): Promise<Map<string, Devices>> {
  const handedOut = new Map<string, Devices>()
  const message = { messageId: 'A', plaintext: new Uint8Array(), isRecorded: false, onRecorded: () => undefined, refusals: [], handedOut }
  await sending.run(message, () => keys.set({ 'sender-key-memory': { [GROUP]: devices } } as never))
  return handedOut
}

const known = async (keys: Keys): Promise<unknown> => (await keys.get('sender-key-memory' as never, [GROUP]))[GROUP]

test('a renewed sender key is gone under both addresses, and nobody has the next one', async () => {
  const { keys, held } = setUp()
  keys.acknowledged(await send(keys, { ben: true, eve: true }))
  assert.deepEqual(await known(keys), { ben: true, eve: true })
  keys.renewSenderKey(GROUP, OWN)
  assert.equal(await known(keys), undefined)
  assert.deepEqual([...held.keys()], [`sender-key/${GROUP}::42_1::0`])
})

test('an acknowledgement that comes after the renewal says nothing of the new key', async () => {
  const { keys } = setUp()
  const before = await send(keys, { ben: true, eve: true })
  keys.renewSenderKey(GROUP, OWN)
  keys.acknowledged(before)
  assert.equal(await known(keys), undefined)
})

test('of two messages on their way the later one knows all who have the key', async () => {
  const { keys, held } = setUp()
  const [first, second] = [await send(keys, { ben: true }), await send(keys, { ben: true, joe: true })]
  keys.acknowledged(second)
  keys.acknowledged(first)
  assert.deepEqual(await known(keys), { ben: true, joe: true })
  assert.deepEqual(held.get(`sender-key-memory/${GROUP}`), { ben: true, joe: true })
})
