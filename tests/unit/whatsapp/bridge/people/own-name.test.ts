import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { mock, test } from 'node:test'

import type { AuthenticationCreds, BaileysEventEmitter } from 'baileys'

import { isNew, NO_NAME, ownName, PATIENCE_MS, whenNamed } from '../../../../../gateway_worker/whatsapp/baileys/bridge/people/own-name.ts'

const JID = '15550001111:3@s.whatsapp.net'

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
