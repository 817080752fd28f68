import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { test } from 'node:test'

import { isSigned } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

const bridge = new URL('../../../../../gateway_worker/whatsapp/baileys/bridge/package.json', import.meta.url)
const libsignal = createRequire(createRequire(bridge).resolve('baileys/package.json'))
const curve = libsignal('libsignal/src/curve.js')
const pure = createRequire(libsignal.resolve('libsignal/package.json'))('curve25519-js')

test('signatures of libsignal are accepted, and the pure implementation agrees', () => {
  for (let round = 0; round < 20; round += 1) {
    const { pubKey, privKey } = curve.generateKeyPair()
    const message = randomBytes(round * 7)
    const signature = curve.calculateSignature(privKey, message)
    assert.equal(isSigned(pubKey, message, signature), true)
    assert.equal(isSigned(pubKey.subarray(1), message, signature), true)
    assert.equal(pure.verify(pubKey.subarray(1), message, signature), true)
  }
})

test('a forged signature, another message and another key are refused', () => {
  const { pubKey, privKey } = curve.generateKeyPair()
  const message = Buffer.from('message')
  const signature = curve.calculateSignature(privKey, message)
  for (let index = 0; index < signature.length; index += 1) {
    const forged = Buffer.from(signature)
    forged[index] = forged.readUInt8(index) ^ 1
    assert.equal(isSigned(pubKey, message, forged), false, `byte ${index}`)
  }
  assert.equal(isSigned(pubKey, Buffer.from('massage'), signature), false)
  assert.equal(isSigned(curve.generateKeyPair().pubKey, message, signature), false)
  assert.equal(isSigned(pubKey, message, signature.subarray(1)), false)
  assert.equal(isSigned(pubKey.subarray(2), message, signature), false)
  assert.equal(isSigned(Buffer.alloc(32), message, randomBytes(64)), false)
})

test('libsignal itself refuses a prekey with a bad signature, whatever else it says when it asks', () => {
  const { pubKey, privKey } = curve.generateKeyPair()
  const prekey = curve.generateKeyPair().pubKey
  const signature = curve.calculateSignature(privKey, prekey)
  assert.equal(curve.verifySignature(pubKey, prekey, signature), true)
  assert.throws(() => curve.verifySignature(pubKey, prekey, randomBytes(64)), /bad signature/)
  assert.equal(curve.verifySignature.length, 3)
})

test('jobs of one address do not wait for each other: sessions share no queue', async () => {
  const queueJob = libsignal('libsignal/src/queue_job.js')
  const never = queueJob('15550001111.0', () => new Promise(() => undefined))
  assert.equal(await queueJob('15550001111.0', async () => 'at once'), 'at once')
  assert.ok(never instanceof Promise)
})

/** A device of its own, as libsignal's storage wants it. */
function device() {
  const [identity, signed, prekey] = [curve.generateKeyPair(), curve.generateKeyPair(), curve.generateKeyPair()]
  const records = new Map<string, unknown>()
  return {
    records,
    bundle: () => ({
      identityKey: identity.pubKey,
      registrationId: 7,
      signedPreKey: { keyId: 1, publicKey: signed.pubKey, signature: curve.calculateSignature(identity.privKey, signed.pubKey) },
      preKey: { keyId: 2, publicKey: prekey.pubKey }
    }),
    loadSession: async (name: string) => records.get(name),
    storeSession: async (name: string, record: unknown) => void records.set(name, record),
    isTrustedIdentity: async () => true,
    loadPreKey: async () => prekey,
    removePreKey: async () => undefined,
    loadSignedPreKey: async () => signed,
    getOurRegistrationId: async () => 7,
    getOurIdentity: async () => identity
  }
}

test('a ratchet that does not open a message stays as it was, and goes on', async () => {
  const { SessionBuilder, SessionCipher, ProtocolAddress } = libsignal('libsignal')
  const [ana, ben] = [device(), device()]
  const [toBen, toAna] = [new ProtocolAddress('ben', 0), new ProtocolAddress('ana', 0)]
  const [anas, bens] = [new SessionCipher(ana, toBen), new SessionCipher(ben, toAna)]
  const say = async (text: string) => anas.encrypt(Buffer.from(text))
  const read = async ({ type, body }: { type: number; body: Buffer }) =>
    (type === 3 ? await bens.decryptPreKeyWhisperMessage(body) : await bens.decryptWhisperMessage(body)).toString()

  await new SessionBuilder(ana, toBen).initOutgoing(ben.bundle())
  assert.equal(await read(await say('first')), 'first')
  await anas.decryptWhisperMessage((await bens.encrypt(Buffer.from('in the first ratchet'))).body)
  await read(await say('turns it'))
  const late = await bens.encrypt(Buffer.from('in the first ratchet again, by a key that the second has never seen'))

  await new SessionBuilder(ana, toBen).initOutgoing(ben.bundle())
  assert.equal(await read(await say('in the second')), 'in the second')
  assert.match((await anas.decryptWhisperMessage(late.body)).toString(), /first ratchet again/)
  assert.equal(await read(await say('in the second, still')), 'in the second, still')
})
