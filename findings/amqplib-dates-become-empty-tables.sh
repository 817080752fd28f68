#!/usr/bin/env bash
# amqplib 2.3.1: a Date in the headers arrives as an empty table.
# Guess: it becomes AMQP's timestamp (as in other clients), or an error says that it cannot be one. Seen: whatever is an object is written as the table of its own
# enumerable properties; a Date, a Map and a Set have none, so the receiver gets {} and nothing is raised. Timestamps need {'!': 'timestamp', value: seconds}.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund amqplib@2.3.1
cat > finding.cjs <<'JAVASCRIPT'
const assert = require('node:assert')
const codec = require(`${__dirname}/node_modules/amqplib/lib/codec.js`)

const arrived = (headers) => {
  const buffer = Buffer.alloc(1000)
  return codec.decodeFields(buffer.subarray(4, codec.encodeTable(buffer, headers, 0)))
}
const sentAt = new Date('2026-11-22T10:30:00Z')
const seen = arrived({ sentAt, known: new Map([['a', 1]]), tags: new Set(['x']) })
console.log(seen)
assert.deepStrictEqual({ ...seen }, { sentAt: {}, known: {}, tags: {} })
const marked = arrived({ sentAt: { '!': 'timestamp', value: sentAt / 1000 } })
assert.strictEqual(marked.sentAt.value, 1795343400)
JAVASCRIPT
node finding.cjs
