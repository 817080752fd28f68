/** Our own sender key, against Baileys' own decryption. */
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/group-cipher.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  GroupCipher,
  GroupSessionBuilder,
  SenderKeyMessage,
  SenderKeyName,
  SenderKeyRecord
} from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/Signal/Group/index.js'

const NAME = new SenderKeyName('123@g.us', { id: '15550001', deviceId: 3, toString: () => '15550001.3' } as never)

/** A store as Baileys' own is. */
class Stored {
  json = '[]'
  loadSenderKey = async (): Promise<SenderKeyRecord> => SenderKeyRecord.deserialize(Buffer.from(this.json))
  storeSenderKey = async (_: SenderKeyName, record: SenderKeyRecord): Promise<void> => {
    this.json = JSON.stringify(record.serialize())
  }
}

test('each message takes the next key of the chain, all are read, and our record does not grow', async () => {
  const ours = new Stored()
  const theirs = new Stored()
  const distribution = await new GroupSessionBuilder(ours).create(NAME)
  await new GroupSessionBuilder(theirs).process(NAME, distribution)
  const sent: Uint8Array[] = []
  for (let number = 0; number < 40; number++) {
    sent.push(await new GroupCipher(ours, NAME).encrypt(Buffer.from(`message ${number}`)))
    if (number === 0) assert.ok(ours.json.length < 1000)
  }
  const iterations = sent.map((bytes) => new SenderKeyMessage(null, null, null, null, bytes).getIteration())
  assert.deepEqual(iterations, [...Array(40).keys()])
  assert.ok(ours.json.length < 1000, `${ours.json.length} characters`)
  for (const [number, bytes] of sent.entries()) {
    assert.equal(Buffer.from(await new GroupCipher(theirs, NAME).decrypt(bytes)).toString(), `message ${number}`)
  }
})

test('a record of before goes on where it stands, without the keys that it kept', async () => {
  const ours = new Stored()
  const theirs = new Stored()
  const distribution = await new GroupSessionBuilder(ours).create(NAME)
  await new GroupSessionBuilder(theirs).process(NAME, distribution)
  const record = await ours.loadSenderKey()
  const state = record.getSenderKeyState()
  assert.ok(state)
  const first = state.getSenderChainKey()
  state.addSenderMessageKey(first.getSenderMessageKey())
  state.setSenderChainKey(first.getNext())
  await ours.storeSenderKey(NAME, record)
  const sent = await new GroupCipher(ours, NAME).encrypt(Buffer.from('next'))
  assert.equal(new SenderKeyMessage(null, null, null, null, sent).getIteration(), 1)
  assert.equal(Buffer.from(await new GroupCipher(theirs, NAME).decrypt(sent)).toString(), 'next')
  assert.deepEqual((await ours.loadSenderKey()).getSenderKeyState()?.getStructure().senderMessageKeys, [])
})
