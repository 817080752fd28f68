import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Gate } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/gate.ts'
import { CallError } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/peer.ts'
import { Acknowledgements } from '../../../../../gateway_worker/whatsapp/baileys/bridge/outgoing/acknowledgements.ts'
import { StoreClosed } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/store.ts'

const kind = (expected: string) => (error: unknown) => error instanceof CallError && error.failure.kind === expected
const ack = (id: string) => ({ tag: 'ack', attrs: { id, t: '7' } })
const boom = (statusCode: number) => Object.assign(new Error('from Baileys'), { output: { statusCode } })

function setUp(): { gate: { taken: number; left: number }; acknowledgements: Acknowledgements } {
  const gate = { taken: 0, left: 0 }
  return { gate, acknowledgements: new Acknowledgements(gate as unknown as Gate, 10_000) }
}

test('a message that is on its way is waited for, not sent again', async () => {
  const { acknowledgements } = setUp()
  let relayed = 0
  const relay = async (): Promise<void> => void (relayed += 1)
  const both = Promise.all([acknowledgements.of('M', relay), acknowledgements.of('M', relay)])
  acknowledgements.acknowledge(ack('M'))
  assert.deepEqual(
    (await both).map(({ timestamp }) => timestamp),
    [7, 7]
  )
  assert.equal(relayed, 1)
})

test('what Baileys says when a socket closes or a query is not answered, the end of the connection says better', async () => {
  for (const error of [boom(428), boom(408), new StoreClosed()]) {
    const { acknowledgements } = setUp()
    const sending = acknowledgements.of('M', () => Promise.reject(error))
    await new Promise(setImmediate)
    acknowledgements.failAll('not_connected')
    await assert.rejects(sending, kind('not_connected'))
  }
})

test('a failure after the stanza left does not decide: the acknowledgement does', async () => {
  const { acknowledgements, gate } = setUp()
  const sending = acknowledgements.of('M', async () => {
    acknowledgements.encrypted('M')
    gate.taken += 1
    gate.left += 1
    throw new TypeError('after the wire')
  })
  await new Promise(setImmediate)
  acknowledgements.acknowledge(ack('M'))
  const { timestamp, wire_ms } = await sending
  assert.equal(timestamp, 7)
  assert.ok(wire_ms >= 0 && wire_ms < 10_000)
})

test('a failure before that is told, a refusal with its code', async () => {
  const { acknowledgements } = setUp()
  await assert.rejects(
    acknowledgements.of('M', () => Promise.reject(new TypeError('broken'))),
    TypeError
  )
  const refused = Object.assign(new Error('not-acceptable'), { data: 406 })
  await assert.rejects(
    acknowledgements.of('M', () => Promise.reject(refused)),
    kind('refused')
  )
})

test('when a connection ends, what may have left is unknown and the rest did not leave', async () => {
  const { acknowledgements, gate } = setUp()
  const left = acknowledgements.of('LEFT', async () => acknowledgements.encrypted('LEFT'))
  gate.left += 1
  const held = acknowledgements.of('HELD', () => new Promise(() => undefined))
  acknowledgements.failAll('store_refused')
  await assert.rejects(left, kind('outcome_unknown'))
  await assert.rejects(held, kind('store_refused'))
})
