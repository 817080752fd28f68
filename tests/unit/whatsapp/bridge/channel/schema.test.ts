import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Facts } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/facts.ts'
import {
  cut,
  idOf,
  isId,
  isJid,
  jidOf,
  jsonBytes,
  keyNameOf,
  Unbounded
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/limits.ts'
import type { Peer } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/peer.ts'
import {
  boundContact,
  boundFact,
  boundGroup,
  boundMessage,
  MAX_FACT_BYTES
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/schema.ts'

/** JSON writes six bytes for each of these. */
const HUGE = '\u0001'.repeat(300_000)
const ODD = 'a\0b\uD800'
const JID = `${'9'.repeat(85)}@s.whatsapp.net`
const MANY = 70_000
const many = <T>(value: T): T[] => Array.from({ length: MANY }, () => value)

const person = { jid: JID, lid: JID, phone: `+${'9'.repeat(20)}` }
const place = { file_class: HUGE, url: HUGE, direct_path: HUGE, media_key: HUGE, encrypted_sha256: HUGE }
const media = { mimetype: HUGE, size: 1e300, sha256: HUGE, file_name: HUGE, lies: place }
const offered = {
  buttons: many({ type: HUGE, id: HUGE, text: HUGE, url: HUGE, phone: HUGE, code: HUGE, card: 1e300 }),
  rows: many({ id: 'x', title: 'x'.repeat(400), description: 'x', section: 'x' })
}
const selected = { id: HUGE, text: HUGE, description: HUGE, index: -1, card: 1e300, flow: HUGE, data: HUGE }
const spot = { latitude: 1e308, longitude: Number.NaN, name: HUGE, address: HUGE }
const ad = Object.fromEntries(
  'title body source_type source_id source_url source_app media_url ctwa_clid ref greeting conversion_source entry_point utm_source utm_campaign'
    .split(' ')
    .map((name) => [name, HUGE])
)
const contents = [
  {
    kind: 'text',
    text: HUGE,
    link_preview: { url: HUGE, title: HUGE, description: HUGE },
    selected,
    invite: { chat: HUGE, name: HUGE, code: HUGE, expires_at: 1e300 },
    ...offered
  },
  { kind: 'location', ...spot, live: true, caption: HUGE },
  { kind: 'contacts', vcards: many(HUGE) },
  { kind: 'poll', question: HUGE, options: many(HUGE), selectable: -1 },
  { kind: 'image', media, caption: HUGE, ...offered },
  { kind: 'video', media, caption: HUGE, gif: true, note: true, ...offered },
  { kind: 'audio', media, seconds: 2 ** 40 },
  { kind: 'voice', media, seconds: Infinity },
  { kind: 'document', media, caption: HUGE, ...offered },
  { kind: 'sticker', media, animated: true },
  { kind: 'unsupported', whatsapp_type: HUGE },
  { kind: 'event', name: HUGE, description: HUGE, starts_at: 1e300, ends_at: -1, place: spot, join_link: HUGE, cancelled: true },
  { kind: 'album', images: 1e300, videos: -1 }
]
const envelope = {
  message_id: HUGE,
  chat: HUGE,
  sender: { ...person, push_name: HUGE, verified_name: HUGE },
  from_me: false,
  is_group: false,
  timestamp: 1e300
}
const changes = [
  ...contents.map((content) => ({ about: HUGE, kind: 'edited', content })),
  { about: HUGE, kind: 'revoked' },
  { about: HUGE, kind: 'reacted', emoji: HUGE },
  { about: HUGE, kind: 'voted', options: many(HUGE), unknown_options: 1e12 },
  { about: HUGE, kind: 'option_added', option: HUGE },
  { about: HUGE, kind: 'commented', content: { kind: 'text', text: HUGE } },
  { about: HUGE, kind: 'answered', response: HUGE, extra_guests: -1 },
  { about: HUGE, kind: 'pinned', pinned: true, seconds: 1e12 },
  { about: HUGE, kind: 'kept', kept: true },
  { about: HUGE, kind: 'changed', what: HUGE, whatsapp_type: HUGE, is_sealed: true }
]
const changed = {
  kind: 'changed',
  subject: HUGE,
  description: HUGE,
  announcement: true,
  locked: true,
  disappearing: 1e300,
  picture: HUGE,
  invite_code: HUGE,
  whatsapp_type: HUGE
}
const groupChanges = [changed, { kind: 'people', action: HUGE, people: many(person), includes_me: true, subject: HUGE }]
const contact = { ...person, push_name: HUGE, saved_name: HUGE, verified_name: HUGE, about: HUGE, picture: HUGE, timestamp: 1e300 }
const facts = [
  { fact: 'qr', text: HUGE, expires_in: 60 },
  { fact: 'pairing_code', code: HUGE, expires_in: 60 },
  { fact: 'passkey_required', options: HUGE, expires_in: 600 },
  { fact: 'passkey_confirm', code: HUGE, expires_in: 600 },
  { fact: 'paired', jid: HUGE, lid: HUGE },
  { fact: 'connected', phone: HUGE, jid: HUGE, lid: HUGE, push_name: HUGE },
  { fact: 'disconnected', cause: HUGE, code: 1e300, detail: HUGE },
  { fact: 'receipt', message_ids: many('~'.repeat(128)), chat: HUGE, kind: HUGE, timestamp: -1, participant: HUGE },
  { fact: 'send_failed', message_id: HUGE, code: HUGE },
  {
    fact: 'group',
    id: HUGE,
    group: HUGE,
    by: person,
    push_name: HUGE,
    timestamp: 1,
    changes: Array.from({ length: 40 }, () => groupChanges).flat()
  },
  { fact: 'contacts', contacts: Array.from({ length: 300 }, () => contact), from_before: true },
  { fact: 'call', call_id: HUGE, caller: person, is_video: true, group: HUGE, is_rejected: true, timestamp: 1e300 },
  { fact: 'presence', chat: HUGE, participant: HUGE, state: HUGE, last_seen: 1e300 }
]

test('whatever a stranger fills, and however much of it, what is told of a message fits into an event', () => {
  const whole = {
    ...envelope,
    flags: { mentions_all: true, forwarded: true, view_once: true },
    quoted_id: HUGE,
    mentions: many(JID),
    ad,
    association: { type: HUGE, message_id: HUGE, index: -1 },
    wrappers: many(HUGE)
  }
  const sizes = contents.map((content) => jsonBytes(boundMessage({ ...whole, content })))
  const ofChanges = changes.map((change) => jsonBytes(boundMessage({ ...envelope, change })))
  assert.ok(Math.max(...sizes, ...ofChanges) < MAX_FACT_BYTES, String([...sizes, ...ofChanges]))
  assert.ok(Math.max(...sizes) > 500_000, 'the largest is no accident')
})

test('so does every fact', () => {
  for (const fact of facts) assert.ok(jsonBytes(boundFact(fact)) < MAX_FACT_BYTES, fact.fact)
  assert.ok(jsonBytes(boundContact(contact)) < 20_000)
})

test('numbers are what PostgreSQL holds', () => {
  const described: any = boundMessage({ ...envelope, content: contents[3] })
  assert.deepEqual([described.timestamp, described.content.selectable], [0, 0])
  const voice: any = boundMessage({ ...envelope, content: contents[7] })
  assert.deepEqual([voice.content.seconds, voice.content.media.size], [null, null])
})

test('a field that nobody gave a limit is not told', () => {
  assert.throws(() => boundMessage({ ...envelope, novelty: 1 }), Unbounded)
  assert.throws(() => boundMessage({ ...envelope, content: { kind: 'hologram' } }), Unbounded)
  assert.throws(() => boundFact({ fact: 'moon', phase: 1 }), Unbounded)
})

test('a fact with such a field is told as one that cannot be read, and confirmed', async () => {
  const described: any[] = []
  const peer = { call: async (_: string, __: number, fact: unknown) => described.push(fact) }
  const facts = new Facts(
    peer as unknown as Peer,
    1,
    1_000,
    () => undefined,
    () => assert.fail()
  )
  assert.equal(await facts.notify({ fact: 'receipt', novelty: 'x'.repeat(100_000) }), true)
  assert.deepEqual([described[0].fact, described[0].unreadable], ['receipt', 'nobody gave novelty a limit'])
  assert.ok(described[0].payload.includes('novelty') && jsonBytes(described[0]) < MAX_FACT_BYTES)
})

test('names that are none are told by their hash, each by its own', () => {
  for (const name of [HUGE, ODD, '', 'x'.repeat(12_000), 'a b', 'call:1', 'group:120363@g.us:1:0']) {
    assert.ok(isId(idOf(name)) && isJid(jidOf(name)))
    assert.equal(idOf(idOf(name)), idOf(name))
    assert.notEqual(idOf(name), idOf(`${name}x`))
  }
  for (const odd of ['3EB0AA', '~', 'call', '!:#', 'x'.repeat(128)]) assert.equal(idOf(odd), odd)
  assert.equal(jidOf('15550001111:3@s.whatsapp.net'), '15550001111:3@s.whatsapp.net')
  assert.equal(keyNameOf('120363@g.us::42::0'), '120363@g.us::42::0')
  assert.equal(keyNameOf('x'.repeat(12_000)).length, 41)
})

test('a text is cut between its characters', () => {
  assert.equal(cut('ab\u{1F600}', 3), 'ab')
  assert.equal(cut('ab\u{1F600}', 4), 'ab\u{1F600}')
  assert.equal(cut(ODD, 9), 'a\uFFFDb\uFFFD')
})

test('a group of any size is told', () => {
  const group = { group_id: JID, subject: HUGE, description: HUGE, owner: person, created: 1e300, size: 70_000, announcement: true }
  const described: any = boundGroup({
    ...group,
    locked: true,
    disappearing: null,
    rank: null,
    members: many({ ...person, rank: 'member' })
  })
  assert.ok(jsonBytes(described) < MAX_FACT_BYTES)
  assert.deepEqual([described.created, described.members.length], [null, 2_048])
})

test('who has no address is nobody among thousands, and another address that is none leads nowhere', () => {
  const members = [...many({ ...person, jid: HUGE, rank: 'member' }).slice(0, 3_000), { ...person, lid: HUGE, rank: 'member' }]
  const described: any = boundGroup({ group_id: JID, members })
  assert.deepEqual(described.members, [{ ...person, lid: null, rank: 'member' }])
})
