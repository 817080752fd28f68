/** What we replace inside of Baileys is still there, and does what we replace it for. Each fails when Baileys changes. */
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/libsignal-queue.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-curve.ts'

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'

import {
  Curve,
  initAuthCreds,
  makeWASocket,
  proto,
  WA_CERT_DETAILS,
  type WASocket
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import {
  handledByBaileys,
  listenToEvents,
  listenToStanzas,
  observing
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/listening.ts'
import { decoded, MAX_READS } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/decoding.ts'
import { makeLogger } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/logger.ts'
import { repositoryOver } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/signal-repository.ts'
import { keepNoMessages, noteWhatLeaves, useKeys } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/socket.ts'
import { isSigned } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'
import { trust } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/trust.ts'
import { Wire } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/wire.ts'
import { BoundedMap } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/bounded.ts'

const BAILEYS = new URL('../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/Socket/', import.meta.url)

/** Runs `look` on a socket of Baileys' own, whose server says nothing. */
async function onSocket(look: (socket: WASocket) => unknown): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const keys = { get: async () => ({}), set: async () => undefined }
  const waWebSocketUrl = `ws://127.0.0.1:${port}`
  const socket = makeWASocket({ auth: { creds: initAuthCreds(), keys }, logger: makeLogger(() => undefined), waWebSocketUrl })
  const ended = new Promise((resolve) => socket.ev.on('connection.update', ({ connection }) => connection === 'close' && resolve(null)))
  try {
    await look(socket)
  } finally {
    new Wire(socket).terminator()()
    await ended
    server.close()
  }
}

test('every stanza is shown to who listens, in order, and to Baileys unless it is taken over, or when it is passed on', async () => {
  await onSocket(async (socket) => {
    const seen: string[] = []
    socket.ws.removeAllListeners('CB:message')
    socket.ws.on('CB:message', () => seen.push('Baileys'))
    const passes: (() => void)[] = []
    const noting = (name: string) => observing(() => seen.push(name))
    const taking = (_: unknown, pass: () => void): boolean => passes.push(pass) > 0
    listenToStanzas(socket, { 'CB:message': [noting('first'), taking, noting('never')] })
    socket.ws.emit('CB:message', { tag: 'message', attrs: {} })
    assert.deepEqual(seen, ['first'])
    passes[0]?.()
    await handledByBaileys(socket, 'CB:message', { tag: 'message', attrs: {} })
    assert.deepEqual(seen, ['first', 'Baileys', 'Baileys'])
  })
  // That Baileys gives stanzas to this very function, under these names, stands in its source alone
  const source = readFileSync(new URL('socket.js', BAILEYS), 'utf8')
  for (const name of ['${l0}', '${l0},${key}:${l1[key]}', '${l0},,${l2}']) {
    assert.ok(source.includes('ws.emit(`${DEF_CALLBACK_PREFIX}' + name + '`, frame)'), name)
  }
})

test('what Baileys makes of stanzas is shown before it gets into its buffer', async () => {
  await onSocket((socket) => {
    const taken: unknown[] = []
    const passed: unknown[] = []
    socket.ev.on('creds.update', (update) => passed.push(update))
    socket.ev.on('contacts.upsert', () => passed.push('contacts'))
    listenToEvents(socket, {
      'contacts.upsert': (contacts) => void taken.push(contacts),
      'creds.update': (update) => ({ ...update, nextPreKeyId: 2 })
    })
    socket.ev.buffer()
    socket.ev.emit('contacts.upsert', [])
    socket.ev.emit('creds.update', { firstUnuploadedPreKeyId: 1 })
    socket.ev.flush()
    assert.deepEqual([taken, passed], [[[]], [{ firstUnuploadedPreKeyId: 1, nextPreKeyId: 2 }]])
  })
})

test('what Baileys writes comes to us first, and the socket below it can be stopped', async () => {
  await onSocket((socket) => {
    const wire = new Wire(socket)
    const taken: Uint8Array[] = []
    assert.equal(typeof wire.divert((frame) => void taken.push(frame)), 'function')
    socket.ws.send(Buffer.of(1))
    assert.deepEqual(taken, [Buffer.of(1)])
  })
})

test('a Baileys that keeps its socket elsewhere does not start', () => {
  assert.throws(() => new Wire({ ws: {} } as never).divert(() => undefined), /somewhere else/)
})

test('our keys are the ones that Baileys uses, it keeps no messages, and what leaves is noted', async () => {
  await onSocket(async (socket) => {
    const keys = { get: async () => ({}), set: async () => undefined, isInTransaction: () => false, transaction: async () => undefined }
    useKeys(socket, keys as never)
    assert.equal(socket.authState.keys, keys)
    keepNoMessages(socket)
    socket.messageRetryManager?.addRecentMessage('x@s.whatsapp.net', 'A', {})
    assert.equal(socket.messageRetryManager?.getRecentMessage('x@s.whatsapp.net', 'A'), undefined)
    const noted: string[] = []
    noteWhatLeaves(socket, (messageId) => noted.push(messageId))
    await socket.relayMessage('nobody', {}, { messageId: 'A' }).catch(() => undefined)
    assert.deepEqual(noted, ['A'])
  })
})

test('Baileys checks signatures as we do, and trusts the root that it is told', () => {
  assert.equal(Curve.verify, isSigned)
  const before = WA_CERT_DETAILS.PUBLIC_KEY
  trust('07'.repeat(32))
  assert.deepEqual(WA_CERT_DETAILS.PUBLIC_KEY, Buffer.alloc(32, 7))
  WA_CERT_DETAILS.PUBLIC_KEY = before
  assert.match(readFileSync(new URL('../Utils/noise-handler.js', BAILEYS), 'utf8'), /WA_CERT_DETAILS\.PUBLIC_KEY/)
})

test('who is who is remembered in a cache with a bound', async () => {
  const keys = { get: async () => ({ '15550001111': '42' }), set: async () => undefined, transaction: (work: () => unknown) => work() }
  const { lidMapping } = repositoryOver(
    keys as never,
    { creds: initAuthCreds() } as never,
    makeLogger(() => undefined)
  )
  assert.equal(await lidMapping.getLIDForPN('15550001111@s.whatsapp.net'), '42@lid')
  const cache: unknown = Reflect.get(lidMapping, 'mappingCache')
  assert.ok(cache instanceof BoundedMap && cache.get('pn:15550001111') === '42')
})

test('Baileys reads messages through our bounds too', () => {
  const mentionedJid = Array.from({ length: MAX_READS }, () => '')
  const bytes = proto.Message.encode({ extendedTextMessage: { contextInfo: { mentionedJid } } }).finish()
  assert.throws(() => proto.Message.decode(bytes), RangeError)
  assert.equal(decoded(bytes), null)
})
