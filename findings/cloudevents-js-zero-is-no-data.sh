#!/usr/bin/env bash
# cloudevents 10.0.0 (JavaScript SDK): an event whose data is 0 or false arrives without data.
# Guess: data may be any JSON value (CloudEvents' JSON format 1.0.2, 3.1), and comes back as it was. Seen: in structured mode 0 and false are written and read back as undefined, so that a meter
# at zero and a switch that is off cannot be told from an event that says nothing; 1 and true come back. In binary mode it is the other way round: HTTP.binary() hands over a number or a Boolean
# where a body belongs, of which HTTP.toEvent() reads 0 and false, and refuses 1 and true ("invalid payload type").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund cloudevents@10.0.0
cat > finding.cjs <<'JAVASCRIPT'
const assert = require('node:assert')
const { CloudEvent, HTTP } = require('cloudevents')

const event = (data) => new CloudEvent({ source: '/meter', type: 'reading', datacontenttype: 'application/json', data })
const again = (data) => {
  const { headers, body } = HTTP.structured(event(data))
  assert.deepEqual(JSON.parse(body).data, data)
  return HTTP.toEvent({ headers, body }).data
}
for (const data of [0, false, 1, true, [0], '']) console.log(JSON.stringify(data), '->', again(data))
assert.equal(again(0), undefined)
assert.equal(again(false), undefined)
assert.equal(again(1), 1)
assert.equal(again(true), true)
assert.deepEqual(again([0]), [0])

const throughBinary = (data) => HTTP.toEvent(HTTP.binary(event(data))).data
console.log('binary, read again:', throughBinary(0), throughBinary(false))
assert.strictEqual(throughBinary(0), 0)
assert.strictEqual(throughBinary(false), false)
for (const data of [1, true]) assert.throws(() => throughBinary(data), /invalid payload type/)
JAVASCRIPT
node finding.cjs
