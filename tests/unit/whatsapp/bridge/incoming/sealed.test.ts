import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { proto } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { decoded, keptOf, MAX_KEPT_BYTES } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/decoding.ts'
import { opened } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/sealed.ts'
import { messageContextOf, quotedIn, secretOf, withSecret } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/secrets.ts'
import { sealedBy } from '../sealing.ts'

const inner = randomBytes(32)
const outer = randomBytes(32)

test('the secret of a message is found wherever phones put it', () => {
  const by = (messageSecret: Uint8Array) => ({ messageContextInfo: { messageSecret } })
  const poll = { pollCreationMessageV3: { name: 'When?' } }
  const cases: [proto.IMessage, Uint8Array | null][] = [
    [{ ...poll, ...by(inner) }, inner],
    [{ deviceSentMessage: { message: poll }, ...by(outer) }, outer],
    [{ deviceSentMessage: { message: { ...poll, ...by(inner) } }, ...by(outer) }, inner],
    [{ deviceSentMessage: { message: { ephemeralMessage: { message: { ...poll, ...by(inner) } } } } }, inner],
    [{ deviceSentMessage: { message: { ...poll, ...by(new Uint8Array()) } }, ...by(outer) }, outer],
    [poll, null],
    [{ conversation: 'x', ...by(randomBytes(5_000)) }, null]
  ]
  for (const [message, expected] of cases) assert.deepEqual(secretOf(message), expected)
})

test('what lies inside says more, and what it does not say comes from outside', () => {
  const message = {
    deviceSentMessage: { message: { conversation: 'x', messageContextInfo: { messageSecret: inner } } },
    messageContextInfo: { messageSecret: outer, messageAddOnDurationInSecs: 60 }
  }
  assert.deepEqual(messageContextOf(message), { messageSecret: inner, messageAddOnDurationInSecs: 60 })
})

test('what a phone keeps has the secret that stands beside the message', () => {
  const message = { conversation: 'x' }
  assert.deepEqual(secretOf(withSecret({ message, messageSecret: outer })), outer)
  const both = { ...message, messageContextInfo: { messageSecret: inner } }
  assert.deepEqual(secretOf(withSecret({ message: both, messageSecret: outer })), inner)
  assert.equal(secretOf(withSecret({ message })), null)
  assert.equal('messageContextInfo' in message, false)
})

test('a quote that brings the secret of what it quotes is used for that', () => {
  const quoting = (quotedMessage: proto.IMessage, stanzaId = 'M') => ({
    extendedTextMessage: { text: 'so?', contextInfo: { stanzaId, participant: '42@lid', quotedMessage } }
  })
  const message = { messageContextInfo: { messageSecret: inner } }
  assert.deepEqual(quotedIn(quoting({ conversation: 'x', ...message })), { id: 'M', author: '42@lid', message })
  assert.equal(quotedIn(quoting({ conversation: 'x' })), null)
  assert.equal(quotedIn(quoting(message, 'no id')), null)
  assert.equal(quotedIn({ conversation: 'x' }), null)
})

test('what is kept of a message that is too large has its secret still', () => {
  const message = { conversation: 'x'.repeat(MAX_KEPT_BYTES), messageContextInfo: { messageSecret: inner } }
  const plaintext = proto.Message.encode(message).finish()
  const kept = decoded(keptOf(plaintext, message))
  assert.deepEqual(Buffer.from(secretOf(kept ?? {}) ?? []), inner)
})

const [author, sealer] = ['42@lid', '15550002222@s.whatsapp.net']

test('each message under an id is tried with each pair of addresses, device numbers aside', () => {
  const sealed = sealedBy(inner, 'M', author, sealer, 'Message Edit', Buffer.from('new'))
  const messages = [
    { id: 'M', secret: null, authors: [author] },
    { id: 'M', secret: outer, authors: [author] },
    { id: 'M', secret: inner, authors: ['7@lid', null, '42:3@lid'] }
  ]
  const found = opened('edit', sealed, messages, [undefined, '42@lid', '15550002222:9@s.whatsapp.net'])
  assert.deepEqual([found?.index, Buffer.from(found?.plaintext ?? []).toString()], [2, 'new'])
})

test('what is sealed otherwise, or about something else, does not open', () => {
  const plain = Buffer.from('new')
  const message = { id: 'M', secret: inner, authors: [author] }
  const open = (sealed: Parameters<typeof opened>[1]) => opened('edit', sealed, [message], [sealer])
  assert.ok(open(sealedBy(inner, 'M', author, sealer, 'Message Edit', plain)))
  assert.equal(open(sealedBy(inner, 'N', author, sealer, 'Message Edit', plain)), null)
  assert.equal(open(sealedBy(inner, 'M', sealer, author, 'Message Edit', plain)), null)
  assert.equal(open(sealedBy(inner, 'M', author, sealer, 'Event Edit', plain)), null)
  assert.equal(open(sealedBy(inner, 'M', author, sealer, 'Message Edit', plain, 'bound')), null)
  assert.equal(open({}), null)
  assert.equal(open({ encPayload: Buffer.alloc(3), encIv: Buffer.alloc(12) }), null)
  assert.equal(open({ encPayload: Buffer.alloc(30), encIv: Buffer.alloc(0) }), null)
  assert.equal(open({ encPayload: Buffer.alloc(30), encIv: Buffer.alloc(500) }), null)
})

test('a stranger cannot have us try for long', () => {
  const sealed = sealedBy(inner, 'M', author, sealer, 'Message Edit', Buffer.alloc(100_000))
  const strangers = Array.from({ length: 50 }, () => ({ id: 'M', secret: outer, authors: [author] }))
  const right = { id: 'M', secret: inner, authors: [author] }
  assert.equal(opened('edit', sealed, [right, ...strangers], [sealer])?.index, 0)
  assert.equal(opened('edit', sealed, [...strangers, right], [sealer]), null)
  assert.equal(opened('vote', sealed, [right], [sealer]), null)
})
