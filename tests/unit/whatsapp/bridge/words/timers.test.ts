import assert from 'node:assert/strict'
import { test } from 'node:test'

import { proto } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { type HistoryArguments, History } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/history.ts'
import {
  disappearing,
  timerOf,
  timerSetBy,
  timersIn,
  timerSetting
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/timers.ts'

const DAY = 86_400
const AT = 1_790_000_000
const unsaid = { by_me: null }
const NOBODY = { getPNForLID: async () => null, getLIDForPN: async () => null }

test('a message tells the timer of its chat, if it speaks of it', () => {
  const cases: [proto.IContextInfo | undefined, unknown][] = [
    [undefined, null],
    [{ stanzaId: 'A' }, null],
    [{ expiration: 0 }, null],
    [{ expiration: DAY }, { seconds: DAY, changed_at: null, ...unsaid }],
    [
      { expiration: DAY, ephemeralSettingTimestamp: AT },
      { seconds: DAY, changed_at: AT, ...unsaid }
    ],
    [
      { expiration: 0, ephemeralSettingTimestamp: AT },
      { seconds: 0, changed_at: AT, ...unsaid }
    ],
    [{ expiration: 4_000_000_000 }, null]
  ]
  for (const [contextInfo, expected] of cases) {
    const message = proto.Message.fromObject({ imageMessage: { ...(contextInfo ? { contextInfo } : {}) } })
    assert.deepEqual(timerOf(proto.Message.decode(proto.Message.encode(message).finish())), expected)
  }
})

test('a timer is set by a message of its own, wrapped or not', () => {
  const setting = timerSetting({ seconds: DAY, changed_at: AT, by_me: true })
  for (const message of [setting, { ephemeralMessage: { message: setting } }]) {
    const decoded = proto.Message.decode(proto.Message.encode(message).finish())
    assert.deepEqual(timerSetBy(decoded), { seconds: DAY, changed_at: AT, ...unsaid })
  }
  assert.equal(timerSetBy({ conversation: 'a' }), null)
  assert.equal(timerSetBy({ protocolMessage: { type: proto.Message.ProtocolMessage.Type.REVOKE } }), null)
})

test('what we send says when it goes, whatever is around it', () => {
  const timer = { seconds: DAY, changed_at: AT, by_me: false }
  const messages = [
    { conversation: 'a' },
    { extendedTextMessage: { text: 'a', contextInfo: { stanzaId: 'Q' } } },
    { viewOnceMessageV2: { message: { imageMessage: {} } } },
    { pollCreationMessageV3: { name: 'a' } }
  ]
  for (const each of messages) {
    const sent = disappearing(each as proto.IMessage, timer)
    assert.deepEqual(timerOf(innermost(sent)), { seconds: DAY, changed_at: AT, ...unsaid }, JSON.stringify(each))
  }
})

test('what is said stays said, and what stays says nothing', () => {
  const timer = { seconds: DAY, changed_at: null, by_me: null }
  const sent = disappearing(proto.Message.fromObject({ extendedTextMessage: { text: 'a', contextInfo: { stanzaId: 'Q' } } }), timer)
  assert.equal(sent.extendedTextMessage?.contextInfo?.stanzaId, 'Q')
  assert.equal(disappearing(proto.Message.fromObject({ conversation: 'a' }), timer).extendedTextMessage?.text, 'a')
  const stays = disappearing(proto.Message.fromObject({ conversation: 'a' }), { ...timer, seconds: 0 })
  assert.equal(stays.conversation, 'a')
})

test('a history names the chats that have one, and those with a person that have none', async () => {
  const chats = [
    { id: '15550002222@s.whatsapp.net', ephemeralExpiration: DAY, ephemeralSettingTimestamp: AT },
    { id: '15550003333@s.whatsapp.net', ephemeralExpiration: 0 },
    { id: '99@lid' },
    { id: '120363000@g.us', ephemeralExpiration: 0 },
    { id: 'status@broadcast' }
  ]
  const found = await timersIn(chats as never, NOBODY)
  const stays = { seconds: 0, changed_at: null, ...unsaid }
  assert.deepEqual(found, [
    { chat: '15550002222@s.whatsapp.net', timer: { seconds: DAY, changed_at: AT, ...unsaid } },
    { chat: '15550003333@s.whatsapp.net', timer: stays },
    { chat: '99@lid', timer: stays }
  ])
})

test('a message that begins a chat with the timer of new chats says so', () => {
  const timer = { seconds: DAY, changed_at: AT, by_me: true }
  const { Initiator, Trigger } = proto.DisappearingMode
  const mode = (sent: proto.IMessage): proto.IDisappearingMode | null | undefined =>
    proto.Message.decode(proto.Message.encode(sent).finish()).extendedTextMessage?.contextInfo?.disappearingMode
  const first = mode(disappearing({ conversation: 'a' }, { ...timer, of_new_chats: true }))
  assert.equal(first?.initiator, Initiator.INITIATED_BY_ME)
  assert.equal(first?.trigger, Trigger.ACCOUNT_SETTING)
  assert.equal(first?.initiatedByMe, true)
  const later = mode(disappearing({ conversation: 'a' }, timer))
  assert.equal(later?.initiator, Initiator.CHANGED_IN_CHAT)
  assert.equal(later?.trigger, Trigger.CHAT_SETTING)
})

function innermost(message: proto.IMessage): proto.IMessage {
  return message.viewOnceMessageV2?.message ?? message
}

test('timers are learnt from a history that nobody wants', async () => {
  const put: HistoryArguments[] = []
  const history = new History({
    store: { putHistory: async (part) => void put.push(part) },
    incoming: { ofHistory: async () => [], besides: () => [] },
    mapping: () => NOBODY,
    me: () => undefined,
    isWanted: false
  })
  const chats = [{ id: '15550002222@s.whatsapp.net', ephemeralExpiration: DAY }]
  history.take({ messages: [], chats, contacts: [{ id: 'x@s.whatsapp.net', notify: 'X' }], progress: 1 } as never)
  await history.stored()
  const timers = [{ chat: '15550002222@s.whatsapp.net', timer: { seconds: DAY, changed_at: null, ...unsaid } }]
  assert.deepEqual(put, [{ entries: [], contacts: [], timers, part: null, processed: [] }])
})

test('the chats are listed with the first part of a history, the own one among them', async () => {
  const stored: unknown[] = []
  const history = new History({
    store: { putHistory: async ({ timers }) => void stored.push(...(timers ?? [])) },
    incoming: { ofHistory: async () => [], besides: () => [] },
    mapping: () => NOBODY,
    me: () => ({ id: '15550001111:7@s.whatsapp.net' }),
    isWanted: false,
    onListed: () => void stored.push('listed')
  })
  const { INITIAL_BOOTSTRAP, NON_BLOCKING_DATA } = proto.HistorySync.HistorySyncType
  const part = { messages: [], chats: [], contacts: [], progress: 1 }
  history.take({ ...part, syncType: NON_BLOCKING_DATA } as never)
  history.take({ ...part, syncType: INITIAL_BOOTSTRAP } as never)
  await history.stored()
  const own = { chat: '15550001111@s.whatsapp.net', timer: { seconds: 0, changed_at: null, ...unsaid } }
  assert.deepEqual(stored, [own, 'listed'])
})
