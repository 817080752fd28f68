#!/usr/bin/env bash
# Baileys 7.0.0-rc14: BufferJSON reads an object of counts by chat, or by day, as bytes.
# Guess: JSON.parse(JSON.stringify(value, BufferJSON.replacer), BufferJSON.reviver) gives back what has no bytes in it as it was. Seen: an object whose names all begin with a digit and whose
# values are all numbers (what a Uint8Array looks like in plain JSON) becomes a Buffer: "15550001111@s.whatsapp.net" begins with a digit, as "2026-11-01" does. The names are gone and each
# value keeps its lowest eight bits. With one name that begins otherwise, or one value that is a text, all is well, so it comes and goes with the data. Stores of sessions in Redis, MongoDB
# or files are written with this pair.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund baileys@7.0.0-rc14
cat > finding.mjs <<'JAVASCRIPT'
import assert from 'node:assert'
import { BufferJSON } from 'baileys'

const again = (value) => JSON.parse(JSON.stringify(value, BufferJSON.replacer), BufferJSON.reviver)
const unread = { '15550001111@s.whatsapp.net': 3, '15550002222@s.whatsapp.net': 300 }
const days = { '2026-11-01': 5 }
const mixed = { ...unread, 'status@broadcast': 1 }
for (const each of [unread, days, mixed]) console.log(each, '->', again(each))
assert.deepEqual(again(unread), Buffer.from([3, 300 % 256]))
assert.deepEqual(again(days), Buffer.from([5]))
assert.deepEqual(again(mixed), mixed)
JAVASCRIPT
node finding.mjs
