#!/usr/bin/env bash
# Baileys 7.0.0-rc14: asking for the LID of a number that WhatsApp writes another way raises a TypeError.
# Guess: getLIDForPN() resolves to the LID, or to null. WhatsApp answers user sync of a Brazilian mobile that is dialled with its ninth digit under the number without it;
# the answer is looked up under the number as it was asked for. Seen: "usyncFetch[pair.pn] is not iterable", although the pair has just been stored: the same question under the answered number is answered.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund baileys@7.0.0-rc14
cat > finding.mjs <<'JAVASCRIPT'
import assert from 'node:assert'
import { LIDMappingStore } from 'baileys/lib/Signal/lid-mapping.js'

const logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const [dialled, written] = ['5511987654321@s.whatsapp.net', '551187654321@s.whatsapp.net']
const stored = {}
const keys = {
  get: async (kind, ids) => Object.fromEntries(ids.map((id) => [id, stored[id]])),
  set: async (data) => void Object.assign(stored, data['lid-mapping']),
  transaction: async (work) => work()
}
const mapping = new LIDMappingStore(keys, logger, async () => [{ pn: written, lid: '100000000000001@lid' }])
const asked = await mapping.getLIDForPN(dialled).catch((error) => `${error.name}: ${error.message}`)
const answered = await mapping.getLIDForPN(written)
console.log({ asked, answered })
assert.strictEqual(asked, 'TypeError: usyncFetch[pair.pn] is not iterable')
assert.strictEqual(answered, '100000000000001@lid')
setTimeout(() => process.exit(0), 0)
JAVASCRIPT
node finding.mjs
