#!/usr/bin/env bash
# protobufjs 8.8.1: a BigInt given for an int64 field is encoded as 0.
# Guess: BigInt, JavaScript's own 64-bit integer, is encoded, or refused with a TypeError. Seen: encode() writes 0 and create() keeps the BigInt, so that the message
# looks right until it has left. fromObject() takes the same number as a text or a Long.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund protobufjs@8.8.1
cat > finding.cjs <<'JAVASCRIPT'
const assert = require('node:assert')
const protobuf = require('protobufjs')

const { root } = protobuf.parse('syntax = "proto2"; message Receipt { optional int64 timestamp = 1; optional uint64 size = 2; }')
const Receipt = root.lookupType('Receipt')
const wire = (message) => Buffer.from(Receipt.encode(message).finish()).toString('hex')
const seen = {
  number: wire({ timestamp: 1795343400, size: 5 }),
  bigint: wire({ timestamp: 1795343400n, size: 5n }),
  created: wire(Receipt.create({ timestamp: 1795343400n, size: 5n })),
  text: wire(Receipt.fromObject({ timestamp: '1795343400', size: '5' }))
}
console.log(seen)
assert.strictEqual(seen.number, '08a8888bd8061005')
assert.strictEqual(seen.text, seen.number)
assert.strictEqual(seen.bigint, '08001000')
assert.strictEqual(seen.created, '08001000')
JAVASCRIPT
node finding.cjs
