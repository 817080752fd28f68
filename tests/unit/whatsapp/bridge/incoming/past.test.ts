import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { proto } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { History, type HistoryArguments } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/history.ts'
import { Incoming } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/messages.ts'
import { sealedBy } from '../sealing.ts'

const ME = '15550001111@s.whatsapp.net'
const BEN = '15550002222@s.whatsapp.net'
const GROUP = '120363000@g.us'
const secret = randomBytes(32)
const TYPE = proto.Message.ProtocolMessage.Type
const mapping = { getPNForLID: async () => null, getLIDForPN: async () => null }

type Described = { message_id: string; sender: { jid: string }; content?: { text?: string }; change?: Record<string, unknown> }

/** What of a history is stored, the newest first as phones send it. */
async function described(...messages: proto.IWebMessageInfo[]): Promise<Described[]> {
  const put: HistoryArguments[] = []
  const store = { loadOriginals: async () => [] }
  const admins = { has: async () => false }
  const incoming = new Incoming(() => ({ me: { id: ME, lid: '99@lid' } }) as never, store, admins)
  const history = new History({
    store: { putHistory: async (part) => void put.push(part) },
    incoming,
    mapping: () => mapping,
    me: () => ({ id: ME }),
    isWanted: true
  })
  const read = messages.map((each) => proto.WebMessageInfo.decode(proto.WebMessageInfo.encode(each).finish()))
  history.take({ messages: read, chats: [], contacts: [], progress: 100 } as never)
  await history.stored()
  return put.flatMap(({ entries }) => entries.map(({ message }) => message as Described))
}

function key(id: string, more: proto.IMessageKey = {}): proto.IMessageKey {
  return { remoteJid: BEN, fromMe: false, id, ...more }
}

function edit(id: string, to: string): proto.IMessage {
  return { protocolMessage: { type: TYPE.MESSAGE_EDIT, key: key(id, { fromMe: true }), editedMessage: { conversation: to } } }
}

const text = { key: key('TEXT'), message: { conversation: 'old' }, messageTimestamp: 100, messageSecret: secret }

test('what came as a message of its own is told about the message that stands beside it', async () => {
  const plain = proto.Message.encode(edit('TEXT', 'sealed')).finish()
  const parts = sealedBy(secret, 'TEXT', BEN, BEN, 'Message Edit', plain)
  const sealed = { ...parts, targetMessageKey: key('TEXT', { fromMe: true }), secretEncType: 2 }
  const found = await described(
    { key: key('EDIT2'), message: { secretEncryptedMessage: sealed }, messageTimestamp: 102 },
    { key: key('EDIT1'), message: edit('TEXT', 'new'), messageTimestamp: 101 },
    text
  )
  assert.deepEqual(
    found.map(({ message_id, content, change }) => {
      const edited = change?.['content'] as { text: string } | undefined
      return [message_id, content?.text ?? change?.['about'], edited?.text]
    }),
    [
      ['TEXT', 'old', undefined],
      ['EDIT1', 'TEXT', 'new'],
      ['EDIT2', 'TEXT', 'sealed']
    ]
  )
})

test('an edit stands for a message of which the history holds no more', async () => {
  const of = async (id: string) => {
    const found = await described({ key: key(id), message: edit('GONE', 'as it is'), messageTimestamp: 101 })
    return found.map(({ message_id, content, change }) => [message_id, content?.text ?? change?.['about']])
  }
  assert.deepEqual(await of('GONE'), [['GONE', 'as it is']]) // as clients keep an edited message
  assert.deepEqual(await of('EDIT'), [
    ['GONE', 'as it is'],
    ['EDIT', 'GONE']
  ])
  const forged = { protocolMessage: { type: TYPE.MESSAGE_EDIT, key: key('OURS'), editedMessage: { conversation: 'x' } } }
  assert.deepEqual(
    (await described({ key: key('EDIT'), message: forged })).map(({ message_id }) => message_id),
    ['EDIT']
  )
})

test('what the phone keeps beside a message is told with who did it', async () => {
  const poll = { remoteJid: GROUP, participant: BEN, id: 'POLL', fromMe: false }
  const options = ['Now', 'Later'].map((optionName) => ({ optionName }))
  const vote = { selectedOptions: [createHash('sha256').update('Later').digest()] }
  const cleo = { remoteJid: GROUP, fromMe: false, participant: '15550003333@s.whatsapp.net' }
  const pinned = { type: proto.PinInChat.Type.PIN_FOR_ALL, key: poll, messageAddOnContextInfo: { messageAddOnDurationInSecs: 60 } }
  const found = await described({
    key: poll,
    message: { pollCreationMessageV3: { name: 'When?', options } },
    messageTimestamp: 100,
    reactions: [
      { key: { ...cleo, id: 'R1' }, text: '👍', senderTimestampMs: 5_000 },
      { key: { remoteJid: GROUP, fromMe: true, id: 'R2' }, text: '❤️' },
      { key: { remoteJid: GROUP, fromMe: false, id: 'R3' }, text: 'of nobody' }
    ],
    pollUpdates: [{ pollUpdateMessageKey: { ...cleo, id: 'V' }, vote }],
    pinInChat: pinned,
    keepInChat: { keepType: proto.KeepType.KEEP_FOR_ALL, key: poll, deviceJid: '15550003333:7@s.whatsapp.net' },
    messageAddOns: [{ messageAddOn: { reactionMessage: { key: poll, text: '🎉' } }, messageAddOnKey: { ...cleo, id: 'R4' } }]
  })
  const about = { about: 'POLL', author: BEN, by_admin: false }
  assert.deepEqual(
    found.slice(1).map(({ sender, change }) => [sender.jid, change]),
    [
      [cleo.participant, { ...about, kind: 'reacted', emoji: '👍' }],
      [ME, { ...about, kind: 'reacted', emoji: '❤️' }],
      [cleo.participant, { ...about, kind: 'voted', options: ['Later'], unknown_options: 0 }],
      [BEN, { ...about, kind: 'pinned', pinned: true, seconds: 60 }],
      [cleo.participant, { ...about, kind: 'kept', kept: true }],
      [cleo.participant, { ...about, kind: 'reacted', emoji: '🎉' }]
    ]
  )
  assert.equal(new Set(found.map(({ message_id }) => message_id)).size, found.length)
})
