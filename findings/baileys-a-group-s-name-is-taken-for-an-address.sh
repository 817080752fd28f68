#!/usr/bin/env bash
# Baileys 7.0.0-rc14: a group that is made with the name "Lunch 12:30@Bob" is called "Lunch 12:30@s.whatsapp.net".
# Guess: the subject arrives as it was written; or a name with an '@' in it is refused. Seen: the encoder of stanzas writes every text that reads like user[_agent][:device]@server as an address,
# in which server and agent have no letters of their own: the server becomes the one that goes with the agent, the device keeps its lowest eight bits, and nothing is raised. groupCreate() puts
# the subject where addresses stand (an attribute); groupUpdateSubject() sends bytes, and the same name arrives whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund baileys@7.0.0-rc14
cat > finding.mjs <<'JAVASCRIPT'
import assert from 'node:assert'
import { decodeBinaryNode } from 'baileys/lib/WABinary/decode.js'
import { encodeBinaryNode } from 'baileys/lib/WABinary/encode.js'
import { readFileSync } from 'node:fs'

const arrives = async (subject) => {
  const bytes = encodeBinaryNode({ tag: 'create', attrs: { subject, key: 'x' } })
  return (await decodeBinaryNode(Buffer.from(bytes))).attrs.subject
}
const names = { 'Lunch 12:30@Bob': 'Lunch 12:30@s.whatsapp.net', 'a_1:2@b': 'a:2@lid', '100:300@x': '100:44@s.whatsapp.net', 'Lunch @ 12:30': 'Lunch @ 12:30' }
for (const [written, read] of Object.entries(names)) {
  console.log(JSON.stringify(written), '->', JSON.stringify(await arrives(written)))
  assert.equal(await arrives(written), read)
}
const source = readFileSync(new URL('node_modules/baileys/lib/Socket/groups.js', import.meta.url), 'utf8')
assert.match(source, /tag: 'create',\s+attrs: \{\s+subject/)
JAVASCRIPT
node finding.mjs
