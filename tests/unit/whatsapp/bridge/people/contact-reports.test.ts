import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { contactReportOf, isContactReport } from '../../../../../gateway_worker/whatsapp/baileys/bridge/people/contact-reports.ts'

const me = { id: '15550001111:3@s.whatsapp.net', lid: '99:3@lid' }
const mapping = {
  getPNForLID: async (lid: string) => (lid === '42@lid' ? '15550002222:0@s.whatsapp.net' : null),
  getLIDForPN: async () => null
}
const ben = { jid: '15550002222@s.whatsapp.net', lid: '42@lid', phone: '+15550002222' }
const notification = (type: string, child: object | undefined, from = '42@lid') => ({
  tag: 'notification',
  attrs: { type, from, id: 'N1', t: '1795000000' },
  content: child === undefined ? [] : [child as never]
})
const described = (change: object, person: object = ben) => ({
  fact: 'contacts',
  contacts: [{ ...person, ...change, timestamp: 1795000000 }],
  from_before: false
})

test('another picture, none any more, and another status text are told', async () => {
  const cases: [string, object, object][] = [
    ['picture', { tag: 'set', attrs: { jid: '15550002222@s.whatsapp.net', id: '7' } }, { picture: '7' }],
    ['picture', { tag: 'add', attrs: { id: '8' } }, { picture: '8' }],
    ['picture', { tag: 'set', attrs: { hash: 'Xyz' } }, { picture: 'N1' }],
    ['picture', { tag: 'delete', attrs: { jid: '42@lid' } }, { picture: '' }],
    ['status', { tag: 'set', attrs: {}, content: Buffer.from('At work') }, { about: 'At work' }],
    ['status', { tag: 'set', attrs: {} }, { about: '' }]
  ]
  for (const [type, child, change] of cases) {
    assert.deepEqual(await contactReportOf(notification(type, child), me, mapping), described(change), JSON.stringify(child))
  }
})

test('a person that has no number here is told by its LID', async () => {
  const stranger = { jid: '43@lid', lid: '43@lid', phone: null }
  const removed = notification('picture', { tag: 'delete', attrs: {} }, '43@lid')
  assert.deepEqual(await contactReportOf(removed, me, mapping), described({ picture: '' }, stranger))
})

test('what is about the account itself is told as that, and what says nothing not at all', async () => {
  for (const from of ['15550001111@s.whatsapp.net', '99@lid']) {
    const told = await contactReportOf(notification('picture', { tag: 'delete', attrs: {} }, from), me, mapping)
    assert.deepEqual({ ...told, timestamp: 0 }, { fact: 'profile', picture: '', timestamp: 0 })
  }
  for (const child of [undefined, { tag: 'rename', attrs: {} }]) {
    assert.equal(await contactReportOf(notification('picture', child), me, mapping), null)
  }
  assert.equal(await contactReportOf(notification('status', { tag: 'delete', attrs: {} }), me, mapping), null)
})

test('only notifications about one person are kept back', () => {
  assert.equal(isContactReport(notification('picture', undefined)), true)
  assert.equal(isContactReport(notification('status', undefined, '15550002222@s.whatsapp.net')), true)
  for (const from of ['1203@g.us', 's.whatsapp.net', '1@newsletter']) {
    assert.equal(isContactReport(notification('picture', undefined, from)), false)
  }
  assert.equal(isContactReport(notification('devices', undefined)), false)
})
