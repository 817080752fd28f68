import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BinaryNode } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'
import { proto } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { dressed, type Outside, outsideOf, Outsides } from '../../../../../gateway_worker/whatsapp/baileys/bridge/outgoing/stanza.ts'
import { replaced } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/sender.ts'

const { Type } = proto.Message.ProtocolMessage
const { SecretEncType } = proto.Message.SecretEncryptedMessage
const KEY = { remoteJid: '120363041234567890@g.us', id: 'A' }
const MINE = { ...KEY, fromMe: true }
const PHOTO = { imageMessage: {} }
const VOICE = { audioMessage: { ptt: true } }
const NOTE = { ptvMessage: {} }

/** [message, type, mediatype, what else]. Where whatsmeow or whatsapp-rust say otherwise, the line says what. */
const KINDS: [string, proto.IMessage, Outside['type'], string | null, Partial<Outside>?][] = [
  ['text', { conversation: 'a' }, 'text', null],
  ['text with a quote', { extendedTextMessage: { text: 'a' } }, 'text', null],
  ['link', { extendedTextMessage: { text: 'a', matchedText: 'https://example.com', title: 'A' } }, 'media', 'url'],
  ['image', PHOTO, 'media', 'image'],
  ['video', { videoMessage: {} }, 'media', 'video'],
  ['gif', { videoMessage: { gifPlayback: true } }, 'media', 'gif'],
  ['video note', NOTE, 'media', 'ptv'], // whatsmeow: text, no mediatype
  ['sound', { audioMessage: {} }, 'media', 'audio'],
  ['voice', VOICE, 'media', 'ptt'],
  ['document', { documentMessage: {} }, 'media', 'document'],
  ['sticker', { stickerMessage: {} }, 'media', 'sticker'],
  ['lottie sticker', { lottieStickerMessage: { message: { stickerMessage: {} } } }, 'media', 'sticker'],
  ['sticker pack', { stickerPackMessage: {} }, 'media', 'sticker_pack'], // whatsmeow: text, no mediatype
  ['place', { locationMessage: {} }, 'media', 'location'], // whatsmeow: text, no mediatype
  ['live place', { liveLocationMessage: {} }, 'media', 'livelocation'], // whatsmeow: text, no mediatype
  ['card', { contactMessage: {} }, 'media', 'vcard'],
  ['cards', { contactsArrayMessage: {} }, 'media', 'contact_array'],
  ['invitation', { groupInviteMessage: {} }, 'media', 'url'], // whatsmeow: text, no mediatype
  ['list', { listMessage: {} }, 'media', 'list'], // whatsapp-rust: no mediatype, as the next five
  ['chosen row', { listResponseMessage: {} }, 'media', 'list_response'],
  ['chosen button', { buttonsResponseMessage: {} }, 'media', 'buttons_response'],
  ['order', { orderMessage: {} }, 'media', 'order'],
  ['product', { productMessage: {} }, 'media', 'product'],
  ['answered flow', { interactiveResponseMessage: {} }, 'media', 'native_flow_response'],
  ['image once', { viewOnceMessage: { message: PHOTO } }, 'media', 'image'],
  ['video note once', { viewOnceMessageV2: { message: NOTE } }, 'media', 'ptv'],
  ['voice once', { viewOnceMessageV2Extension: { message: VOICE } }, 'media', 'ptt'],
  ['captioned document', { documentWithCaptionMessage: { message: { documentMessage: {} } } }, 'media', 'document'],
  ['disappearing image once', { ephemeralMessage: { message: { viewOnceMessageV2: { message: PHOTO } } } }, 'media', 'image'],
  ['copy for own devices', { deviceSentMessage: { message: PHOTO } }, 'media', 'image'],
  ['poll', { pollCreationMessage: {} }, 'poll', null, { meta: { polltype: 'creation' } }],
  ['poll of one choice', { pollCreationMessageV3: {} }, 'poll', null, { meta: { polltype: 'creation' } }],
  ['vote', { pollUpdateMessage: { vote: {} } }, 'poll', null, { isHidden: true, meta: { polltype: 'vote' } }],
  ['event', { eventMessage: {} }, 'event', null, { meta: { event_type: 'creation' } }], // whatsmeow: text
  ['answer to it', { encEventResponseMessage: {} }, 'event', null, { isHidden: true, meta: { event_type: 'response' } }],
  ['reaction', { reactionMessage: { key: KEY, text: 'a' } }, 'reaction', null, { isHidden: true }],
  ['none any more', { reactionMessage: { key: KEY, text: '' } }, 'reaction', null, { isHidden: true, edit: '7' }], // whatsapp-rust: no edit
  ['sealed reaction', { encReactionMessage: {} }, 'reaction', null, { isHidden: true }],
  ['edit', { protocolMessage: { type: Type.MESSAGE_EDIT, key: MINE, editedMessage: PHOTO } }, 'text', null, { isHidden: true, edit: '1' }],
  [
    'wrapped edit',
    { editedMessage: { message: { protocolMessage: { type: Type.MESSAGE_EDIT, key: MINE, editedMessage: {} } } } },
    'text',
    null,
    { isHidden: true, edit: '1' }
  ],
  ['sealed edit', { secretEncryptedMessage: { secretEncType: SecretEncType.MESSAGE_EDIT } }, 'text', null, { isHidden: true, edit: '1' }],
  [
    'sealed edit of an event',
    { secretEncryptedMessage: { secretEncType: SecretEncType.EVENT_EDIT } },
    'event',
    null,
    { isHidden: true, edit: '1', meta: { event_type: 'edit' } }
  ],
  ['deletion', { protocolMessage: { type: Type.REVOKE, key: MINE } }, 'text', null, { isHidden: true, edit: '7' }],
  ["an admin's deletion", { protocolMessage: { type: Type.REVOKE, key: KEY } }, 'text', null, { isHidden: true, edit: '8' }], // whatsapp-rust: shown
  ['pin', { pinInChatMessage: { key: KEY } }, 'text', null, { isHidden: true, edit: '2' }],
  ['keep', { keepInChatMessage: { key: KEY, keepType: proto.KeepType.KEEP_FOR_ALL } }, 'text', null, { isHidden: true }],
  [
    'own keep undone',
    { keepInChatMessage: { key: MINE, keepType: proto.KeepType.UNDO_KEEP_FOR_ALL } },
    'text',
    null,
    { isHidden: true, edit: '7' }
  ],
  ['timer', { protocolMessage: { type: Type.EPHEMERAL_SETTING, ephemeralExpiration: 86400 } }, 'text', null]
]

test('each kind of message leaves with the words that WhatsApp Web writes around it', () => {
  for (const [name, message, type, mediatype, more] of KINDS) {
    const expected = { type, mediatype, isHidden: false, edit: null, meta: null, ...more }
    assert.deepEqual(outsideOf(message), expected, name)
    assert.deepEqual(outsideOf(proto.Message.decode(proto.Message.encode(message).finish())), expected, `${name}, decoded`)
  }
})

function stanza(content: BinaryNode[]): BinaryNode {
  return { tag: 'message', attrs: { id: 'ID', to: 'A', type: 'text' }, content }
}

function enc(type: string, more: Record<string, string> = {}): BinaryNode {
  return { tag: 'enc', attrs: { v: '2', type, ...more }, content: Buffer.of(1) }
}

function forOne(part: BinaryNode): BinaryNode {
  return { tag: 'participants', attrs: {}, content: [{ tag: 'to', attrs: { jid: 'B' }, content: [part] }] }
}

test('every copy of a message for a person says what it shows', () => {
  const dressedOne = dressed(stanza([forOne(enc('pkmsg'))]), outsideOf({ viewOnceMessageV2: { message: PHOTO } }))
  assert.equal(dressedOne.attrs['type'], 'media')
  assert.deepEqual(dressedOne.content, [forOne(enc('pkmsg', { mediatype: 'image' }))])
})

test('in a group the message says it, and what hands out the key shows nothing', () => {
  const sent = stanza([forOne(enc('pkmsg', { mediatype: 'video' })), enc('skmsg', { mediatype: 'video' })])
  const { content } = dressed(sent, outsideOf(NOTE))
  assert.deepEqual(content, [forOne(enc('pkmsg', { 'decrypt-fail': 'hide' })), enc('skmsg', { mediatype: 'ptv' })])
})

test('a message that is sent again says it too', () => {
  const { attrs, content } = dressed(stanza([enc('msg', { count: '2' })]), outsideOf(VOICE))
  assert.equal(attrs['type'], 'media')
  assert.deepEqual(content, [enc('msg', { count: '2', mediatype: 'ptt' })])
})

test('only what was noted is dressed, and nothing between own devices', () => {
  const outsides = new Outsides()
  outsides.note('ID', PHOTO)
  const peer = { ...stanza([enc('msg')]), attrs: { id: 'ID', to: 'A', type: 'text', category: 'peer' } }
  const unknown = { ...stanza([enc('msg')]), attrs: { id: 'OTHER', to: 'A', type: 'text' } }
  assert.equal(outsides.dress(peer), peer)
  assert.equal(outsides.dress(unknown), unknown)
  assert.equal(outsides.dress(stanza([enc('msg')])).attrs['type'], 'media')
})

test('a Baileys that sends in another way does not start', () => {
  assert.throws(() => replaced('const sock = makeOtherSocket(config);'))
})
