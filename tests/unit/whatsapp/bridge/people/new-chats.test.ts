import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'

import { type ListedCredentials, NewChats } from '../../../../../gateway_worker/whatsapp/baileys/bridge/people/new-chats.ts'
import { adopted } from '../../../../../gateway_worker/whatsapp/baileys/bridge/people/own-name.ts'

const WEEK = 604_800

/** An account whose phone says `answer` when it is asked; what the bridge tells of it. */
function account(answer: unknown, kept: object = {}) {
  const notified: unknown[] = []
  const credentials = {
    me: { id: '15550001111:7@s.whatsapp.net' },
    accountSettings: { unarchiveChats: false },
    ...kept
  } as ListedCredentials
  const asked: string[] = []
  const ev = new EventEmitter()
  const newChats = new NewChats({
    socket: {
      ev: ev as never,
      fetchDisappearingDuration: async (jid: string) => {
        asked.push(jid)
        if (answer instanceof Error) throw answer
        return [{ id: jid, disappearing_mode: answer }] as never
      }
    },
    facts: { notify: async (fact) => notified.push(fact) > 0 },
    credentials
  })
  ev.on('creds.update', (update) => {
    Object.assign(credentials, adopted(credentials, update))
    newChats.note()
  })
  return { newChats, notified, asked, ev, credentials }
}

test('nothing is told of new chats before the phone has listed the old ones', async () => {
  const { newChats, notified, asked, ev } = account({ duration: WEEK, setAt: new Date(0) })
  await newChats.open()
  ev.emit('creds.update', { accountSettings: { defaultDisappearingMode: { ephemeralExpiration: WEEK } } })
  assert.deepEqual([notified, asked], [[], []])
  await newChats.listed()
  assert.deepEqual(notified, [{ fact: 'new_chats', seconds: WEEK }])
  assert.deepEqual(asked, [], 'the change has told it')
})

test('what stood there before is asked for once, and kept', async () => {
  const { newChats, notified, asked, credentials } = account({ duration: WEEK, setAt: new Date(1_000) })
  await newChats.listed()
  await newChats.listed()
  assert.deepEqual(notified, [{ fact: 'new_chats', seconds: WEEK }])
  assert.equal(asked.length, 1)
  assert.deepEqual(credentials.accountSettings.defaultDisappearingMode, { ephemeralExpiration: WEEK, ephemeralSettingTimestamp: 1 })
  const next = account(new Error('not asked'), credentials)
  await next.newChats.open()
  assert.deepEqual(next.notified, notified)
})

test('each change is told, and another setting takes it away from nobody', async () => {
  const { newChats, notified, ev } = account({ duration: 0, setAt: new Date(0) })
  await newChats.listed()
  assert.deepEqual(notified, [{ fact: 'new_chats', seconds: 0 }], 'the owner may remember another from the last connection')
  const setting = { ephemeralExpiration: WEEK, ephemeralSettingTimestamp: 5 }
  ev.emit('creds.update', { accountSettings: { defaultDisappearingMode: setting } })
  ev.emit('creds.update', { accountSettings: { unarchiveChats: true } })
  ev.emit('creds.update', { accountSettings: { defaultDisappearingMode: { ...setting, ephemeralExpiration: 0 } } })
  assert.deepEqual(notified.slice(1), [
    { fact: 'new_chats', seconds: WEEK },
    { fact: 'new_chats', seconds: 0 }
  ])
})

test('what is no answer is no setting, and is asked for again at the next login', async () => {
  for (const answer of [new Error('timed out'), undefined, { duration: NaN }]) {
    const { newChats, notified, asked } = account(answer)
    await newChats.listed()
    await newChats.open()
    assert.deepEqual(notified, [])
    assert.equal(asked.length, 2)
  }
})
