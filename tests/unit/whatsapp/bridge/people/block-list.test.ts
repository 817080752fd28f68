import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BinaryNode } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { BlockList } from '../../../../../gateway_worker/whatsapp/baileys/bridge/people/block-list.ts'

const [BEN, EVE, LIZ] = ['15550002222@s.whatsapp.net', '15550003333@s.whatsapp.net', '15550004444@s.whatsapp.net']
const NUMBERS: Record<string, string> = { '2@lid': BEN, '3@lid': EVE }
const reportOf = (jid: string, lid: string | null, blocked: boolean): object => ({
  jid,
  lid,
  phone: jid.endsWith('@lid') ? null : `+${jid.split('@')[0]}`,
  blocked
})

/** WhatsApp with a list, and a store; what the bridge tells of it. */
function account(listed: string[]) {
  const notified: { contacts: object[]; from_before: boolean }[] = []
  const keys = new Map<string, unknown>()
  const asked: BinaryNode[] = []
  const state = { takes: true, refuses: false }
  const query = async (node: BinaryNode): Promise<BinaryNode> => {
    asked.push(node)
    if (state.refuses) throw Object.assign(new Error('bad-request'), { data: 400 })
    const items = listed.map((jid): BinaryNode => ({ tag: 'item', attrs: { jid } }))
    return { tag: 'iq', attrs: {}, content: [{ tag: 'list', attrs: { dhash: 'x' }, content: items }] }
  }
  const lidMapping = {
    getPNForLID: async (lid: string) => NUMBERS[lid] ?? null,
    getLIDForPN: async (pn: string) => Object.entries(NUMBERS).find(([, number]) => number === pn)?.[0] ?? null
  }
  const make = (): BlockList =>
    new BlockList({
      socket: { query, signalRepository: { lidMapping } } as never,
      store: {
        get: async (kind: string, ids: string[]) => Object.fromEntries(ids.map((id) => [id, keys.get(`${kind}/${id}`)])),
        set: (sets: Record<string, Record<string, unknown>>) => {
          for (const [kind, values] of Object.entries(sets))
            for (const [id, value] of Object.entries(values)) keys.set(`${kind}/${id}`, value)
        },
        isStored: async () => undefined
      } as never,
      facts: {
        notify: async (fact: unknown) => {
          if (state.takes) notified.push(fact as never)
          return state.takes
        }
      },
      contacts: {
        check: async ([phone = '']: readonly string[]) => {
          const exists = phone === `+${LIZ.split('@')[0]}`
          return [{ phone, exists, jid: exists ? LIZ : null, lid: exists ? '4@lid' : null }]
        }
      }
    })
  return { list: make(), make, notified, asked, state }
}

const changed = { tag: 'notification', attrs: { type: 'account_sync' }, content: [{ tag: 'blocklist', attrs: {}, content: [] }] }

test('who was blocked before is told as that, and what differs later once', async () => {
  const listed = ['2@lid', '9@lid']
  const { list, make, notified } = account(listed)
  await list.open()
  assert.deepEqual(notified, [
    { fact: 'contacts', contacts: [reportOf(BEN, '2@lid', true), reportOf('9@lid', '9@lid', true)], from_before: true }
  ])
  await list.open()
  assert.equal(notified.length, 1)
  listed.splice(0, 2, '9@lid', '3@lid')
  await make().open() // after another login
  assert.deepEqual(notified[1], {
    fact: 'contacts',
    contacts: [reportOf(BEN, '2@lid', false), reportOf(EVE, '3@lid', true)],
    from_before: false
  })
})

test('a notification is confirmed when what it brought is told', async () => {
  const listed: string[] = []
  const { list, notified, state } = account(listed)
  await list.open()
  listed.push('2@lid')
  await new Promise<void>((resolve) => assert.ok(list.takeNotification(changed, resolve)))
  assert.deepEqual(notified, [{ fact: 'contacts', contacts: [reportOf(BEN, '2@lid', true)], from_before: false }])
  state.takes = false
  listed.pop()
  let isConfirmed = false
  list.takeNotification(changed, () => (isConfirmed = true))
  await assert.rejects(list.change(BEN, false))
  assert.ok(!isConfirmed)
  assert.ok(!list.takeNotification({ ...changed, content: [{ tag: 'devices', attrs: {} }] }, () => undefined))
})

test('a person is blocked by the LID with the number beside it, and is told as others would tell it', async () => {
  const { list, notified, asked } = account([])
  await list.open()
  await list.change(BEN, true)
  await list.change(LIZ, true) // nobody knew the LID
  await list.change('2@lid', false)
  assert.deepEqual(
    asked.slice(1).map(({ content }) => (content as BinaryNode[])[0]?.attrs),
    [
      { action: 'block', jid: '2@lid', pn_jid: BEN },
      { action: 'block', jid: '4@lid', pn_jid: LIZ },
      { action: 'unblock', jid: '2@lid' }
    ]
  )
  assert.deepEqual(
    notified.flatMap(({ contacts }) => contacts),
    [reportOf(BEN, '2@lid', true), reportOf(LIZ, '4@lid', true), reportOf(BEN, '2@lid', false)]
  )
})

test('who is nobody, and what WhatsApp refuses, is said', async () => {
  const { list, notified, state } = account([])
  await assert.rejects(list.change('15550009999@s.whatsapp.net', true), { message: 'recipient_unknown' })
  state.refuses = true
  await assert.rejects(list.change(BEN, true), { message: 'refused' })
  await list.open()
  assert.deepEqual(notified, [])
})

test('who is listed by another address is not told as somebody else', async () => {
  const listed = [BEN]
  const { list, notified } = account(listed)
  await list.open()
  listed.splice(0, 1, '2@lid')
  await list.open()
  assert.equal(notified.length, 1)
})
