import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Frame } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/frames.ts'
import { Gate } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/gate.ts'
import { Lease } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/lease.ts'
import { CallError } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/peer.ts'
import type { Store } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/store.ts'

/** A lease whose time and whose Python the test plays; `over` counts how often it ended the process. */
function setUp() {
  const world = { now: 1_000, over: 0, asked: [] as { answer: (ms: number) => void; refuse: () => void }[] }
  const call = (): Promise<Frame> =>
    new Promise((resolve, reject) => {
      const answer = (ms: number): void => resolve({ head: { v: ms }, blobs: [] })
      world.asked.push({ answer, refuse: () => reject(new CallError('deadline')) })
    })
  const lease = new Lease(
    { call },
    () => (world.over += 1),
    () => world.now
  )
  return { world, lease }
}

test('an answer counts from before the question, however long it lay unread', async () => {
  const { world, lease } = setUp()
  const renewal = lease.renew()
  world.now += 60_000 // this process was stopped, the answer waited in the socket
  world.asked[0]?.answer(20_000)
  await renewal
  assert.equal(lease.holds(), false)
  assert.equal(world.over, 1)
})

test('it holds until it runs out, and a late or missing answer does not shorten it', async () => {
  const { world, lease } = setUp()
  const first = lease.renew()
  world.asked[0]?.answer(20_000)
  await first
  const second = lease.renew()
  void lease.renew()
  assert.equal(world.asked.length, 2, 'one question at a time')
  world.asked[1]?.refuse()
  await second
  world.now += 19_999
  assert.equal(lease.holds(), true)
  world.now += 1
  assert.equal(lease.holds(), false)
})

test('nothing leaves a gate whose lease is over', async () => {
  const { world, lease } = setUp()
  const wire: string[] = []
  const gate = new Gate({ taken: 0, stored: 0 } as Store, lease, (frame) => wire.push(Buffer.from(frame).toString()))
  const renewal = lease.renew()
  world.asked[0]?.answer(20_000)
  await renewal
  gate.take(Buffer.from('in time'))
  world.now += 20_000
  gate.take(Buffer.from('too late'))
  assert.deepEqual(wire, ['in time'])
  assert.equal(world.over, 1)
})
