import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type AuthenticationCreds, proto } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { endOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/causes.ts'
import { decoded } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/decoding.ts'
import { encodeFrame, FrameReader } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/frames.ts'
import { receiptOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/receipts.ts'
import { contentOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/content.ts'
import { Incoming } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/messages.ts'
import { decodeKey, encodeKey } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/values.ts'
import { isViewOnce, unwrap } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/wrappers.ts'

const me = { id: '15550001111:3@s.whatsapp.net', lid: '99:3@lid' }
const mapping = {
  getPNForLID: async (lid: string) => (lid === '42@lid' ? '15550002222:0@s.whatsapp.net' : null),
  getLIDForPN: async () => null
}

const noStore = { loadOriginals: async () => [] }
const noAdmins = { has: async () => false }

test('contents have the names of the port', () => {
  const cases: [object, unknown][] = [
    [{ conversation: 'hi' }, { kind: 'text', text: 'hi' }],
    [
      { extendedTextMessage: { text: 'hi' }, messageContextInfo: {} },
      { kind: 'text', text: 'hi' }
    ],
    [{ imageMessage: {} }, { kind: 'unsupported', whatsapp_type: 'imageMessage' }],
    [
      { locationMessage: { degreesLatitude: 52.5, degreesLongitude: -13, name: 'Here' } },
      { kind: 'location', latitude: 52.5, longitude: -13, name: 'Here', address: null }
    ],
    [{ locationMessage: {} }, { kind: 'unsupported', whatsapp_type: 'locationMessage' }],
    [{ contactMessage: { displayName: 'Ben', vcard: 'BEGIN:VCARD' } }, { kind: 'contacts', vcards: ['BEGIN:VCARD'] }],
    [
      { contactMessage: { vcard: 'BEGIN:VCARD\nitem1.PHOTO;ENCODING=b:QUJD\n QUJD\nTEL:112\nEND:VCARD' } },
      { kind: 'contacts', vcards: ['BEGIN:VCARD\nTEL:112\nEND:VCARD'] }
    ],
    [{ contactsArrayMessage: { contacts: [{ vcard: 'A' }, {}, { vcard: 'B' }] } }, { kind: 'contacts', vcards: ['A', 'B'] }],
    [
      { pollCreationMessageV3: { name: 'When?', options: [{ optionName: 'Now' }], selectableOptionsCount: 1 } },
      { kind: 'poll', question: 'When?', options: ['Now'], selectable: 1 }
    ],
    [
      { pollCreationMessageV5: { name: 'When?', options: [{ optionName: 'Now' }], selectableOptionsCount: 1 } },
      { kind: 'poll', question: 'When?', options: ['Now'], selectable: 1 }
    ],
    [{ liveLocationMessage: {} }, { kind: 'unsupported', whatsapp_type: 'liveLocationMessage' }],
    [{ interactiveResponseMessage: {} }, { kind: 'unsupported', whatsapp_type: 'interactiveResponseMessage' }],
    [{ reactionMessage: {} }, { kind: 'unsupported', whatsapp_type: 'reactionMessage' }], // to nothing
    [{ protocolMessage: { type: 5 } }, null], // history
    [{ protocolMessage: { type: 6 } }, null], // app state keys
    [{ senderKeyDistributionMessage: {} }, null],
    [{}, { kind: 'unsupported', whatsapp_type: 'unknown' }]
  ]
  for (const [message, expected] of cases) assert.deepEqual(contentOf(message), expected, JSON.stringify(message))
})

const lies = { file_class: 'image', url: null, direct_path: '/v/x.enc', media_key: '07'.repeat(32), encrypted_sha256: null }
const part = {
  mimetype: 'image/jpeg',
  fileLength: 5,
  fileSha256: Buffer.alloc(32, 1),
  mediaKey: Buffer.alloc(32, 7),
  directPath: '/v/x.enc'
}
const media = { mimetype: 'image/jpeg', size: 5, sha256: '01'.repeat(32), file_name: null, lies }

test('files are told with where they lie', () => {
  const cases: [object, unknown][] = [
    [{ imageMessage: { ...part, caption: 'Look' } }, { kind: 'image', media, caption: 'Look' }],
    [
      { videoMessage: { ...part, gifPlayback: true } },
      { kind: 'video', media: { ...media, lies: { ...lies, file_class: 'video' } }, caption: null, gif: true, note: null }
    ],
    [
      { ptvMessage: part },
      { kind: 'video', media: { ...media, lies: { ...lies, file_class: 'video' } }, caption: null, gif: null, note: true }
    ],
    [
      { audioMessage: { ...part, ptt: true, seconds: 3 } },
      { kind: 'voice', media: { ...media, lies: { ...lies, file_class: 'audio' } }, seconds: 3 }
    ],
    [{ audioMessage: part }, { kind: 'audio', media: { ...media, lies: { ...lies, file_class: 'audio' } }, seconds: null }],
    [
      { documentMessage: { ...part, fileName: 'a.pdf' } },
      { kind: 'document', media: { ...media, file_name: 'a.pdf', lies: { ...lies, file_class: 'document' } }, caption: null }
    ],
    [
      { documentMessage: { ...part, fileName: '..\\x/../\u202efdp\n.exe' } },
      { kind: 'document', media: { ...media, file_name: 'fdp.exe', lies: { ...lies, file_class: 'document' } }, caption: null }
    ],
    [{ stickerMessage: { ...part, isAnimated: true } }, { kind: 'sticker', media, animated: true }],
    [{ stickerMessage: { ...part, mediaKey: Buffer.alloc(3) } }, { kind: 'unsupported', whatsapp_type: 'stickerMessage' }]
  ]
  for (const [message, expected] of cases) assert.deepEqual(contentOf(message), expected, JSON.stringify(message))
  const edited = contentOf({ imageMessage: { caption: 'Look again' } }, { isEdit: true })
  assert.deepEqual([edited?.kind, edited?.kind === 'image' && edited.caption], ['image', 'Look again'])
})

test('what is to be viewed once says so, in its wrapper or itself', () => {
  assert.equal(isViewOnce({ ephemeralMessage: { message: { viewOnceMessageV2: { message: { imageMessage: {} } } } } }), true)
  assert.equal(isViewOnce({ audioMessage: { viewOnce: true } }), true)
  assert.equal(isViewOnce({ imageMessage: {} }), false)
  assert.equal(isViewOnce({ viewOnceMessage: { message: { interactiveMessage: { body: { text: 'Well?' } } } } }), false)
})

test('wrappers are taken off, however they are nested', () => {
  const inner = { conversation: 'hi' }
  const wrapped = { deviceSentMessage: { message: { ephemeralMessage: { message: { viewOnceMessageV2: { message: inner } } } } } }
  assert.equal(unwrap(wrapped), inner)
  let deep: object = inner
  for (let depth = 0; depth < 100; depth += 1) deep = { ephemeralMessage: { message: deep } }
  assert.notEqual(unwrap(deep), inner) // bounded
})

test('what our phone writes to a bot is in the chat with that bot, and confirmed there', async () => {
  const incoming = new Incoming(() => ({ me }) as unknown as AuthenticationCreds, noStore, noAdmins)
  const recipient = '867051314767696@bot'
  for (const from of [me.id, me.lid]) {
    const ciphertext = Buffer.of(1)
    const attrs = { id: `B${from}`, from, recipient, sender_pn: '15550001111@s.whatsapp.net', sender_lid: '99@lid', t: '1700000001' }
    incoming.observe({ tag: 'message', attrs, content: [{ tag: 'enc', attrs: {}, content: ciphertext }] })
    const part = incoming.partOf(ciphertext)
    assert.ok(part)
    const described = (await incoming.describe(part, { conversation: 'hi' }, mapping)) as Record<string, unknown>
    assert.deepEqual([described['chat'], described['from_me']], [recipient, true])
    const confirming = { tag: 'receipt', attrs: { id: attrs.id, type: 'sender', recipient: from, to: from } }
    assert.deepEqual(incoming.receipts.addressed(confirming).attrs, { id: attrs.id, type: 'sender', to: from, recipient })
    const another = { tag: 'receipt', attrs: { id: 'X', type: 'sender', recipient: from, to: from } }
    assert.equal(incoming.receipts.addressed(another), another)
  }
})

test('messages our phone sends once more are entries of their own, from our own devices only', async () => {
  const original = proto.WebMessageInfo.encode({
    key: { remoteJid: '42@lid', id: 'AD', fromMe: false },
    message: { conversation: 'I saw your ad' },
    messageSecret: Buffer.alloc(32, 7),
    messageTimestamp: 1_700_000_000,
    pushName: 'Bob'
  }).finish()
  const peerDataOperationRequestResponseMessage = {
    peerDataOperationResult: [{ placeholderMessageResendResponse: { webMessageInfoBytes: original } }]
  }
  const plaintext = proto.Message.encode({ protocolMessage: { type: 17, peerDataOperationRequestResponseMessage } }).finish()
  const incoming = new Incoming(() => ({ me }) as unknown as AuthenticationCreds, noStore, noAdmins)
  const resent = async (from: string) => {
    const ciphertext = Buffer.of(1)
    const attrs = { id: 'P', from, category: 'peer', t: '1700000001' }
    incoming.observe({ tag: 'message', attrs, content: [{ tag: 'enc', attrs: {}, content: ciphertext }] })
    const part = incoming.partOf(ciphertext)
    assert.ok(part)
    assert.equal(await incoming.describe(part, decoded(plaintext), mapping), null)
    return incoming.resent(part, decoded(plaintext), mapping)
  }
  const [entry] = await resent('15550001111@s.whatsapp.net')
  assert.deepEqual(entry?.key, { chat: '42@lid', sender: '15550001111@s.whatsapp.net', message_id: 'AD', index: 0 })
  assert.deepEqual(entry?.message, {
    message_id: 'AD',
    chat: '15550002222@s.whatsapp.net',
    sender: { jid: '42@lid', lid: '42@lid', phone: '+15550002222', push_name: 'Bob', verified_name: null },
    from_me: false,
    is_group: false,
    timestamp: 1_700_000_000,
    content: { kind: 'text', text: 'I saw your ad' },
    quoted_id: null,
    mentions: [],
    ad: null,
    association: null,
    wrappers: [],
    flags: { mentions_all: false, forwarded: false, view_once: false },
    timer: null
  })
  const kept = decoded(entry?.plaintext ?? new Uint8Array())
  assert.deepEqual(kept?.messageContextInfo?.messageSecret, Buffer.alloc(32, 7))
  assert.deepEqual(await resent('15550002222@s.whatsapp.net'), [])
})

test('receipts of others are told with all their ids', async () => {
  const content = [
    {
      tag: 'list',
      attrs: {},
      content: [
        { tag: 'item', attrs: { id: 'B' } },
        { tag: 'item', attrs: { id: 'C' } }
      ]
    }
  ]
  const stanza = { tag: 'receipt', attrs: { id: 'A', from: '42:7@lid', type: 'read', t: '1700000000' }, content }
  assert.deepEqual(await receiptOf(stanza, me, mapping), {
    message_ids: ['A', 'B', 'C'],
    chat: '15550002222@s.whatsapp.net',
    kind: 'read',
    timestamp: 1_700_000_000,
    participant: null
  })
})

test('a receipt of a group names its participant', async () => {
  const attrs = { id: 'A', from: '1@g.us', participant: '7@lid', t: '5' }
  const receipt = await receiptOf({ tag: 'receipt', attrs }, me, mapping)
  assert.deepEqual([receipt?.chat, receipt?.participant, receipt?.kind], ['1@g.us', '7@lid', 'delivered'])
})

test('receipts of our own devices and those without a meaning for a backend are not told', async () => {
  const silent: Record<string, string>[] = [
    { from: '15550001111@s.whatsapp.net', type: 'read' },
    { from: '99:1@lid' },
    { from: '42@lid', type: 'inactive' },
    { from: '42@lid', type: 'retry' },
    { from: '42@lid', type: 'sender' },
    { from: 'status@broadcast', participant: '42@lid' }
  ]
  for (const attrs of silent) assert.equal(await receiptOf({ tag: 'receipt', attrs: { id: 'A', ...attrs } }, me, mapping), null)
})

test('the two meanings of 408 are told apart', () => {
  const boom = (statusCode: number, message: string) => ({ message, output: { statusCode } })
  assert.equal(endOf(boom(408, 'QR refs attempts ended')).cause, 'pairing_timeout')
  assert.equal(endOf(boom(408, 'Connection was lost')).cause, 'lost')
  assert.equal(endOf(boom(400, 'noise certificate signature invalid')).cause, 'untrusted')
  assert.equal(endOf(boom(405, 'Connection Failure')).cause, 'outdated')
  assert.equal(endOf(boom(402, 'Connection Failure')).cause, 'banned')
  assert.equal(endOf(boom(500, 'WebSocket Error (socket hang up)')).cause, 'closed')
  assert.deepEqual(endOf(undefined), { cause: 'unknown', code: null, detail: '' })
  assert.equal(endOf(boom(599, 'x'.repeat(1000))).detail.length, 300)
})

test('frames survive any cutting of the stream', () => {
  const sent = [encodeFrame({ c: 1, m: 'a' }, [Buffer.from('one'), Buffer.alloc(0)]), encodeFrame({ r: 1, v: 'ü' })]
  const stream = Buffer.concat(sent)
  for (let size = 1; size <= stream.length; size += 1) {
    const reader = new FrameReader()
    const frames = []
    for (let at = 0; at < stream.length; at += size) frames.push(...reader.read(stream.subarray(at, at + size)))
    assert.deepEqual(
      frames.map(({ head }) => head),
      [
        { c: 1, m: 'a', b: [3, 0] },
        { r: 1, v: 'ü' }
      ]
    )
    assert.deepEqual(frames[0]?.blobs.map(String), ['one', ''])
  }
})

test('a frame that claims to be too large is not waited for', () => {
  assert.throws(() => new FrameReader().read(Buffer.from('ffffff7f00000000', 'hex')), RangeError)
  assert.throws(() => encodeFrame({ c: 1 }, [Buffer.alloc(25 * 1024 * 1024)]), RangeError)
})

test('keys are read as they were written', () => {
  const pair = { private: Buffer.alloc(32, 1), public: Buffer.alloc(32, 2) }
  const cases: [string, unknown][] = [
    ['pre-key', pair],
    ['session', { version: 'v1', _sessions: { a: { registrationId: 7, baseKey: 'AA==' } } }],
    ['identity-key', Buffer.from('key')],
    ['lid-mapping', '1555'],
    ['device-list', ['0', '3']],
    ['tctoken', { token: Buffer.from('t'), timestamp: '1' }]
  ]
  for (const [kind, value] of cases) assert.deepEqual(decodeKey(encodeKey(kind, value)), value, kind)
  assert.equal(encodeKey('pre-key', pair).length, 65)
  const syncKey = decodeKey(encodeKey('app-state-sync-key', { keyData: Buffer.from('k').toString('base64') })) as { keyData: Uint8Array }
  assert.deepEqual(Buffer.from(syncKey.keyData), Buffer.from('k'))
})
