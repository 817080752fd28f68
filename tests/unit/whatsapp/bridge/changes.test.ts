import '../../../../gateway_worker/whatsapp/baileys/bridge/silence.ts'
import '../../../../gateway_worker/whatsapp/baileys/bridge/strict.ts'

import assert from 'node:assert/strict'
import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { proto } from '../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { changeOf } from '../../../../gateway_worker/whatsapp/baileys/bridge/changes.ts'

const me = '15550001111@s.whatsapp.net'
const voter = { pn: '15550002222@s.whatsapp.net', lid: '42@lid' }
const secret = randomBytes(32)
const poll = {
  pollCreationMessageV3: { name: 'When?', options: [{ optionName: 'Now' }, { optionName: 'Later' }], selectableOptionsCount: 1 },
  messageContextInfo: { messageSecret: secret }
}
const recall = { own: [me, '99@lid'], message: async (id: string) => (id === 'POLL' ? poll : undefined) }

/** A vote as WhatsApp's clients encrypt it: the key is bound to poll, author and voter. */
function vote(author: string, voterJid: string, options: string[], id = 'POLL'): proto.IMessage {
  const sign = Buffer.concat([...[id, author, voterJid, 'Poll Vote'].map((part) => Buffer.from(part)), Buffer.of(1)])
  const key = createHmac('sha256', createHmac('sha256', Buffer.alloc(32)).update(secret).digest()).update(sign).digest()
  const encIv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, encIv).setAAD(Buffer.from(`${id}\0${voterJid}`))
  const selectedOptions = options.map((name) => createHash('sha256').update(name).digest())
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish()
  const encPayload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return { pollUpdateMessage: { pollCreationMessageKey: { id, fromMe: false }, vote: { encPayload, encIv } } }
}

test('a vote opens whichever addresses its client used', async () => {
  for (const author of [me, '99@lid']) {
    for (const jid of [voter.pn, voter.lid]) {
      const change = await changeOf(vote(author, jid, ['Later']), voter, recall)
      assert.deepEqual(change, { about: 'POLL', kind: 'voted', options: ['Later'] })
    }
  }
  assert.deepEqual(await changeOf(vote(me, voter.pn, []), voter, recall), { about: 'POLL', kind: 'voted', options: [] })
})

test('a vote that cannot be opened is still told', async () => {
  const unknown = await changeOf(vote(me, voter.pn, ['Now'], 'OTHER'), voter, recall)
  assert.deepEqual(unknown, { about: 'OTHER', kind: 'voted', options: null })
  const forged = await changeOf(vote(me, '15550003333@s.whatsapp.net', ['Now']), voter, recall)
  assert.deepEqual(forged, { about: 'POLL', kind: 'voted', options: null })
})

test('edits, revocations and reactions name what they are about', async () => {
  const key = { id: 'M' }
  const cases: [proto.IMessage, unknown][] = [
    [{ protocolMessage: { type: 0, key } }, { about: 'M', kind: 'revoked' }],
    [
      { protocolMessage: { type: 14, key, editedMessage: { conversation: 'new' } } },
      { about: 'M', kind: 'edited', content: { kind: 'text', text: 'new' } }
    ],
    [{ reactionMessage: { key, text: '👍' } }, { about: 'M', kind: 'reacted', emoji: '👍' }],
    [{ reactionMessage: { key } }, { about: 'M', kind: 'reacted', emoji: '' }],
    [{ protocolMessage: { type: 0 } }, null],
    [{ protocolMessage: { type: 5, key } }, null],
    [{ conversation: 'hi' }, null]
  ]
  for (const [message, expected] of cases) assert.deepEqual(await changeOf(message, voter, recall), expected)
})
