import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type BinaryNode, proto } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import {
  asksForItself,
  RetryReceipts,
  type RetryParts
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/retry-receipts.ts'

const GROUP = '120363000@g.us'
const PHONE = '42@lid'
const plaintext = proto.Message.encode({ conversation: 'hello' }).finish()

const asking = (participant: string, from = GROUP): BinaryNode => ({
  tag: 'receipt',
  attrs: { id: 'A', type: 'retry', from, participant },
  content: [{ tag: 'retry', attrs: { count: '2', id: 'A' } }]
})

test('only what a phone asks for in a group is answered here', () => {
  assert.equal(asksForItself(asking(PHONE)), true)
  assert.equal(asksForItself(asking('42:3@lid')), false)
  assert.equal(asksForItself(asking(PHONE, PHONE)), false)
  assert.equal(asksForItself({ tag: 'receipt', attrs: { id: 'A', from: GROUP, participant: PHONE } }), false)
})

test('a phone that could not read a message gets it again alone, five times at most, and each question is confirmed', async () => {
  const done: unknown[][] = []
  let confirmed = (): void => undefined
  const socket = {
    assertSessions: async (jids: string[], force: boolean) => done.push(['session', ...jids, force]),
    relayMessage: async (to: string, message: proto.IMessage, options: unknown) => done.push(['sent', to, message.conversation, options]),
    sendMessageAck: async () => confirmed()
  }
  const after = async (chat: string, step: () => Promise<void>): Promise<void> => {
    done.push(['turn', chat])
    await step()
  }
  const sent = { plaintext, edited: null }
  const retries = new RetryReceipts({ socket, store: { loadSent: async () => sent }, order: { after } } as unknown as RetryParts)
  for (let time = 0; time < 6; time += 1) {
    await new Promise<void>((resolve) => {
      confirmed = resolve
      retries.answer(asking(PHONE))
    })
  }
  const once = [
    ['session', PHONE, true],
    ['turn', GROUP],
    ['sent', GROUP, 'hello', { messageId: 'A', participant: { jid: PHONE, count: 2 } }]
  ]
  assert.deepEqual(done, [once, once, once, once, once].flat())
})

test('what was edited meanwhile goes as it is now, and what was deleted meanwhile does not go', async () => {
  const said: unknown[] = []
  let answered = (): void => undefined
  const socket = {
    assertSessions: async () => undefined,
    relayMessage: async (_: string, message: proto.IMessage) => said.push(message.conversation),
    sendMessageAck: async () => answered()
  }
  const versions = [{ plaintext, edited: null }, { plaintext, edited: 'edited' }, { plaintext, edited: null }, undefined]
  const order = { after: async (_: string, step: () => Promise<void>) => step() }
  const retries = new RetryReceipts({ socket, store: { loadSent: async () => versions.shift() }, order } as unknown as RetryParts)
  for (let time = 0; time < 2; time += 1) {
    await new Promise<void>((resolve) => {
      answered = resolve
      retries.answer(asking(PHONE))
    })
  }
  assert.deepEqual(said, ['edited'])
})
