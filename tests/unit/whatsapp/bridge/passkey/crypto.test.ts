import '../first.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BinaryNode } from 'baileys'

import { codeOf, handoffKey, handoffProof, primaryOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/passkey/crypto.ts'
import { optionsIn } from '../../../../../gateway_worker/whatsapp/baileys/bridge/passkey/options.ts'

/** The numbers from `first` on: the simulator's own tests compute the same from these. */
const counted = (first: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, index) => first + index)

function asked(content: BinaryNode['content']): BinaryNode {
  return {
    tag: 'notification',
    attrs: {},
    content: [{ tag: 'passkey_request_options', attrs: {}, ...(content === undefined ? {} : { content }) }]
  }
}

test('the code and the proof are those that the phone computes', () => {
  assert.equal(codeOf(counted(0), { publicKey: counted(32), nonce: counted(64) }), 'QPNZ-QVXQ')
  assert.equal(
    handoffProof(handoffKey(counted(0)), Buffer.from('prologue')).toString('hex'),
    '9ccd26dfa5238f3a64f47da3760b30431412eda7080c5daa68fa6a596d3b75bb'
  )
})

test('a key or nonce of another length than 32 is none', () => {
  const message = (key: number, nonce: number): Buffer =>
    Buffer.concat([Buffer.from([0x0a, key]), Buffer.alloc(key), Buffer.from([0x12, nonce]), Buffer.alloc(nonce)])
  assert.ok(primaryOf(message(32, 32)))
  for (const [key, nonce] of [
    [31, 32],
    [33, 32],
    [32, 31],
    [32, 33],
    [0, 0]
  ] as const) {
    assert.equal(primaryOf(message(key, nonce)), undefined)
  }
  assert.equal(primaryOf(Buffer.alloc(0)), undefined)
  assert.equal(primaryOf(Buffer.from([0x0a, 0x20])), undefined)
})

test('request options are passed on as they are, with a time that is bounded', () => {
  const options = { challenge: 'abc', timeout: 600_000, extensions: { uvm: true }, novelty: [1] }
  assert.deepEqual(optionsIn(asked(Buffer.from(JSON.stringify(options)))), { json: JSON.stringify(options), timeout: 600_000 })
  const timeoutOf = (timeout: unknown): number | undefined =>
    optionsIn(asked(Buffer.from(JSON.stringify({ challenge: 'c', timeout }))))?.timeout
  assert.deepEqual([timeoutOf(1), timeoutOf(1e12), timeoutOf('x'), timeoutOf(-1)], [10_000, 3_600_000, 600_000, 600_000])
})

test('what nobody could sign is no request', () => {
  for (const text of ['', '[]', 'null', '{}', '{"challenge": 7}', '{"challenge": ""}', `{"challenge": "${'x'.repeat(20_000)}"}`]) {
    assert.equal(optionsIn(asked(Buffer.from(text))), undefined)
  }
  assert.equal(optionsIn(asked(undefined)), undefined)
  assert.equal(optionsIn(asked(Buffer.from([0x7b, 0xff]))), undefined)
  assert.equal(optionsIn({ tag: 'notification', attrs: {} }), undefined)
})
