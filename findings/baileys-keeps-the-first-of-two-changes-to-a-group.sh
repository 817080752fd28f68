#!/usr/bin/env bash
# Baileys 7.0.0-rc14: of two changes to a group that come in one go, the second is never told.
# Guess: what arrives while events are buffered (offline messages after a connection, each batch of messages) is merged into one groups.update per group, later fields over earlier ones, as it is
# for chats, contacts and messages. Seen: the first change of each group is kept whole and every later one is thrown away, other fields of it too: a group that was renamed, then closed for
# its members, then renamed again while we were away is told under the middle name, and open.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund baileys@7.0.0-rc14
cat > finding.mjs <<'JAVASCRIPT'
import assert from 'node:assert'
import { makeEventBuffer } from 'baileys/lib/Utils/event-buffer.js'

const quiet = { debug() {}, trace() {}, warn() {} }
const changes = (id) => [{ id, subject: 'Second name' }, { id, announce: true }, { id, subject: 'Third name' }]

const told = (name, updates) => {
  const buffer = makeEventBuffer(quiet)
  const heard = []
  buffer.process((events) => heard.push(events))
  buffer.buffer()
  for (const update of updates) buffer.emit(name, [update])
  buffer.flush()
  return heard.flatMap((events) => events[name])
}

const groups = told('groups.update', changes('1@g.us'))
console.log('groups.update:', JSON.stringify(groups))
assert.deepEqual(groups, [{ id: '1@g.us', subject: 'Second name' }])
const contacts = told('contacts.update', changes('1@lid'))
console.log('contacts.update, with the same changes:', JSON.stringify(contacts))
assert.deepEqual(contacts, [{ id: '1@lid', subject: 'Third name', announce: true }])
JAVASCRIPT
node finding.mjs
