#!/usr/bin/env bash
# Baileys 7.0.0-rc14: a forwarded poll, round video or list answer is not marked as forwarded, and a poll mentions nobody.
# Guess: what `forward` and `mentions` ask for holds for every kind of message. Seen: both are written into the first field of the message. Decoded fields stand in the order of their numbers, and
# whatever is newer than number 35 comes after messageContextInfo, which phones add to all they send; a poll that is made here puts it first too. The mark lands in that context, which has no such
# field, and is dropped when the message is encoded. Pictures, texts, documents and stickers have lower numbers and are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund baileys@7.0.0-rc14
cat > finding.mjs <<'JAVASCRIPT'
import assert from 'node:assert'
import { generateForwardMessageContent, generateWAMessageContent, proto } from 'baileys'

const encoded = (message) => proto.Message.decode(proto.Message.encode(message).finish())
const kinds = {
  imageMessage: { url: 'u' },
  extendedTextMessage: { text: 't' },
  stickerMessage: { url: 'u' },
  ptvMessage: { url: 'u' },
  pollCreationMessageV3: { name: 'q', options: [{ optionName: 'a' }] },
  listResponseMessage: { title: 't' },
  eventMessage: { name: 'e' }
}
const isMarked = (kind) => {
  const message = encoded({ [kind]: kinds[kind], messageContextInfo: { messageSecret: new Uint8Array(32) } })
  const forwarded = generateForwardMessageContent({ key: { fromMe: false }, message })
  return encoded(forwarded)[kind].contextInfo?.isForwarded ?? false
}
const marked = Object.keys(kinds).filter(isMarked)
console.log('marked as forwarded:', marked.join(', '), 'of', Object.keys(kinds).join(', '))
assert.deepEqual(marked, ['imageMessage', 'extendedTextMessage', 'stickerMessage'])

const mentions = ['15550001111@s.whatsapp.net']
const text = encoded(await generateWAMessageContent({ text: 'Lunch, @15550001111?', mentions }, {}))
const values = ['yes', 'no']
const poll = encoded(await generateWAMessageContent({ poll: { name: 'Lunch, @15550001111?', values, selectableCount: 1 }, mentions }, {}))
console.log('mentioned by a text:', text.extendedTextMessage.contextInfo.mentionedJid, 'by a poll:', poll.pollCreationMessageV3.contextInfo)
assert.deepEqual(text.extendedTextMessage.contextInfo.mentionedJid, mentions)
assert.equal(poll.pollCreationMessageV3.contextInfo, null)
JAVASCRIPT
node finding.mjs
