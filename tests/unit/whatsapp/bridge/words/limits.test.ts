import assert from 'node:assert/strict'
import { test } from 'node:test'

import { clean, idOf, isJid, jid, jidOf, list, keyNameOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/limits.ts'

test('of a list in which nothing suits, no more is looked at than a few times what may be kept', () => {
  let looked = 0
  const strangers = {
    *[Symbol.iterator]() {
      for (;;) {
        looked += 1
        yield 'not one'
      }
    }
  }

  assert.deepEqual(list(jid, 10, isJid)(strangers), [])
  assert.ok(looked <= 41)
})

test('what stands among others that do not suit is found', () => {
  const person = '15550001111@s.whatsapp.net'

  assert.deepEqual(list(jid, 2, isJid)(['not one', 'not one', person, 'not one', person, person]), [person, person])
})

test('long names that differ at an end, or in their length, stay apart', () => {
  const middle = '?'.repeat(5_000)
  const names = [middle, `${middle}?`, `a${middle}`, `${middle}a`, '?'.repeat(512), '?'.repeat(513)]

  for (const name of [idOf, jidOf, keyNameOf]) assert.equal(new Set(names.map(name)).size, names.length)
})

test('each NUL of a text is replaced, and nothing else of it', () => {
  const texts = ['', 'Ana \u{1F600} é', '\u0100\u0001', '\0', 'a\0\0b\u{1F600}\0', '\0'.repeat(3)]
  assert.deepEqual(
    texts.map(clean),
    texts.map((each) => each.split('\0').join('\uFFFD'))
  )
  assert.equal(clean('\0\uD800'), '\uFFFD\uFFFD')
})
