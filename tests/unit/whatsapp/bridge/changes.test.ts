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
const CHAT = voter.pn
const GROUP = '120363000@g.us'
const ADMIN = '77@lid'
const doing = { sender: voter, isMe: false, jid: voter.lid, chat: CHAT }
const inGroup = { ...doing, jid: GROUP, chat: GROUP }
const recall = {
  own: [me, '99@lid'],
  poll: async (id: string, chat: string) => (id === 'POLL' && chat === CHAT ? poll : undefined),
  isAdmin: async (_: string, { lid }: { lid: string | undefined }) => lid === ADMIN
}
const ours = { author: '', by_admin: false }
const unsaid = { author: null, by_admin: false }

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
      const change = await changeOf(vote(author, jid, ['Later']), doing, recall)
      assert.deepEqual(change, { about: 'POLL', ...ours, kind: 'voted', options: ['Later'] })
    }
  }
  assert.deepEqual(await changeOf(vote(me, voter.pn, []), doing, recall), { about: 'POLL', ...ours, kind: 'voted', options: [] })
})

test('a vote that cannot be opened is still told', async () => {
  const unknown = await changeOf(vote(me, voter.pn, ['Now'], 'OTHER'), doing, recall)
  assert.deepEqual(unknown, { about: 'OTHER', ...ours, kind: 'voted', options: null })
  const forged = await changeOf(vote(me, '15550003333@s.whatsapp.net', ['Now']), doing, recall)
  assert.deepEqual(forged, { about: 'POLL', ...ours, kind: 'voted', options: null })
})

test('edits, revocations and reactions name what they are about', async () => {
  const key = { id: 'M' }
  const cases: [proto.IMessage, unknown][] = [
    [{ protocolMessage: { type: 0, key } }, { about: 'M', ...unsaid, kind: 'revoked' }],
    [
      { protocolMessage: { type: 14, key, editedMessage: { conversation: 'new' } } },
      { about: 'M', ...unsaid, kind: 'edited', content: { kind: 'text', text: 'new' } }
    ],
    [{ reactionMessage: { key, text: '👍' } }, { about: 'M', ...unsaid, kind: 'reacted', emoji: '👍' }],
    [{ reactionMessage: { key } }, { about: 'M', ...unsaid, kind: 'reacted', emoji: '' }],
    [{ protocolMessage: { type: 0 } }, null],
    [{ protocolMessage: { type: 5, key } }, null],
    [{ conversation: 'hi' }, null]
  ]
  for (const [message, expected] of cases) assert.deepEqual(await changeOf(message, doing, recall), expected)
})

test('a change says whose message it is about, seen by who wrote it', async () => {
  const author = async (key: proto.IMessageKey, where: typeof doing): Promise<unknown> => {
    const change = await changeOf({ reactionMessage: { key: { id: 'M', ...key }, text: 'x' } }, where, recall)
    return change === 'nothing' ? change : change?.author
  }
  assert.equal(await author({ fromMe: false }, doing), '')
  assert.equal(await author({ fromMe: true }, doing), CHAT)
  assert.equal(await author({ fromMe: true }, { ...doing, isMe: true }), '')
  assert.equal(await author({ fromMe: false }, { ...doing, isMe: true }), CHAT)
  assert.equal(await author({ participant: '99:3@lid' }, inGroup), '')
  assert.equal(await author({ participant: '55@lid' }, inGroup), '55@lid')
  assert.equal(await author({ fromMe: true }, inGroup), voter.pn)
  assert.equal(await author({}, inGroup), null)
})

test('what names a group that it does not come from counts for nothing', async () => {
  const key = { id: 'M', remoteJid: GROUP, fromMe: true }
  const edit = { protocolMessage: { type: 14, key, editedMessage: { conversation: 'new' } } }
  assert.equal(await changeOf(edit, doing, recall), 'nothing')
  assert.equal(await changeOf({ reactionMessage: { key, text: 'x' } }, doing, recall), 'nothing')
  assert.notEqual(await changeOf(edit, inGroup, recall), 'nothing')
})

test('who deletes what another wrote is looked up among the admins of the group', async () => {
  const revocation = { protocolMessage: { type: 0, key: { id: 'M', participant: '55@lid' } } }
  const by = (lid: string): typeof inGroup => ({ ...inGroup, sender: { pn: '15550009999@s.whatsapp.net', lid } })
  const told = { about: 'M', author: '55@lid', kind: 'revoked' }
  assert.deepEqual(await changeOf(revocation, by(ADMIN), recall), { ...told, by_admin: true })
  assert.deepEqual(await changeOf(revocation, by('66@lid'), recall), { ...told, by_admin: false })
})
