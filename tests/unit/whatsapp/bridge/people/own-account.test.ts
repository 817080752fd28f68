import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BinaryNode } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { OwnAccount } from '../../../../../gateway_worker/whatsapp/baileys/bridge/people/own-account.ts'

const ANA = '15550001111@s.whatsapp.net'

/** An account that answers what it is told to; what is asked, and what is told of it. */
function account(answer: (iq: BinaryNode) => BinaryNode = () => ({ tag: 'iq', attrs: {} })) {
  const asked: BinaryNode[] = []
  const notified: unknown[] = []
  const picture = { state: 'shown' as 'shown' | 'none', id: '7' as string | null, url: 'https://pps.whatsapp.net/1' as string | null }
  const own = new OwnAccount({
    socket: {
      query: async (iq: BinaryNode) => {
        asked.push(iq)
        return answer(iq)
      },
      fetchStatus: async (jid: string) => [{ id: jid, status: { status: 'Open', setAt: new Date(0) } }],
      updateProfileStatus: async (text: string) => void asked.push({ tag: 'status', attrs: {}, content: text })
    } as never,
    facts: { notify: async (fact: unknown) => notified.push(fact) > 0 },
    credentials: { me: { id: '15550001111:7@s.whatsapp.net', lid: '1:7@lid', name: 'Ana' } } as never,
    people: { picture: async () => picture }
  })
  return { own, asked, notified, picture }
}

test('an account is shown as WhatsApp says it', async () => {
  const { own } = account()
  assert.deepEqual(await own.profile(), {
    jid: ANA,
    lid: '1@lid',
    phone: '+15550001111',
    push_name: 'Ana',
    about: 'Open',
    picture: { state: 'shown', id: '7', url: 'https://pps.whatsapp.net/1' }
  })
})

test('what we change is told as what another device changes', async () => {
  const { own, asked, notified } = account(() => ({ tag: 'iq', attrs: {}, content: [{ tag: 'picture', attrs: { id: '8' } }] }))
  await own.setAbout('Closed')
  await own.setPicture(null, Buffer.of(0xff, 0xd8))
  await own.setPicture(null, null)
  await own.setPicture('1@g.us', null) // a notification of the group tells it
  assert.deepEqual(notified, [
    { fact: 'profile', about: 'Closed', timestamp: null },
    { fact: 'profile', picture: '8', timestamp: null },
    { fact: 'profile', picture: '', timestamp: null }
  ])
  assert.deepEqual(
    asked.slice(1).map(({ attrs, content }) => [attrs['target'], Array.isArray(content) ? content[0]?.attrs : content]),
    [
      [undefined, { type: 'image' }],
      [undefined, undefined],
      ['1@g.us', undefined]
    ]
  )
})

test('a picture that another device has changed is looked up', async () => {
  const { own, notified, picture } = account()
  const changed = { tag: 'notification', attrs: { type: 'account_sync' }, content: [{ tag: 'picture', attrs: {} }] }
  const told = (): Promise<void> => new Promise((resolve) => assert.ok(own.takeNotification(changed, resolve)))
  await told()
  Object.assign(picture, { state: 'none', id: null, url: null })
  await told()
  assert.deepEqual(notified, [
    { fact: 'profile', picture: '7', timestamp: null },
    { fact: 'profile', picture: '', timestamp: null }
  ])
  assert.ok(!own.takeNotification({ ...changed, content: [{ tag: 'devices', attrs: {} }] }, () => undefined))
})

test('settings have our names, and values the contract has', async () => {
  const categories = [
    { tag: 'category', attrs: { name: 'last', value: 'contact_blacklist' } },
    { tag: 'category', attrs: { name: 'online', value: 'match_last_seen' } },
    { tag: 'category', attrs: { name: 'messages', value: 'all' } }
  ]
  const { own, asked } = account(() => ({ tag: 'iq', attrs: {}, content: [{ tag: 'privacy', attrs: {}, content: categories }] }))
  assert.deepEqual(await own.privacy(), [
    { name: 'last_seen', value: 'contactsExcept' },
    { name: 'online', value: 'matchLastSeen' }
  ])
  await own.setPrivacy({ name: 'read_receipts', value: 'none' })
  await own.setPrivacy({ name: 'picture', value: 'contactsExcept' })
  const set = asked.slice(1).map(({ content }) => ((content as BinaryNode[])[0]?.content as BinaryNode[])[0]?.attrs)
  assert.deepEqual(set, [
    { name: 'readreceipts', value: 'none' },
    { name: 'profile', value: 'contact_blacklist' }
  ])
})
