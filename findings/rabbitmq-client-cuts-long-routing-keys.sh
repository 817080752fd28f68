#!/usr/bin/env bash
# rabbitmq-client 5.0.8 (npm): a routing key, message id or name of more than 255 bytes goes out cut, to wherever the rest leads.
# Guess: an error where it is written, as amqplib's RangeError is ("Field 'routingKey' is the wrong type; must be a string (up to 255 chars)"). Seen: the first 255 bytes are sent. Two keys that
# differ behind them are one, and what was bound with the whole key gets nothing. A character of several bytes at the edge is left out while its byte is counted: a NUL stands in its place.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund rabbitmq-client@5.0.8 amqplib@2.3.1
cat > finding.cjs <<'JAVASCRIPT'
const assert = require('node:assert')
const codec = require(`${__dirname}/node_modules/rabbitmq-client/lib/codec.js`)
const definitions = require(`${__dirname}/node_modules/amqplib/lib/defs.js`)
const AT = 14 // of the routing key's length in a frame of basic.publish to the default exchange

const published = (routingKey) => {
  const params = { rsvp1: 0, exchange: '', routingKey, mandatory: false, immediate: false }
  const frame = codec.encodeFrame({ type: codec.FrameType.METHOD, channelId: 1, methodId: codec.Cmd.BasicPublish, params })
  return frame.toString('utf8', AT + 1, AT + 1 + frame[AT])
}
const long = 'a'.repeat(254)
for (const key of [`${long}1`, `${long}12`, `${long}13`, `${long}ü`]) console.log('…' + key.slice(250), '->', JSON.stringify('…' + published(key).slice(250)))
assert.equal(published(`${long}1`), `${long}1`)
assert.equal(published(`${long}12`), `${long}1`)
assert.equal(published(`${long}13`), `${long}1`)
assert.equal(published(`${long}ü`), `${long}\0`)
const fields = { ticket: 0, exchange: '', routingKey: `${long}12`, mandatory: false, immediate: false }
assert.throws(() => definitions.encodeMethod(definitions.BasicPublish, 1, fields), (error) => {
  console.log('amqplib:', error.message)
  return /routingKey/.test(error.message)
})
JAVASCRIPT
node finding.cjs
