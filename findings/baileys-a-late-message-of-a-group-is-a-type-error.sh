#!/usr/bin/env bash
# Baileys 7.0.0-rc14: a group message that arrives after a later one of the same sender cannot be decrypted once the sender key was stored in between.
# Guess: the keys of skipped messages are kept for this, so the late one is read. Seen: "Expected Buffer instead of: Object". storeSenderKey() writes the record by JSON.stringify(),
# which makes {type, data: [numbers]} of a Buffer; BufferJSON.reviver, by which SenderKeyRecord.deserialize() reads it, takes base64 text only. Chain and signing key pass through
# Buffer.from() once more, which takes either; the seeds of skipped messages do not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund baileys@7.0.0-rc14
cat > finding.mjs <<'JAVASCRIPT'
import assert from 'node:assert'
import { GroupCipher, GroupSessionBuilder, SenderKeyRecord } from 'baileys/lib/Signal/Group/index.js'

/** As signalStorage() of lib/Signal/libsignal.js keeps sender keys. */
function storage() {
  let stored
  return {
    loadSenderKey: async () => (stored ? SenderKeyRecord.deserialize(stored) : new SenderKeyRecord()),
    storeSenderKey: async (_name, record) => void (stored = Buffer.from(JSON.stringify(record.serialize()), 'utf-8'))
  }
}
const [hers, his] = [storage(), storage()]
await new GroupSessionBuilder(his).process('group', await new GroupSessionBuilder(hers).create('group'))
const [ana, ben] = [new GroupCipher(hers, 'group'), new GroupCipher(his, 'group')]
const late = await ana.encrypt(Buffer.from('first'))
const next = await ana.encrypt(Buffer.from('second'))
const read = async (message) => Buffer.from(await ben.decrypt(message)).toString()
const second = await read(next)
const first = await read(late).catch((error) => `${error.name}: ${error.message}`)
console.log({ second, first })
assert.strictEqual(second, 'second')
assert.strictEqual(first, 'TypeError: Expected Buffer instead of: Object')
JAVASCRIPT
node finding.mjs
