import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { StateChange } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/payloads.ts'
import { changeOf, writtenFor } from '../../../../../gateway_worker/whatsapp/baileys/bridge/state/words.ts'

const BEN = '15550002222@s.whatsapp.net'
const NOTHING = { until: null, message: null, name: null, lid: null }

test('what is written of labels is read as it was meant', () => {
  const message = { message_id: 'A1', from_me: false, participant: null, timestamp: 0 }
  const changes: StateChange[] = [
    { ...NOTHING, kind: 'label', chat: '', on: true, label: '5', name: 'Paid', color: 3 },
    { ...NOTHING, kind: 'label', chat: '', on: false, label: '5', name: 'Paid', color: 3 },
    { ...NOTHING, kind: 'chat_label', chat: BEN, on: true, label: '5' },
    { ...NOTHING, kind: 'message_label', chat: BEN, on: false, label: '5', message }
  ]
  const written = changes.flatMap((change) => writtenFor(change, 7_000))
  assert.deepEqual(
    written.map(({ collection, index, form }) => [collection, form, ...index]),
    [
      ['regular', 3, 'label_edit', '5'],
      ['regular', 3, 'label_edit', '5'],
      ['regular', 3, 'label_jid', '5', BEN],
      ['regular', 3, 'label_message', '5', BEN, 'A1', '0', '0']
    ]
  )
  assert.deepEqual(
    written.map(changeOf),
    changes.map((change) => ({ ...change, through: null, at: 7 }))
  )
})

test('a label that was taken away is there no more', () => {
  const gone = changeOf({ index: ['label_edit', '5'], action: null })
  assert.deepEqual([gone?.kind, gone?.label, gone?.on], ['label', '5', false])
  assert.equal(changeOf({ index: ['label_jid', '5', BEN], action: null })?.on, false)
})
