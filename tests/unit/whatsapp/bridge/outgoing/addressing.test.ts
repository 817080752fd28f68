import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Addressing } from '../../../../../gateway_worker/whatsapp/baileys/bridge/outgoing/addressing.ts'

const ME = { id: '15550001111:7@s.whatsapp.net', lid: '100000000000001:7@lid' }
const [PN, LID] = ['15550002222@s.whatsapp.net', '100000000000002@lid']
/** Ben's number as people write it, and one that is not on WhatsApp. */
const [DIALLED, NOBODY] = ['155500022220@s.whatsapp.net', '15550009999@s.whatsapp.net']
const STRANGER = '100000000000009@lid'
const [GROUP, OLD_GROUP] = ['120363041234567890@g.us', '15550001111-1400000000@g.us']

const addressing = new Addressing({
  mapping: () => ({
    getPNForLID: async (lid) => (lid === LID ? '15550002222:0@s.whatsapp.net' : null),
    getLIDForPN: async (pn) => (pn === PN ? '100000000000002:0@lid' : null)
  }),
  addressesOf: async (jids) => new Map(jids.filter((jid) => jid !== NOBODY).map((jid) => [jid, jid === DIALLED ? PN : jid])),
  me: () => ME,
  modeOf: async (group) => (group === OLD_GROUP ? 'pn' : 'lid')
})

function quoting(sender: string) {
  return { original: { sender }, mentions: [], content: { kind: 'text', text: 'a' } }
}

test('a quote names its author as the chat does', async () => {
  const cases = [
    [PN, LID, PN],
    [PN, PN, PN],
    [LID, PN, LID],
    [GROUP, PN, LID],
    [OLD_GROUP, LID, PN],
    [OLD_GROUP, STRANGER, STRANGER]
  ] as const
  for (const [chat, author, named] of cases) {
    const { message } = await addressing.in(chat, quoting(author))
    assert.equal(message.original?.sender, named, `${author} in ${chat}`)
  }
})

test('what we wrote ourselves is ours by the address that we have in that chat', async () => {
  assert.equal((await addressing.in(PN, quoting(PN))).own, '15550001111@s.whatsapp.net')
  assert.equal((await addressing.in(GROUP, quoting(PN))).own, '100000000000001@lid')
})

test('mentions are named as the group does, and so are they in the text', async () => {
  const content = { kind: 'text', text: '@15550002222 and @+15550002222, not @155500022223 or 15550002222' }
  const { message } = await addressing.in(GROUP, { original: null, mentions: [PN], content })
  assert.deepEqual(message.mentions, [LID])
  assert.equal((message.content as { text: string }).text, '@100000000000002 and @100000000000002, not @155500022223 or 15550002222')
})

test('who is mentioned by another spelling of the number is named as WhatsApp writes it, nobody as given', async () => {
  const content = { kind: 'text', text: '@155500022220 and @15550009999' }
  for (const [chat, mentions, text] of [
    [GROUP, [LID, NOBODY], '@100000000000002 and @15550009999'],
    [PN, [PN, NOBODY], '@15550002222 and @15550009999']
  ] as const) {
    const { message } = await addressing.in(chat, { original: null, mentions: [DIALLED, NOBODY], content })
    assert.deepEqual(message.mentions, mentions)
    assert.equal((message.content as { text: string }).text, text)
  }
})

test('captions and questions name people likewise', async () => {
  for (const name of ['caption', 'question']) {
    const content = { kind: 'x', [name]: 'Hi @100000000000002' }
    const { message } = await addressing.in(OLD_GROUP, { original: null, mentions: [LID], content })
    assert.equal(Reflect.get(message.content, name), 'Hi @15550002222')
  }
})
