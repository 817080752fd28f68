#!/usr/bin/env bash
# Baileys 7.0.0-rc14: of two group messages that arrive in the other order the late one is not decrypted.
# Guess: a sender key keeps the keys of messages that were passed over (up to 2,000), so that late ones are read. It keeps them; but the record is stored by JSON.stringify, which writes a
# Buffer as {type, data: [numbers]}, and read by a reviver that knows {type, data: "base64"} alone. Seen: the late one raises "Expected Buffer instead of: Object"; in order all are read.
# It is hidden mostly: the refused message is asked for again with a retry receipt, and comes anew, later and encrypted for this device alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund baileys@7.0.0-rc14
cat > finding.mjs <<'JAVASCRIPT'
import assert from 'node:assert'
import { initAuthCreds } from 'baileys'
import { makeLibSignalRepository } from 'baileys/lib/Signal/libsignal.js'

const GROUP = '120363000000000001@g.us'
const AUTHOR = '15550001001@s.whatsapp.net'
const logger = { level: 'silent', child: () => logger, trace() {}, debug() {}, info() {}, warn() {}, error() {} }

// A key store in memory, of values as they are: what the record's own JSON does is all that is seen
function repository() {
  const stored = {}
  const keys = {
    get: async (kind, ids) => Object.fromEntries(ids.map((id) => [id, stored[`${kind}/${id}`]])),
    set: async (data) => {
      for (const [kind, values] of Object.entries(data)) for (const [id, value] of Object.entries(values)) stored[`${kind}/${id}`] = value
    },
    transaction: async (work) => work(),
    isInTransaction: () => false
  }
  return makeLibSignalRepository({ creds: initAuthCreds(), keys }, logger, async () => undefined)
}

async function read(order) {
  const [sender, receiver] = [repository(), repository()]
  const sent = []
  for (const text of ['one', 'two', 'three']) {
    const { ciphertext, senderKeyDistributionMessage } = await sender.encryptGroupMessage({ group: GROUP, meId: AUTHOR, data: Buffer.from(text) })
    if (sent.length === 0) {
      const item = { groupId: GROUP, axolotlSenderKeyDistributionMessage: senderKeyDistributionMessage }
      await receiver.processSenderKeyDistributionMessage({ item, authorJid: AUTHOR })
    }
    sent.push(ciphertext)
  }
  const told = []
  for (const index of order) {
    const message = { group: GROUP, authorJid: AUTHOR, msg: sent[index] }
    told.push(await receiver.decryptGroupMessage(message).then((bytes) => Buffer.from(bytes).toString(), (error) => `${error.name}: ${error.message}`))
  }
  return told
}

const inOrder = await read([0, 1, 2])
const late = await read([0, 2, 1])
console.log({ inOrder, late })
assert.deepStrictEqual(inOrder, ['one', 'two', 'three'])
assert.deepStrictEqual(late, ['one', 'three', 'TypeError: Expected Buffer instead of: Object'])
process.exit(0)
JAVASCRIPT
node finding.mjs
