import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { replaced } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strings.ts'

const BINARY = '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/WABinary/index.js'
const { decodeBinaryNode, encodeBinaryNode } = await import(BINARY)

/** A text as whoever reads the stanza has it. */
async function read(text: string): Promise<unknown> {
  const stanza = await decodeBinaryNode(encodeBinaryNode({ tag: 'ack', attrs: { id: text, class: 'message' } }))
  assert.equal(stanza.attrs.class, 'message')
  return stanza.attrs.id
}

test('a text is read as it was written, whatever it looks like', async () => {
  const addresses = [
    '15550001111@s.whatsapp.net',
    '15550001111:7@s.whatsapp.net',
    '9:255@lid',
    '1:3@hosted',
    '120363-1@g.us',
    'status@broadcast'
  ]
  const ids = [
    'a@b@c',
    '@',
    'S@',
    '1:256@lid',
    '1:99999@lid',
    '1:2:3@lid',
    '1:x@lid',
    '1:@lid',
    'S_1:5@s.whatsapp.net',
    '1-2:3@interop',
    '1_2@g.us'
  ]
  const words = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'message', '0123.-', 'ABC', '\u0001', 'x'.repeat(300)]
  for (const text of [...addresses, ...ids, ...words]) assert.equal(await read(text), text)
})

test('an address leaves as one', () => {
  const bytes = (id: string): number => encodeBinaryNode({ tag: 'ack', attrs: { id } }).length
  assert.ok(bytes('15550001111@s.whatsapp.net') < 20)
  assert.ok(bytes('15550001111:7@s.whatsapp.net') < 20)
})

test('a Baileys that writes in another way does not start', () => {
  assert.throws(() => replaced('const decodedJid = decode(str);'), /was not found/)
})
