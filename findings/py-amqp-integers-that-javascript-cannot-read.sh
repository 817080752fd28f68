#!/usr/bin/env bash
# py-amqp 5.4.2 (under kombu and Celery): a whole number from 2^31 on goes out with a type that clients in JavaScript do not know.
# Guess: 'l', RabbitMQ's signed 64-bit integer, which every client reads. Seen: 'L', which is not in RabbitMQ's list of types; RabbitMQ 3.10 hands the table on as it came. pika and
# pamqp read it, amqplib 2.3.1 and @cloudamqp/amqp-client 4.1.1 raise: a message with a Unix time in milliseconds in its headers cannot be taken out of the queue by them.
# -2^31, which 32 bits hold, goes out as 'L' too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check amqp==5.4.2 pika==1.4.4 pamqp==4.0.1
npm install --silent --no-audit --no-fund amqplib@2.3.1 @cloudamqp/amqp-client@4.1.1
venv/bin/python - <<'PYTHON'
import pathlib

import amqp.serialization
import pamqp.decode
import pamqp.encode
import pika.data

sent = {"at": 1790000000000}
table = amqp.serialization.dumps("F", [sent])
print("py-amqp writes type", chr(table[7]), "and pamqp", chr(pamqp.encode.field_table(sent)[7]))
assert table[7:8] == b"L" and pamqp.encode.field_table(sent)[7:8] == b"l"
assert amqp.serialization.dumps("F", [{"at": -(2**31)}])[7:8] == b"L"
assert pika.data.decode_table(table, 0)[0] == pamqp.decode.field_table(table)[1] == sent
pathlib.Path("table").write_bytes(table)
pathlib.Path("other").write_bytes(pamqp.encode.field_table(sent))
PYTHON
cat > finding.cjs <<'JAVASCRIPT'
const assert = require('node:assert')
const { readFileSync } = require('node:fs')
const codec = require(`${__dirname}/node_modules/amqplib/lib/codec.js`)
const { AMQPView } = require(`${__dirname}/node_modules/@cloudamqp/amqp-client/lib/cjs/amqp-view.js`)
const readers = {
  amqplib: (bytes) => codec.decodeFields(bytes.subarray(4)),
  'amqp-client': (bytes) => new AMQPView(new Uint8Array(bytes).buffer).getTable(0)[0]
}
for (const [name, read] of Object.entries(readers)) {
  assert.deepEqual({ ...read(readFileSync('other')) }, { at: 1790000000000 })
  assert.throws(() => read(readFileSync('table')), (error) => {
    console.log(name, 'raises', error.message)
    return /Unexpected type tag "L"|'76' not supported/.test(error.message)
  })
}
JAVASCRIPT
node finding.cjs
