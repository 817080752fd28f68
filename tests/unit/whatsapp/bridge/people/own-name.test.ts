import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { mock, test } from 'node:test'

import type { AuthenticationCreds, BaileysEventEmitter } from 'baileys'

import {
  adopted,
  Appearance,
  isNew,
  ownName,
  PATIENCE_MS,
  whenNamed
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/people/own-name.ts'

const JID = '15550001111:3@s.whatsapp.net'
const NO_NAME = '~' // as Baileys has it

function waiting(): { events: EventEmitter; calls: () => number } {
  const events = new EventEmitter()
  const done = mock.fn()
  whenNamed(events as unknown as BaileysEventEmitter, done)
  return { events, calls: () => done.mock.callCount() }
}

test('a name that Baileys puts there itself is none', () => {
  assert.deepEqual(
    [NO_NAME, '', undefined, 'Ana'].map((name) => ownName({ me: { id: JID, ...(name === undefined ? {} : { name }) } })),
    [null, null, null, 'Ana']
  )
  assert.equal(ownName({}), null)
})

test('a device is new until its phone has shared the key of the app state', () => {
  const judged = [{ account: {} }, { account: {}, myAppStateKeyId: 'AAAA' }, {}].map((held) => isNew(held as AuthenticationCreds))
  assert.deepEqual(judged, [true, false, false])
})

test('whoever waits for the name is told once, when it is known', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const { events, calls } = waiting()
  events.emit('creds.update', { nextPreKeyId: 7 })
  events.emit('creds.update', { me: { id: JID, name: NO_NAME } })
  assert.equal(calls(), 0)
  events.emit('creds.update', { me: { id: JID, name: 'Ana' } })
  events.emit('creds.update', { me: { id: JID, name: 'Ana Maria' } })
  mock.timers.tick(PATIENCE_MS)
  assert.equal(calls(), 1)
  assert.equal(events.listenerCount('creds.update'), 0)
  mock.timers.reset()
})

test('a phone that says nothing is not waited for any longer', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const { events, calls } = waiting()
  mock.timers.tick(PATIENCE_MS - 1)
  assert.equal(calls(), 0)
  mock.timers.tick(1)
  assert.equal(calls(), 1)
  assert.equal(events.listenerCount('creds.update'), 0)
  mock.timers.reset()
})

/** An account as Baileys holds it, and what it says of itself. */
function account(name: string | undefined, isOnline: boolean) {
  const credentials = { me: { id: JID, ...(name === undefined ? {} : { name }) } }
  const said: unknown[] = []
  const sendPresenceUpdate = async (type: string): Promise<void> => {
    if (credentials.me.name !== undefined) said.push([type, credentials.me.name])
    return Promise.resolve()
  }
  const ev = { emit: (_: string, { isOnline }: { isOnline?: boolean }) => said.push({ isOnline }) }
  const appearance = new Appearance({ ev, sendPresenceUpdate } as never, credentials, isOnline)
  const call = (name: string): string | null => {
    adopted(credentials, { me: { id: JID, name } })
    return appearance.renamed()
  }
  return { appearance, said, call }
}

test('an account without a name says nothing of itself; its name and whether it is online go out together', async () => {
  const { appearance, said, call } = account(undefined, false)
  assert.equal(call('too early'), null) // Baileys says it itself at the login
  appearance.open()
  assert.equal(call('Ana'), 'Ana')
  assert.equal(call('Ana'), null)
  await appearance.show('available')
  assert.equal(call('Ana Maria'), 'Ana Maria')
  assert.deepEqual(said, [
    ['unavailable', 'Ana'],
    ['available', 'Ana'],
    ['available', 'Ana Maria']
  ])
})

test('receipts of an account without a name are those of one that is there', () => {
  const { appearance, said } = account(undefined, true)
  appearance.open()
  assert.deepEqual(said, [{ isOnline: true }])
})

test('Baileys sees no other name, and none that is missing', () => {
  const credentials = { me: { id: JID, name: 'Ana' } }
  assert.deepEqual(adopted(credentials, { nextPreKeyId: 7 }), { nextPreKeyId: 7, me: { id: JID, name: 'Ana' } })
  const update = { me: { id: JID, name: 'Ana Maria' } }
  assert.equal(adopted(credentials, update).me, credentials.me)
  assert.equal(credentials.me.name, 'Ana Maria')
  assert.deepEqual(adopted({}, { nextPreKeyId: 7 }), { nextPreKeyId: 7 })
})
