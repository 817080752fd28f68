import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  callEndOf,
  CallsAndPresence,
  callOf,
  presenceOf
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/calls-and-presence.ts'

const mapping = {
  getPNForLID: async (lid: string) => (lid === '42@lid' ? '15550002222:0@s.whatsapp.net' : null),
  getLIDForPN: async () => null
}
const caller = { jid: '15550002222@s.whatsapp.net', lid: '42@lid', phone: '+15550002222' }
const call = (tag: string, attrs: Record<string, string>, more: Record<string, string> = {}, media: string[] = ['audio']) => ({
  tag: 'call',
  attrs: { from: '42@lid', id: 'x', t: '1795000000', ...more },
  content: [{ tag, attrs: { 'call-id': 'C1', ...attrs }, content: media.map((name) => ({ tag: name, attrs: {} })) }]
})

test('a call that begins is told, with who calls in every addressing; what follows in it is not', async () => {
  const described = {
    fact: 'call',
    call_id: 'C1',
    caller,
    is_video: false,
    group: null,
    is_rejected: false,
    timestamp: 1795000000,
    creator: '42@lid'
  }
  assert.deepEqual(await callOf(call('offer', { 'call-creator': '42:7@lid' }), mapping, false), described)
  const pn = call('offer', { 'call-creator': '9@lid', caller_pn: '15550003333@s.whatsapp.net' }, {}, ['audio', 'video'])
  const other = { jid: '15550003333@s.whatsapp.net', lid: '9@lid', phone: '+15550003333' }
  assert.deepEqual(await callOf(pn, mapping, true), { ...described, caller: other, is_video: true, is_rejected: true, creator: '9@lid' })
  const group = call('offer_notice', { 'call-creator': '42@lid', 'group-jid': '1203@g.us' }, { offline: '1' })
  assert.deepEqual(await callOf(group, mapping, true), { ...described, group: '1203@g.us' }) // not declined: it is over
  for (const tag of ['terminate', 'accept', 'relaylatency']) {
    assert.equal(await callOf(call(tag, { 'call-creator': '42@lid' }), mapping, true), null)
  }
  assert.equal(await callOf({ tag: 'call', attrs: { from: '42@lid' } }, mapping, true), null)
})

test('a call that rings no longer is told with how it ended, and nothing else of it', async () => {
  const ended = { fact: 'call_ended', call_id: 'C1', caller, group: null, outcome: 'missed', seconds: null, timestamp: 1795000000 }
  const terminate = (attrs: Record<string, string>) => callEndOf(call('terminate', { 'call-creator': '42@lid', ...attrs }), mapping)
  assert.deepEqual(await terminate({ reason: 'timeout' }), ended)
  assert.deepEqual(await terminate({}), ended)
  assert.deepEqual(await terminate({ reason: 'rejected_elsewhere' }), { ...ended, outcome: 'rejected' })
  assert.deepEqual(await terminate({ reason: 'accepted_elsewhere', duration: '61' }), { ...ended, outcome: 'answered', seconds: 61 })
  for (const tag of ['offer', 'accept', 'relaylatency']) {
    assert.equal(await callEndOf(call(tag, { 'call-creator': '42@lid' }), mapping), null)
  }
})

test('a call that is declined is told as that once WhatsApp has it', async () => {
  const told: unknown[] = []
  const declined: string[][] = []
  const calls = new CallsAndPresence({
    socket: { rejectCall: async (...args: string[]) => void declined.push(args), signalRepository: { lidMapping: mapping } } as never,
    facts: { notify: async (fact: unknown) => told.push(fact) > 0 } as never,
    me: () => undefined,
    rejectsCalls: false
  })
  await calls.reject('C1', '42@lid')
  assert.deepEqual(declined, [['C1', '42@lid']])
  assert.deepEqual(
    told.map((fact) => ({ ...(fact as object), timestamp: 0 })),
    [{ fact: 'call_ended', call_id: 'C1', caller, group: null, outcome: 'rejected', seconds: null, timestamp: 0 }]
  )
})

test('presence and states of chats have the names of the port', async () => {
  const one = { fact: 'presence', chat: caller.jid, participant: null, last_seen: null }
  const state = (attrs: Record<string, string>, child: object) => ({ tag: 'chatstate', attrs, content: [child] as never })
  const typing = { tag: 'composing', attrs: {} }
  const cases: [Parameters<typeof presenceOf>[0], object | null][] = [
    [
      { tag: 'presence', attrs: { from: '42@lid' } },
      { ...one, state: 'available' }
    ],
    [
      { tag: 'presence', attrs: { from: '42@lid', type: 'unavailable', last: 'deny' } },
      { ...one, state: 'unavailable' }
    ],
    [
      { tag: 'presence', attrs: { from: '42@lid', type: 'unavailable', last: '1795000000' } },
      { ...one, state: 'unavailable', last_seen: 1795000000 }
    ],
    [state({ from: '42@lid' }, typing), { ...one, state: 'typing' }],
    [state({ from: '42@lid' }, { tag: 'composing', attrs: { media: 'audio' } }), { ...one, state: 'recording' }],
    [state({ from: '42@lid' }, { tag: 'paused', attrs: {} }), { ...one, state: 'paused' }],
    [state({ from: '1203@g.us', participant: '42@lid' }, typing), { ...one, chat: '1203@g.us', participant: caller.jid, state: 'typing' }],
    [state({ from: '42@lid' }, { tag: 'dancing', attrs: {} }), null],
    [{ tag: 'presence', attrs: { from: '1203@g.us', count: '3' } }, null],
    [{ tag: 'presence', attrs: { from: '42@lid', type: 'error' } }, null],
    [{ tag: 'presence', attrs: { from: 'status@broadcast' } }, null],
    [{ tag: 'chatstate', attrs: {} }, null]
  ]
  for (const [stanza, expected] of cases) assert.deepEqual(await presenceOf(stanza, mapping), expected, JSON.stringify(stanza))
})

test('a call is handed on once it is stored, and presence is left out while the owner does not follow', async () => {
  const passed: string[] = []
  const answers: ((isStored: boolean) => void)[] = []
  const described: string[] = []
  const facts = {
    unanswered: 0,
    notify: ({ fact }: { fact: string }) => {
      described.push(fact)
      return new Promise<boolean>((resolve) => answers.push(resolve))
    }
  }
  const socket = { signalRepository: { lidMapping: mapping } }
  const news = new CallsAndPresence({ socket, facts, rejectsCalls: false } as never)
  const take = (tag: string, id = 'C1'): void => {
    news.takeCall(call(tag, { 'call-creator': '42@lid', 'call-id': id }), () => passed.push(tag))
  }
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  take('offer')
  take('offer', 'C2')
  take('accept')
  await settle()
  assert.deepEqual([described, passed], [['call', 'call'], ['accept']])
  answers[0]?.(true)
  answers[1]?.(false)
  await settle()
  assert.deepEqual(passed, ['accept', 'offer']) // what was not stored comes again after the reconnect

  news.notePresence({ tag: 'presence', attrs: { from: '42@lid' } })
  await settle()
  facts.unanswered = 1_000
  news.notePresence({ tag: 'presence', attrs: { from: '42@lid' } })
  await settle()
  assert.deepEqual(described, ['call', 'call', 'presence'])
})
