/**
 * Our own sender key goes one step with each message to a group, as Signal's does.
 *
 * Baileys asks for the iteration after the next one: each second key of the chain is passed over, and kept in the record as
 * if its message were still to come, up to 2,000 of them (334 KB), written anew with every message.
 */
import { GroupCipher, type SenderKeyStore } from 'baileys/lib/Signal/Group/group_cipher.js'
import { SenderKeyMessage } from 'baileys/lib/Signal/Group/sender-key-message.js'
import type { SenderKeyName } from 'baileys/lib/Signal/Group/sender-key-name.js'

/** What Baileys' class keeps to itself. */
interface Inside {
  senderKeyStore: SenderKeyStore
  senderKeyName: SenderKeyName
  getCipherText: (iv: Uint8Array, key: Uint8Array, plaintext: Uint8Array) => Promise<Uint8Array>
}

GroupCipher.prototype.encrypt = async function encrypt(plaintext: Uint8Array): Promise<Uint8Array> {
  const inside = this as unknown as Inside
  const record = await inside.senderKeyStore.loadSenderKey(inside.senderKeyName)
  const state = record.getSenderKeyState()
  if (state === undefined) throw new Error('there is no sender key to encrypt with')
  const chain = state.getSenderChainKey()
  const key = chain.getSenderMessageKey()
  const ciphertext = await inside.getCipherText(key.getIv(), key.getCipherKey(), plaintext)
  const message = new SenderKeyMessage(state.getKeyId(), key.getIteration(), ciphertext, state.getSigningKeyPrivate())
  state.setSenderChainKey(chain.getNext())
  state.getStructure().senderMessageKeys.length = 0 // nobody decrypts with our own; what Baileys kept goes
  await inside.senderKeyStore.storeSenderKey(inside.senderKeyName, record)
  return message.serialize()
}
