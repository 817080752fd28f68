#!/usr/bin/env bash
# Baileys 7.0.0-rc14: sending to a group, it uses every second key of its own sender key and stores the others, which nobody will ever need.
# Guess: the n-th message to a group carries iteration n-1 (Signal: the chain goes one step with each message), and the sender's own record keeps its size. Seen: iterations 0, 2, 4, 6 …;
# the record, written anew with every message, grows by some 170 bytes each time, up to 2,000 keys kept (a third of a MB); each receiver keeps the skipped keys too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund baileys@7.0.0-rc14
cat > finding.mjs <<'JAVASCRIPT'
import assert from 'node:assert'
import { initAuthCreds } from 'baileys'
import { SenderKeyMessage } from 'baileys/lib/Signal/Group/sender-key-message.js'
import { makeLibSignalRepository } from 'baileys/lib/Signal/libsignal.js'

const logger = { level: 'silent', child: () => logger, trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const stored = {}
const keys = {
  get: async (kind, ids) => Object.fromEntries(ids.map((id) => [id, stored[`${kind}/${id}`]])),
  set: async (data) => {
    for (const [kind, values] of Object.entries(data)) for (const [id, value] of Object.entries(values)) stored[`${kind}/${id}`] = value
  },
  transaction: async (work) => work(),
  isInTransaction: () => false
}
const repository = makeLibSignalRepository({ creds: initAuthCreds(), keys }, logger, async () => undefined)
const record = () => Object.entries(stored).find(([name]) => name.startsWith('sender-key/'))[1]

const iterations = []
const bytes = []
for (let number = 0; number < 200; number++) {
  const { ciphertext } = await repository.encryptGroupMessage({
    group: '120363000000000001@g.us',
    meId: '15550001001@s.whatsapp.net',
    data: Buffer.from(`message ${number}`)
  })
  iterations.push(new SenderKeyMessage(null, null, null, null, ciphertext).getIteration())
  bytes.push(record().length)
}
const kept = JSON.parse(record().toString())[0].senderMessageKeys.length
console.log({ first: iterations.slice(0, 5), last: iterations.at(-1), bytesAfter: { 1: bytes[0], 100: bytes[99], 200: bytes[199] }, kept })
assert.deepStrictEqual(iterations.slice(0, 5), [0, 2, 4, 6, 8])
assert.strictEqual(iterations.at(-1), 398)
assert.strictEqual(kept, 199)
assert.ok(bytes[199] > 25_000 && bytes[0] < 1_000)
process.exit(0)
JAVASCRIPT
node finding.mjs
