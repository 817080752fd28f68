import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { proto } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { Incoming, type IncomingPart } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/messages.ts'
import { byId } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/past.ts'
import { WaitingChanges } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/waiting.ts'
import {
  type Changes,
  type EntryKey,
  type HistoryArguments,
  nameOfEntry
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/commit.ts'
import type { StoredOriginal } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/store.ts'
import { sealedBy } from '../sealing.ts'

const ME = '15550001111@s.whatsapp.net'
const BEN = '15550002222@s.whatsapp.net'
const secret = randomBytes(32)
const mapping = { getPNForLID: async () => null, getLIDForPN: async () => null }
const DAY_MS = 24 * 60 * 60 * 1000

type Described = { message_id: string; change: { kind: string; is_sealed?: boolean; content?: { text: string } } }

/** What Python keeps, and a connection on it. */
class World {
  now = 0
  readonly originals = new Map<string, StoredOriginal>()
  readonly #keys = new Map<string, unknown>()
  readonly #entries = new Map<string, Uint8Array>()
  readonly opened: Described[] = []
  /** Of the history: told by nobody. */
  readonly replaced: Described[] = []

  keeps(id: string): boolean {
    return JSON.stringify(this.#keys.get('waiting-change\0all') ?? null).includes(`"${id}"`)
  }

  get waitingBytes(): number {
    return JSON.stringify(this.#keys.get('waiting-change\0all') ?? null).length
  }

  /** A new process has the same store. */
  connect(): { incoming: Incoming; waiting: WaitingChanges } {
    const store = {
      get: async () => ({ all: this.#keys.get('waiting-change\0all') ?? undefined }) as never,
      put: (changes: Changes) => this.#put(changes),
      putHistory: async ({ entries }: HistoryArguments) => void this.replaced.push(...entries.map(({ message }) => message as Described)),
      loadEntry: async (key: EntryKey) => this.#entries.get(nameOfEntry(key)),
      loadOriginals: async (id: string, chat: string) => [this.originals.get(`${chat} ${id}`)].filter((each) => each !== undefined)
    }
    const waiting: WaitingChanges = new WaitingChanges(
      store,
      (envelope, message) => incoming.describeAgain(envelope, message, mapping),
      () => this.now
    )
    const incoming = new Incoming(() => ({ me: { id: ME, lid: '99@lid' } }) as never, store, { has: async () => false }, waiting)
    return { incoming, waiting }
  }

  #put({ keys = [], entries = [] }: Changes): void {
    for (const [name, value] of keys) this.#keys.set(name, value === null ? null : JSON.parse(JSON.stringify(value)))
    for (const { message, isOpened } of entries) if (isOpened === true) this.opened.push(message as Described)
  }

  /** Ben's message comes: described, and stored. */
  async comes(incoming: Incoming, id: string, message: proto.IMessage, from = BEN): Promise<Described> {
    const key = { chat: from, sender: from, message_id: id, index: 0 }
    const stanza = { tag: 'message', attrs: { id, from, t: '100' } }
    const described = await incoming.describe({ key, stanza, mayBeKnown: false } as IncomingPart, message, mapping)
    this.#entries.set(nameOfEntry(key), proto.Message.encode(message).finish())
    this.originals.set(`${from} ${id}`, { plaintext: proto.Message.encode(message).finish(), authors: [from], from_me: false, options: [] })
    return described as Described
  }

  /** A part of the phone's history holds these of Ben, the newest first: described together, then stored. */
  async past(incoming: Incoming, messages: Record<string, proto.IMessage>): Promise<Described[]> {
    const infos = Object.entries(messages).map(([id, message]) => ({
      key: { remoteJid: BEN, id, fromMe: false },
      message,
      messageTimestamp: 100
    }))
    const entries = (await Promise.all(infos.map((info) => incoming.ofHistory(info, byId(infos), mapping)))).flat()
    for (const { key, plaintext } of entries) {
      this.#entries.set(nameOfEntry(key), plaintext)
      this.originals.set(`${BEN} ${key.message_id}`, { plaintext, authors: [BEN], from_me: false, options: [] })
    }
    return entries.map(({ message }) => message as Described)
  }

  /** Our phone sends these of Ben once more: described together, then stored. */
  async comeAgain(incoming: Incoming, messages: Record<string, proto.IMessage>): Promise<Described[]> {
    const peerDataOperationResult = Object.entries(messages).map(([id, message]) => {
      const copy = { key: { remoteJid: BEN, id, fromMe: false }, message, messageTimestamp: 100 }
      return { placeholderMessageResendResponse: { webMessageInfoBytes: proto.WebMessageInfo.encode(copy).finish() } }
    })
    const part = {
      key: { chat: ME, sender: ME, message_id: 'P', index: 0 },
      stanza: { tag: 'message', attrs: { from: ME } }
    } as IncomingPart
    const response = { protocolMessage: { peerDataOperationRequestResponseMessage: { peerDataOperationResult } } }
    const entries = await incoming.resent(part, response, mapping)
    for (const { key, plaintext } of entries) {
      this.#entries.set(nameOfEntry(key), plaintext)
      this.originals.set(`${BEN} ${key.message_id}`, { plaintext, authors: [BEN], from_me: false, options: [] })
    }
    return entries.map(({ message }) => message as Described)
  }
}

const TEXT = { conversation: 'old', messageContextInfo: { messageSecret: secret } }

function edit(about: string, text: string, by = BEN, key = secret): proto.IMessage {
  const plain = proto.Message.encode({ conversation: text }).finish()
  const parts = sealedBy(key, about, by, by, 'Message Edit', plain)
  return { secretEncryptedMessage: { targetMessageKey: { id: about, fromMe: true, remoteJid: by }, secretEncType: 2, ...parts } }
}

const textsOf = (described: readonly Described[]) =>
  described.map(({ message_id, change }) => [message_id, change.kind, change.content?.text])

test('what came before its message is told as sealed, and as what it is once the message is there', async () => {
  const world = new World()
  const { incoming, waiting } = world.connect()
  for (const [id, text] of [
    ['E1', 'new'],
    ['E2', 'newer']
  ] as const) {
    const described = await world.comes(incoming, id, edit('TEXT', text))
    assert.deepEqual([described.change.kind, described.change.is_sealed], ['changed', true])
    await waiting.open()
  }
  assert.deepEqual(world.opened, [])

  await world.comes(incoming, 'OTHER', TEXT)
  await waiting.open()
  assert.deepEqual(world.opened, [])
  await world.comes(incoming, 'TEXT', TEXT)
  await waiting.open()
  assert.deepEqual(textsOf(world.opened), [
    ['E1', 'edited', 'new'],
    ['E2', 'edited', 'newer']
  ])

  await world.comes(incoming, 'TEXT', TEXT)
  await waiting.open()
  assert.equal(world.opened.length, 2)
})

test('what a history brings sealed takes its own place when a later part, or somebody, brings its message', async () => {
  const world = new World()
  const { incoming, waiting } = world.connect()
  const [sealed] = await world.past(incoming, { E1: edit('TEXT', 'new'), BESIDE: edit('THERE', 'opened at once'), THERE: TEXT })
  assert.deepEqual([sealed?.change.kind, sealed?.change.is_sealed], ['changed', true])
  await waiting.open()
  assert.equal(world.keeps('THERE'), false)
  assert.deepEqual(world.replaced, [])

  await world.past(incoming, { TEXT })
  await waiting.open()
  assert.deepEqual(textsOf(world.replaced), [['E1', 'edited', 'new']])
  assert.equal(world.keeps('TEXT'), false)

  await world.past(incoming, { E2: edit('LATE', 'newer') })
  const { incoming: next, waiting: left } = world.connect()
  await world.comes(next, 'LATE', TEXT)
  await left.open()
  assert.deepEqual(textsOf(world.replaced).slice(1), [['E2', 'edited', 'newer']])
  assert.deepEqual(world.opened, [], 'nothing of it is told')
})

test('a new process opens what an earlier one kept, also where the message came in between', async () => {
  const world = new World()
  await world.comes(world.connect().incoming, 'E1', edit('TEXT', 'new'))
  const { incoming } = world.connect()
  await world.comes(incoming, 'TEXT', TEXT)

  const { incoming: last, waiting } = world.connect()
  await world.comes(last, 'OTHER', TEXT)
  await waiting.open()
  assert.deepEqual(textsOf(world.opened), [['E1', 'edited', 'new']])
})

test('a quote that brings the secret opens it, one without does not', async () => {
  const world = new World()
  const { incoming, waiting } = world.connect()
  await world.comes(incoming, 'E1', edit('TEXT', 'new'))
  const quote = (quotedMessage: proto.IMessage): proto.IMessage => {
    return { extendedTextMessage: { text: 'this', contextInfo: { stanzaId: 'TEXT', participant: BEN, quotedMessage } } }
  }
  const part = { key: { chat: BEN, sender: BEN, message_id: 'Q', index: 0 } } as IncomingPart
  for (const [quoted, opened] of [
    [{ conversation: 'old' }, 0],
    [TEXT, 1]
  ] as const) {
    const entries = incoming.quoted(part, quote(quoted))
    for (const { plaintext } of entries) world.originals.set(`${BEN} TEXT`, { plaintext, authors: [BEN], from_me: false, options: [] })
    await waiting.open()
    assert.equal(world.opened.length, opened)
  }
})

test('what our phone sends once more opens what waits, and waits itself', async () => {
  const world = new World()
  const { incoming, waiting } = world.connect()
  await world.comes(incoming, 'E1', edit('TEXT', 'new'))
  const described = await world.comeAgain(incoming, { E2: edit('TEXT', 'newer'), TEXT, E3: edit('LATE', 'newest') })
  assert.deepEqual(
    described.map(({ message_id, change }) => [message_id, (change as Described['change'] | undefined)?.is_sealed]),
    [
      ['E2', true],
      ['TEXT', undefined],
      ['E3', true]
    ]
  )
  await waiting.open()
  assert.deepEqual(textsOf(world.opened), [
    ['E1', 'edited', 'new'],
    ['E2', 'edited', 'newer']
  ])
  await world.comes(incoming, 'LATE', TEXT)
  await waiting.open()
  assert.deepEqual(textsOf(world.opened).at(-1), ['E3', 'edited', 'newest'])
})

test('only so many wait, and only for days; what does not open though the secret is there does not wait', async () => {
  const world = new World()
  const { incoming, waiting } = world.connect()
  const people = ['15550003333', '15550004444', '15550005555'].map((each) => `${each}@s.whatsapp.net`)
  for (const from of [BEN, ...people]) {
    for (let number = 0; number < 40; number += 1) await world.comes(incoming, `${from}-${number}`, edit('TEXT', 'new', from), from)
  }
  await world.comes(incoming, 'TEXT', TEXT)
  await waiting.open() // none of Ben's is left: the newest 64 are of two others, 32 of each
  assert.deepEqual(world.opened, [])

  await world.comes(incoming, 'FORGED', edit('TEXT', 'new', BEN, randomBytes(32)))
  assert.ok(!world.keeps('FORGED'))
  world.now += 2 * DAY_MS
  await world.comes(incoming, 'E1', edit('LATE', 'new'))
  world.now += 2 * DAY_MS
  await world.comes(incoming, 'E2', edit('LATE', 'newer'))
  world.now += 2 * DAY_MS
  await world.comes(incoming, 'E3', edit('LATE', 'newest'))
  await world.comes(incoming, 'LATE', TEXT)
  await waiting.open()
  assert.deepEqual(textsOf(world.opened), [
    ['E2', 'edited', 'newer'],
    ['E3', 'edited', 'newest']
  ])
})

test('what waits is small, whatever its sender calls itself and its message', async () => {
  const world = new World()
  const { waiting } = world.connect()
  const huge = 'x'.repeat(300_000)
  const place = { chat: BEN, chatAlternative: huge, author: BEN, authorAlternative: huge, fromMe: false, timestamp: 100 }
  for (let number = 0; number < 20; number++) {
    const key = { chat: BEN, sender: BEN, message_id: `C${number}`, index: 0 }
    await waiting.keep(key, { ...place, id: huge, pushName: huge, verifiedName: huge }, 'MISSING')
  }
  assert.ok(world.keeps('C19'))
  assert.ok(world.waitingBytes < 32_768, `${world.waitingBytes} bytes`)
})
