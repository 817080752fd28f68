#!/usr/bin/env bash
# vcf 2.1.2 (npm): a card that is read and written again has other property names, and keeps its backslashes.
# Guess: parse() and toString() give the card back, with values unescaped between them. Seen: names go through camelCase and back, so that Apple's X-ABLabel, which names
# a number, becomes X-AB-LABEL, which no phone knows; WhatsApp's waid becomes WAID; and valueOf() of a name still has its '\,'.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund vcf@2.1.2
cat > finding.cjs <<'JAVASCRIPT'
const assert = require('node:assert')
const VCard = require('vcf')

const card = [
  'BEGIN:VCARD',
  'VERSION:3.0',
  'FN:Acme\\, Inc.',
  'item1.TEL;waid=15550001111:+1 555-000-1111',
  'item1.X-ABLabel:Shop',
  'END:VCARD'
].join('\r\n')
const [read] = VCard.parse(card)
const written = read.toString('3.0').split('\r\n')
console.log(read.get('fn').valueOf(), written)
assert.strictEqual(read.get('fn').valueOf(), 'Acme\\, Inc.')
assert.ok(written.includes('item1.X-AB-LABEL:Shop'))
assert.ok(written.includes('item1.TEL;WAID=15550001111:+1 555-000-1111'))
JAVASCRIPT
node finding.cjs
