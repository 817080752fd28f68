/** Cards are told without their pictures, however their lines end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { withoutPictures } from '../../../../../gateway_worker/whatsapp/baileys/bridge/words/cards.ts'

const PICTURE = 'QUJD'.repeat(18)

for (const [name, end] of Object.entries({ CRLF: '\r\n', LF: '\n', CR: '\r' })) {
  test(`a picture goes and what stands behind it stays: ${name}`, () => {
    const folded = ['BEGIN:VCARD', `PHOTO;ENCODING=b:${PICTURE}`, ` ${PICTURE}`, 'TEL:030', 'END:VCARD'].join(end)
    const [card] = withoutPictures([folded])
    assert.deepEqual(card?.split(/[\r\n]+/), ['BEGIN:VCARD', 'TEL:030', 'END:VCARD'])
  })
}
