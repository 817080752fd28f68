#!/usr/bin/env bash
# Baileys 7.0.0-rc14: a contact that is saved forgets what was learnt of it a moment before.
# Guess: contacts.update (a push name, a new picture) followed by contacts.upsert of the same person in one buffer gives one contact with both. Seen: the upsert is merged into the waiting
# update, the update is removed from the buffer, and what is told is the upsert without it. The other way round both are told. Push names come with each message, saved names with the
# app state: after a first connection, where both come at once, notify is missing from people who wrote first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund baileys@7.0.0-rc14
cat > finding.mjs <<'JAVASCRIPT'
import assert from 'node:assert'
import { makeEventBuffer } from 'baileys/lib/Utils/event-buffer.js'

const quiet = { debug() {}, trace() {}, warn() {} }
const heardOf = ['contacts.update', [{ id: '1@lid', notify: 'Annie', imgUrl: 'changed' }]]
const saved = ['contacts.upsert', [{ id: '1@lid', name: 'Ann of the shop' }]]

const told = (...events) => {
  const buffer = makeEventBuffer(quiet)
  const heard = []
  buffer.process((each) => heard.push(each))
  buffer.buffer()
  for (const [name, value] of events) buffer.emit(name, structuredClone(value))
  buffer.flush()
  return heard
}

const [lost] = told(heardOf, saved)
console.log('learnt, then saved:', JSON.stringify(lost))
assert.deepEqual(lost, { 'contacts.upsert': [{ id: '1@lid', name: 'Ann of the shop' }] })
const [kept] = told(saved, heardOf)
console.log('saved, then learnt:', JSON.stringify(kept))
assert.deepEqual(kept, { 'contacts.upsert': [{ id: '1@lid', name: 'Ann of the shop', notify: 'Annie', imgUrl: 'changed' }] })
JAVASCRIPT
node finding.mjs
