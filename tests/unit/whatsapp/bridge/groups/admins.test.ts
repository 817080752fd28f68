import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Admins, type Patience } from '../../../../../gateway_worker/whatsapp/baileys/bridge/groups/admins.ts'

const GROUP = '120363000@g.us'
const ADMIN = { pn: '15550001111@s.whatsapp.net', lid: '77@lid' }
const METADATA = {
  participants: [
    { id: ADMIN.lid, admin: 'admin' },
    { id: '55@lid', admin: null }
  ]
}

/** A socket whose answers the test gives, and the groups that were asked for. */
function asking(patience?: Patience) {
  const asked: string[] = []
  const answers: ((metadata: unknown) => void)[] = []
  const groupMetadata = (group: string): Promise<unknown> => {
    asked.push(group)
    return new Promise((resolve) => answers.push(resolve))
  }
  const admins = new Admins((() => ({ groupMetadata })) as any, patience)
  const changed = (): void => admins.forget(GROUP)
  return { admins, asked, answers, changed }
}

test('a group is asked about once, until WhatsApp tells a change of it', async () => {
  const { admins, asked, answers, changed } = asking()
  const first = admins.has(GROUP, ADMIN)
  answers.pop()?.(METADATA)
  assert.equal(await first, true)
  assert.equal(await admins.has(GROUP, { pn: undefined, lid: '55@lid' }), false)
  assert.equal(asked.length, 1)
  changed()
  const next = admins.has(GROUP, ADMIN)
  answers.pop()?.({ participants: [] })
  assert.equal(await next, false)
})

test('who is no admin is known only where WhatsApp tells who is', async () => {
  const { admins, answers } = asking({ each: 20, all: 450 })
  const asked = admins.lacks(GROUP, { pn: '1@s.whatsapp.net', lid: undefined })
  answers.pop()?.(METADATA)
  assert.deepEqual([await asked, await admins.lacks(GROUP, ADMIN)], [true, false])
  assert.equal(await admins.lacks('silent@g.us', { pn: '1@s.whatsapp.net', lid: undefined }), false)
})

test('what WhatsApp answered while the group changed is not remembered', async () => {
  const { admins, asked, answers, changed } = asking()
  const first = admins.has(GROUP, ADMIN)
  changed()
  answers.pop()?.(METADATA)
  await first
  const next = admins.has(GROUP, ADMIN)
  answers.pop()?.({ participants: [] })
  assert.deepEqual([await next, asked.length], [false, 2])
})

test('whoever deletes what others wrote, in however many groups, holds up the messages for a bounded time', async () => {
  const { admins, asked } = asking({ each: 20, all: 450 })
  for (let index = 0; index < 100; index += 1) assert.equal(await admins.has(`${index}@g.us`, ADMIN), false)
  assert.ok(asked.length > 0 && asked.length < 20, `${asked.length} groups were asked for`)
})
