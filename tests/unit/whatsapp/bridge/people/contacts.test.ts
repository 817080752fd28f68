import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Contacts } from '../../../../../gateway_worker/whatsapp/baileys/bridge/people/contacts.ts'

test('a thousand numbers are asked about in several questions, and answered in their order', async () => {
  const asked: number[] = []
  const mapped: { pn: string; lid: string }[] = []
  const contacts = new Contacts({
    executeUSyncQuery: async ({ users }: { users: { phone?: string }[] }) => {
      asked.push(users.length)
      const list = users.map(({ phone = '' }) => {
        const number = phone.slice(1)
        const isKnown = Number(number) % 2 === 0
        return { id: `${number}@s.whatsapp.net`, contact: { isKnown, phone }, lid: isKnown ? `${number}9@lid` : undefined }
      })
      return { list: list.reverse(), sideList: [] }
    },
    signalRepository: { lidMapping: { storeLIDPNMappings: async (pairs: typeof mapped) => void mapped.push(...pairs) } }
  } as never)
  const phones = Array.from({ length: 1_000 }, (_, index) => `+${15_550_000_000 + index}`)
  const found = await contacts.check(phones)
  assert.deepEqual(
    found.map(({ phone }) => phone),
    phones
  )
  assert.deepEqual(asked, [200, 200, 200, 200, 200])
  assert.equal(mapped.length, 500)
  assert.deepEqual(found[2], { phone: '+15550000002', exists: true, jid: '15550000002@s.whatsapp.net', lid: '155500000029@lid' })
  assert.deepEqual(found[3], { phone: '+15550000003', exists: false, jid: null, lid: null })
})
