#!/usr/bin/env bash
# A negative decimal from Python (pamqp 4.0.1, pika 1.4.4, py-amqp 5.4.2) is a large positive one in JavaScript (amqplib 2.3.1, @cloudamqp/amqp-client 4.1.1).
# Guess: Decimal("-1.25") in a header is -1.25, or an error, on the other side. Seen: 42949671.71. AMQP 0-9-1 gives a decimal an unsigned long; Python's clients write a signed one and read
# each other's, JavaScript's read what the specification says. Nothing is raised on either side; amounts of money are what such headers hold.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check amqp==5.4.2 pika==1.4.4 pamqp==4.0.1
npm install --silent --no-audit --no-fund amqplib@2.3.1 @cloudamqp/amqp-client@4.1.1
venv/bin/python - <<'PYTHON'
import decimal
import pathlib

import amqp.serialization
import pamqp.decode
import pamqp.encode
import pika.data

refund = {"refund": decimal.Decimal("-1.25")}
pieces = []
pika.data.encode_table(pieces, refund)
tables = {b"".join(pieces), pamqp.encode.field_table(refund), amqp.serialization.dumps("F", [refund])}
assert len(tables) == 1, "they agree on the bytes"
(table,) = tables
read = [pamqp.decode.field_table(table)[1], pika.data.decode_table(table, 0)[0], amqp.serialization.loads("F", table, 0)[0][0]]
print("Python reads", read)
assert read == [refund] * 3
pathlib.Path("table").write_bytes(table)
PYTHON
cat > finding.cjs <<'JAVASCRIPT'
const assert = require('node:assert')
const { readFileSync } = require('node:fs')
const codec = require(`${__dirname}/node_modules/amqplib/lib/codec.js`)
const { AMQPView } = require(`${__dirname}/node_modules/@cloudamqp/amqp-client/lib/cjs/amqp-view.js`)
const table = readFileSync('table')
const { refund } = codec.decodeFields(table.subarray(4))
console.log('amqplib reads', refund)
assert.deepEqual(refund, { '!': 'decimal', value: { places: 2, digits: 4294967171 } })
const [read] = new AMQPView(new Uint8Array(table).buffer).getTable(0)
console.log('amqp-client reads', read)
assert.equal(read.refund, 42949671.71)
JAVASCRIPT
node finding.cjs
