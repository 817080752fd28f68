#!/usr/bin/env bash
# @cloudamqp/amqp-client 4.1.1: a whole number from 2^31 to 2^32-1 in a header or queue argument goes out negative.
# Guess: it is written as a 64-bit 'l', as numbers above 2^32 are. Seen: the range test is for 33 bits, the field is a signed 32-bit 'I', and 3,000,000,000 wraps to
# -1,294,967,296 without an error: an x-max-length-bytes of 3 GB, Unix times after 2038, counters. Below -2^31 they turn positive.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @cloudamqp/amqp-client@4.1.1
cat > finding.cjs <<'JAVASCRIPT'
const assert = require('node:assert')
const { AMQPView } = require(`${__dirname}/node_modules/@cloudamqp/amqp-client/lib/cjs/amqp-view.js`)

const view = new AMQPView(new ArrayBuffer(64))
const sent = (number) => {
  view.setField(0, number, false)
  return [String.fromCharCode(view.getUint8(0)), view.getField(0, false)[0]]
}
const seen = Object.fromEntries([2 ** 31 - 1, 3e9, 2 ** 32, -3e9].map((each) => [each, sent(each)]))
console.log(seen)
assert.deepStrictEqual(seen, {
  2147483647: ['I', 2147483647],
  3000000000: ['I', -1294967296],
  4294967296: ['l', 4294967296],
  '-3000000000': ['I', 1294967296]
})
JAVASCRIPT
node finding.cjs
