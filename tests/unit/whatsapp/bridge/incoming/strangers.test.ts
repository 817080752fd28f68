import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  type AuthenticationCreds,
  type BinaryNode,
  proto
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { decoded, keptOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/decoding.ts'
import { Unbounded } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/limits.ts'
import { isReplayed } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/peer-messages.ts'
import { receiptOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/receipts.ts'
import { unpadded } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/repository.ts'
import { Incoming } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/messages.ts'

const me = { id: '15550001111:3@s.whatsapp.net', lid: '99:3@lid' }
const mapping = { getPNForLID: async () => null, getLIDForPN: async () => null }
const incoming = new Incoming(() => ({ me }) as unknown as AuthenticationCreds)
const HALF_A_PAIR = Buffer.from([0xed, 0xa0, 0x80])

function stanza(attrs: Record<string, string>, ...content: BinaryNode[]): BinaryNode {
  return { tag: 'message', attrs: { id: 'M', from: '15550002222@s.whatsapp.net', t: '1700000000', ...attrs }, content }
}

function described(attrs: Record<string, string>, plaintext: Uint8Array): Promise<any> {
  const node = stanza(attrs, { tag: 'enc', attrs: {}, content: Buffer.of(1) })
  incoming.observe(node)
  const part = incoming.partOf((node.content as BinaryNode[])[0]?.content as Uint8Array)
  assert.ok(part)
  return incoming.describe(part, decoded(plaintext), mapping)
}

test('a text that is no text does not keep its message from being stored', async () => {
  const broken = Buffer.concat([Buffer.of(0x0a, HALF_A_PAIR.length + 1), HALF_A_PAIR, Buffer.of(0)])
  const message = await described({}, new Uint8Array(broken))
  assert.equal(message.content.text.isWellFormed(), true)
  assert.equal(message.content.text.includes('\0'), false)
})

test('neither does what a stranger put into its ids, its times and what it refers to', async () => {
  const plaintext = proto.Message.encode({
    extendedTextMessage: { text: 'hi', contextInfo: { stanzaId: 'Q\0', mentionedJid: ['1\0@s.whatsapp.net'] } }
  }).finish()
  const message = await described({ id: `\0${'x'.repeat(5_000)}`, t: 'yesterday' }, plaintext)
  assert.match(message.message_id, /^~[0-9a-f]{40}$/)
  assert.deepEqual([message.quoted_id, message.mentions], [null, []])
  assert.equal(JSON.stringify(message).includes('\\u0000'), false)
  assert.equal(message.timestamp, 0)
})

test('nor a receipt with such ids: no message of ours has one', async () => {
  const node = { tag: 'receipt', attrs: { id: 'a\0b', from: '15550002222@s.whatsapp.net', t: 'x' } }
  assert.equal(await receiptOf(node, me, mapping), null)
  Object.assign(node, { content: [{ tag: 'list', attrs: {}, content: [{ tag: 'item', attrs: { id: 'M2' } }] }] })
  const receipt = await receiptOf(node, me, mapping)
  assert.deepEqual([receipt?.message_ids, receipt?.timestamp], [['M2'], 0])
})

test('a message that cannot be read, or not in bounded time, is told as something unsupported', async () => {
  const field = Buffer.of(0x62, 0x00) // an empty sub-message
  for (const plaintext of [Buffer.of(0x62, 0x7f, 0x0a), Buffer.concat(Array.from({ length: 200_000 }, () => field))]) {
    const message = await described({}, plaintext)
    assert.deepEqual(message.content, { kind: 'unsupported', whatsapp_type: 'unknown' })
    assert.equal(keptOf(plaintext, decoded(plaintext)).length, 0)
  }
})

test('what cannot be described is set aside with the reason, and a mistake of ours is named', async () => {
  const message = decoded(proto.Message.encode({ conversation: 'hi' }).finish()) ?? {}
  const unlucky = {
    ...message,
    get protocolMessage(): never {
      throw new Unbounded('nobody gave novelty a limit')
    }
  }
  const node = stanza({ id: 'A1' }, { tag: 'enc', attrs: {}, content: Buffer.of(1) })
  incoming.observe(node)
  const part = incoming.partOf((node.content as BinaryNode[])[0]?.content as Uint8Array)
  assert.ok(part)
  const described: any = await incoming.describe(part, unlucky as proto.IMessage, mapping)
  assert.deepEqual([described.message_id, described.chat, described.content], ['A1', '15550002222@s.whatsapp.net', undefined])
  assert.deepEqual(described.set_aside, { reason: 'failed', detail: 'nobody gave novelty a limit', is_encrypted: false })
})

test('what is set aside of a status is told to nobody, and of a list of people in the chat with its sender', () => {
  const sender = { participant: '15550002222:5@s.whatsapp.net' }
  assert.equal(incoming.setAside(stanza({ from: 'status@broadcast', ...sender }), 'failed', 'x'), null)
  const described: any = incoming.setAside(stanza({ from: '1700000000@broadcast', ...sender }), 'failed', 'x')
  assert.equal(described.chat, '15550002222@s.whatsapp.net')
})

test('what is not padded is no message', () => {
  assert.deepEqual([...(unpadded(Buffer.of(7, 1)) ?? [])], [7])
  for (const bytes of [[], [200]]) assert.equal(unpadded(Buffer.from(bytes)), null)
})

test('of a message that is too large its text is kept, also from inside its wrappers', () => {
  const plaintext = proto.Message.encode({ conversation: 'x'.repeat(2_000_000) }).finish()
  const kept = proto.Message.decode(keptOf(plaintext, decoded(plaintext)))
  assert.equal(kept.conversation?.length, 65_536)
  const wrapped = proto.Message.encode({ deviceSentMessage: { message: { conversation: 'x'.repeat(2_000_000) } } }).finish()
  assert.equal(proto.Message.decode(keptOf(wrapped, decoded(wrapped))).conversation?.length, 65_536)
  const small = proto.Message.encode({ conversation: 'hi' }).finish()
  assert.equal(keptOf(small, decoded(small)), small)
})

test('a change of a message that can have no id is no message: it is not told', async () => {
  const key = { id: 'x'.repeat(12_000), remoteJid: '15550002222@s.whatsapp.net' }
  assert.equal(await described({}, proto.Message.encode({ reactionMessage: { key, text: '+' } }).finish()), null)
})

test('who mentions everybody twice mentions a thousand', async () => {
  const mentionedJid = Array.from({ length: 60_000 }, (_, index) => `1555${index}@s.whatsapp.net`)
  const message = await described({}, proto.Message.encode({ extendedTextMessage: { text: 'hi', contextInfo: { mentionedJid } } }).finish())
  assert.deepEqual([message.content.text, message.mentions.length], ['hi', 1_024])
})

test('a plaintext is journaled as it arrives, and told to no backend', async () => {
  const node = stanza({ from: '120363000000000001@newsletter' }, { tag: 'plaintext', attrs: {}, content: Buffer.of(7) })
  const [entry] = await incoming.undecrypted(node, mapping)
  assert.deepEqual([entry?.key.message_id, [...(entry?.plaintext ?? [])], entry?.message], ['M', [7], null])
})

test('a message that only the phone has is remembered until the phone has sent it', async () => {
  const [entry] = await incoming.undecrypted(stanza({}, { tag: 'unavailable', attrs: {} }), mapping)
  assert.deepEqual([entry?.isUnprocessed, entry?.plaintext.length, entry?.key.index], [true, 0, -1])
  const bot = stanza({}, { tag: 'unavailable', attrs: { type: 'bot_unavailable_fanout' } })
  assert.deepEqual(await incoming.undecrypted(bot, mapping), [])
  assert.deepEqual(await incoming.undecrypted(stanza({}, { tag: 'enc', attrs: {}, content: Buffer.of(1) }), mapping), [])
})

test('what WhatsApp shows once, on the phone, is told as that', async () => {
  const node = stanza({}, { tag: 'unavailable', attrs: { type: 'view_once' } })
  const [entry] = await incoming.undecrypted(node, mapping)
  const message = entry?.message as any
  assert.deepEqual(message.content, { kind: 'unsupported', whatsapp_type: 'viewOnceMessage' })
  assert.deepEqual([message.flags.view_once, entry?.isUnprocessed], [true, undefined])
})

test("a status is nobody's message; one to a list of people is a message in the chat with its sender", async () => {
  const text = proto.Message.encode({ conversation: 'hi' }).finish()
  const sender = { participant: '15550002222:5@s.whatsapp.net' }
  assert.equal(await described({ from: 'status@broadcast', ...sender }, text), null)
  const message = await described({ from: '1700000000@broadcast', ...sender }, text)
  assert.equal(message.chat, '15550002222@s.whatsapp.net')
})

test('what the phone shares is replayed until it is acted on, nothing else is', () => {
  const { Type } = proto.Message.ProtocolMessage
  for (const type of [Type.APP_STATE_SYNC_KEY_SHARE, Type.HISTORY_SYNC_NOTIFICATION, Type.LID_MIGRATION_MAPPING_SYNC]) {
    assert.equal(isReplayed({ protocolMessage: { type } }), true)
    assert.equal(isReplayed({ deviceSentMessage: { message: { protocolMessage: { type } } } }), true)
  }
  assert.equal(isReplayed({ protocolMessage: { type: Type.REVOKE } }), false)
  assert.equal(isReplayed({ conversation: 'hi' }), false)
})
