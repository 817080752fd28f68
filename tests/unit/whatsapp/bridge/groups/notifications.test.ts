import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { groupNotificationOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/groups/notifications.ts'

const me = { id: '15550001111:3@s.whatsapp.net', lid: '99:3@lid' }
const mapping = { getPNForLID: async () => null, getLIDForPN: async () => null }
const attrs = {
  from: '120363000@g.us',
  type: 'w:gp2',
  id: 'N1',
  t: '1795000000',
  participant: '42@lid',
  participant_pn: '15550002222@s.whatsapp.net',
  notify: 'Ben'
}
const person = (lid: string, pn: string) => ({ tag: 'participant', attrs: { jid: `${lid}@lid`, phone_number: `${pn}@s.whatsapp.net` } })
const ben = { jid: '15550002222@s.whatsapp.net', lid: '42@lid', phone: '+15550002222' }
const eve = { jid: '15550003333@s.whatsapp.net', lid: '43@lid', phone: '+15550003333' }

async function described(child: { tag: string; attrs?: Record<string, string>; content?: unknown }, more = {}): Promise<any> {
  const node = { attrs: {}, ...child }
  return groupNotificationOf({ tag: 'notification', attrs: { ...attrs, ...more }, content: [node] } as never, me, mapping)
}

test('a notification says who did what to which group', async () => {
  const fact = await described({ tag: 'subject', attrs: { subject: 'We' } })
  assert.deepEqual(fact, {
    fact: 'group',
    id: 'N1',
    group: '120363000@g.us',
    by: ben,
    push_name: 'Ben',
    timestamp: 1795000000,
    changes: [{ kind: 'changed', subject: 'We' }]
  })
})

test('people come and go, by themselves or by others', async () => {
  const cases: [string, Record<string, string>, ReturnType<typeof person>, string][] = [
    ['add', {}, person('43', '15550003333'), 'add'],
    ['add', { reason: 'invite' }, person('43', '15550003333'), 'join'],
    ['remove', {}, person('43', '15550003333'), 'remove'],
    ['remove', {}, person('42', '15550002222'), 'leave'],
    ['leave', {}, person('42', '15550002222'), 'leave'],
    ['promote', {}, person('43', '15550003333'), 'promote'],
    ['demote', {}, person('43', '15550003333'), 'demote']
  ]
  for (const [tag, given, who, action] of cases) {
    const { changes } = await described({ tag, attrs: given, content: [who] })
    const people = [who.attrs.jid === '42@lid' ? ben : eve]
    assert.deepEqual(changes, [{ kind: 'people', action, people, includes_me: false, subject: null }])
  }
})

test('who is removed hears that it is about the account itself, under either address', async () => {
  const byLid = await described({ tag: 'remove', content: [person('99', '15550001111')] })
  const byNumber = await described({ tag: 'remove', content: [{ tag: 'participant', attrs: { jid: '15550001111@s.whatsapp.net' } }] })
  assert.deepEqual([byLid.changes[0].includes_me, byNumber.changes[0].includes_me], [true, true])
})

test('who comes into a group hears what it is called and who is in it', async () => {
  const group = {
    tag: 'group',
    attrs: { id: '120363000', subject: 'Us' },
    content: [person('42', '15550002222'), person('99', '15550001111')]
  }
  const { changes } = await described({ tag: 'create', content: [group] })
  assert.deepEqual([changes[0].action, changes[0].subject, changes[0].includes_me, changes[0].people.length], ['add', 'Us', true, 2])
})

test('changes have the names of the port, and what has none keeps its own', async () => {
  const cases: [object, object][] = [
    [{ tag: 'description', content: [{ tag: 'body', attrs: {}, content: Buffer.from('Hello') }] }, { description: 'Hello' }],
    [{ tag: 'description', attrs: { delete: 'true' } }, { description: '' }],
    [{ tag: 'announcement' }, { announcement: true }],
    [{ tag: 'not_announcement' }, { announcement: false }],
    [{ tag: 'locked' }, { locked: true }],
    [{ tag: 'unlocked' }, { locked: false }],
    [{ tag: 'ephemeral', attrs: { expiration: '86400' } }, { disappearing: 86400 }],
    [{ tag: 'not_ephemeral' }, { disappearing: 0 }],
    [{ tag: 'invite', attrs: { code: 'AbC' } }, { invite_code: 'AbC' }],
    [{ tag: 'growth_locked' }, { whatsapp_type: 'growth_locked' }]
  ]
  for (const [child, expected] of cases) {
    const { changes } = await described(child as never)
    assert.deepEqual(changes, [{ kind: 'changed', ...expected }])
  }
  const picture = await described({ tag: 'set', attrs: { author: '42@lid', id: '1' } }, { type: 'picture', participant: undefined })
  assert.deepEqual([picture.changes, picture.by.lid], [[{ kind: 'changed', picture: 'changed' }], '42@lid'])
})

test('what says nothing, and what is nonsense, does no harm', async () => {
  const empty = { tag: 'notification', attrs, content: undefined }
  assert.equal(await groupNotificationOf(empty as never, me, mapping), null)
  const { changes, by, timestamp } = await described({ tag: 'subject' }, { participant: undefined, participant_pn: undefined, t: 'x' })
  assert.deepEqual([changes, by, timestamp], [[{ kind: 'changed', subject: '' }], null, 0])
})

test('who asks to come in is told, and whether that was withdrawn or turned down', async () => {
  const requested = { ...person('43', '15550003333'), tag: 'requested_user' }
  const cases: [string, unknown, string, object, string | null][] = [
    ['created_membership_requests', [requested], 'request', eve, 'invite_link'],
    ['created_membership_requests', undefined, 'request', ben, 'invite_link'], // nobody is named: who made it asks
    ['revoked_membership_requests', [person('43', '15550003333')], 'reject', eve, null],
    ['revoked_membership_requests', [person('42', '15550002222')], 'withdraw', ben, null]
  ]
  for (const [tag, content, action, who, method] of cases) {
    const { changes } = await described({ tag, attrs: { request_method: 'InviteLink' }, content })
    assert.deepEqual(changes, [{ kind: 'people', action, people: [who], includes_me: false, subject: null, method }])
  }
})

test('a number that changed is told with the old one', async () => {
  const { changes } = await described({ tag: 'modify', content: [person('42', '15550009999')] })
  const renewed = { jid: '15550009999@s.whatsapp.net', lid: '42@lid', phone: '+15550009999' }
  assert.deepEqual(changes, [{ kind: 'people', action: 'modify', people: [renewed], includes_me: false, subject: null, previous: ben }])
})

test('who may come in and who may add people is told', async () => {
  const approval = (state: string) => ({ tag: 'membership_approval_mode', content: [{ tag: 'group_join', attrs: { state } }] })
  const adding = (mode: string) => ({ tag: 'member_add_mode', content: Buffer.from(mode) })
  const changes = await Promise.all(
    [approval('on'), approval('off'), adding('all_member_add'), adding('admin_add')].map((child) => described(child))
  )
  assert.deepEqual(
    changes.map(({ changes }) => changes[0]),
    [{ join_approval: true }, { join_approval: false }, { members_add: true }, { members_add: false }].map((each) => ({
      kind: 'changed',
      ...each
    }))
  )
})

test('thousands of people in one notification leave the event loop to others in between', async () => {
  let turns = 0
  let isOver = false
  const turn = (): void => {
    turns += 1
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const content = Array.from({ length: 2_048 }, (_, index) => ({ tag: 'participant', attrs: { jid: `1555${index}@s.whatsapp.net` } }))
  const fact = await described({ tag: 'add', content })
  isOver = true
  assert.equal(fact.changes[0].people.length, 2_048)
  assert.ok(turns >= 2_048 / 128 - 1, `${turns} turns`)
})
