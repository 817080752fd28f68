import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'

import { MAX_CHAINS, MAX_KEPT, mustBeCiphertext } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/ratchets.ts'

const bridge = new URL('../../../../../gateway_worker/whatsapp/baileys/bridge/package.json', import.meta.url)
const libsignal = createRequire(createRequire(bridge).resolve('baileys/package.json'))
const { curve, ProtocolAddress, SessionBuilder, SessionCipher, SessionRecord } = libsignal('libsignal')
const GROUPS = '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/Signal/Group'
const { GroupCipher, GroupSessionBuilder, SenderKeyRecord } = await import(`${GROUPS}/index.js`)

type Ciphertext = { type: number; body: string | Buffer }

/** Somebody with a store; `begin` starts a ratchet with Ben. */
function party(identity = curve.generateKeyPair(), signed = curve.generateKeyPair()) {
  const stored = new Map<string, string>()
  const store = {
    getOurIdentity: async () => identity,
    getOurRegistrationId: async () => 7,
    isTrustedIdentity: async () => true,
    loadSession: async (name: string) => {
      const serialized = stored.get(name)
      return serialized === undefined ? undefined : SessionRecord.deserialize(JSON.parse(serialized))
    },
    storeSession: async (name: string, record: { serialize: () => unknown }) => void stored.set(name, JSON.stringify(record.serialize())),
    loadPreKey: async () => undefined,
    removePreKey: async () => undefined,
    loadSignedPreKey: async () => signed
  }
  const signature = curve.calculateSignature(identity.privKey, signed.pubKey)
  const bundle = { identityKey: identity.pubKey, registrationId: 7, signedPreKey: { keyId: 1, publicKey: signed.pubKey, signature } }
  const cipher = (name: string) => new SessionCipher(store, new ProtocolAddress(name, 0))
  return { identity, stored, store, bundle, cipher }
}

type Party = ReturnType<typeof party>

async function begin(from: Party, to: Party): Promise<void> {
  await new SessionBuilder(from.store, new ProtocolAddress('ben', 0)).initOutgoing(to.bundle)
}

async function read(reader: Party, { type, body }: Ciphertext, from = 'eve'): Promise<string> {
  const cipher = reader.cipher(from)
  const bytes = Buffer.from(body as Buffer)
  return (await (type === 3 ? cipher.decryptPreKeyWhisperMessage(bytes) : cipher.decryptWhisperMessage(bytes))).toString()
}

const say = (by: Party, text: string, to = 'ben'): Promise<Ciphertext> => by.cipher(to).encrypt(Buffer.from(text))

/** How many turns of the event loop others had meanwhile. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let over = false
  const count = (): void => {
    turns += 1
    if (!over) setImmediate(count)
  }
  setImmediate(count)
  await work().finally(() => (over = true))
  return turns
}

/** Eve writes so many messages that never arrive. */
async function skip(by: Party, count: number): Promise<void> {
  const record = (await by.store.loadSession('ben.0')) as any
  const session = record.getOpenSession()
  const chain = session.getChain(session.currentRatchet.ephemeralKeyPair.pubKey)
  ;(by.cipher('ben') as any).fillMessageKeys(chain, chain.chainKey.counter + count)
  chain.messageKeys = {}
  await by.store.storeSession('ben.0', record)
}

test('a message after many that never arrived is read, and leaves turns to others', async () => {
  const [ben, eve] = [party(), party()]
  await begin(eve, ben)
  assert.equal(await read(ben, await say(eve, 'hi')), 'hi')
  await skip(eve, 1500)
  const message = await say(eve, 'far ahead')
  const turns = await turnsDuring(async () => assert.equal(await read(ben, message), 'far ahead'))
  assert.ok(turns > 10, `${turns} turns`)
})

test('what is skipped can be read late, and no more of it is kept than Signal keeps', async () => {
  const [ben, eve] = [party(), party()]
  await begin(eve, ben)
  const late: Ciphertext[] = []
  for (let round = 0; round < 3; round++) {
    late.push(await say(eve, `late ${round}`))
    await skip(eve, 999)
    assert.equal(await read(ben, await say(eve, 'here')), 'here')
  }
  const [ratchet] = Object.values(JSON.parse(ben.stored.get('eve.0') ?? '')._sessions as Record<string, { _chains: Record<string, any> }>)
  const kept = Object.values(ratchet?._chains ?? {}).reduce((sum, { messageKeys }) => sum + Object.keys(messageKeys).length, 0)
  assert.equal(kept, MAX_KEPT)
  assert.equal(await read(ben, late[2] as Ciphertext), 'late 2')
  assert.equal(await read(ben, late[1] as Ciphertext), 'late 1')
  await assert.rejects(read(ben, late[0] as Ciphertext))
  assert.equal(await read(ben, await say(eve, 'on')), 'on')
})

test('a long conversation leaves a short record', async () => {
  const [ben, eve] = [party(), party()]
  await begin(eve, ben)
  assert.equal(await read(ben, await say(eve, 'hi')), 'hi')
  for (let turn = 0; turn < 40; turn++) {
    assert.equal(await read(eve, await say(ben, `to ${turn}`, 'eve'), 'ben'), `to ${turn}`)
    assert.equal(await read(ben, await say(eve, `from ${turn}`)), `from ${turn}`)
  }
  const { _sessions: sessions } = JSON.parse(ben.stored.get('eve.0') ?? '') as { _sessions: Record<string, { _chains: object }> }
  assert.deepEqual(
    Object.values(sessions).map(({ _chains }) => Object.keys(_chains).length),
    [MAX_CHAINS + 1]
  )
})

test('so it is with the keys of a group', async () => {
  const stored = new Map<string, Uint8Array>()
  const store = (whose: string) => ({
    loadSenderKey: async () => (stored.has(whose) ? SenderKeyRecord.deserialize(stored.get(whose)) : new SenderKeyRecord()),
    storeSenderKey: async (_name: unknown, record: { serialize: () => unknown }) =>
      void stored.set(whose, Buffer.from(JSON.stringify(record.serialize())))
  })
  const skipMany = async (count: number): Promise<void> => {
    const record = await store('eve').loadSenderKey()
    const state = record.getSenderKeyState()
    let chain = state.getSenderChainKey()
    for (let number = 0; number < count; number++) chain = chain.getNext()
    state.setSenderChainKey(chain)
    await store('eve').storeSenderKey('name', record)
  }
  const [eve, ben] = [new GroupCipher(store('eve'), 'name'), new GroupCipher(store('ben'), 'name')]
  const late: Uint8Array[] = []
  for (let key = 0; key < 3; key++) {
    stored.delete('eve')
    await new GroupSessionBuilder(store('ben')).process('name', await new GroupSessionBuilder(store('eve')).create('name'))
    late.push(await eve.encrypt(Buffer.from(`late ${key}`)))
    await skipMany(998)
    const last = await eve.encrypt(Buffer.from('here'))
    const turns = await turnsDuring(async () => assert.equal(Buffer.from(await ben.decrypt(last)).toString(), 'here'))
    assert.ok(turns > 2, `${turns} turns`)
  }
  const states = JSON.parse(Buffer.from(stored.get('ben') ?? []).toString()) as { senderMessageKeys: unknown[] }[]
  assert.equal(
    states.reduce((sum, { senderMessageKeys }) => sum + senderMessageKeys.length, 0),
    MAX_KEPT
  )
  assert.equal(Buffer.from(await ben.decrypt(late[2])).toString(), 'late 2')
  assert.equal(Buffer.from(await ben.decrypt(late[1])).toString(), 'late 1')
  await assert.rejects(async () => ben.decrypt(late[0]))
})

test('what has more fields than a ciphertext is none', async () => {
  const [ben, eve] = [party(), party()]
  await begin(eve, ben)
  const first = await say(eve, 'hi')
  mustBeCiphertext(Buffer.from(first.body as Buffer), 'pkmsg')
  assert.equal(await read(ben, first), 'hi')
  const pair = Buffer.of(0x78, 1)
  const group = Buffer.of(0x7b, 0x7c)
  mustBeCiphertext(Buffer.concat([Buffer.of(0x33), ...Array<Buffer>(16).fill(pair)]), 'pkmsg')
  mustBeCiphertext(Buffer.concat([Buffer.of(0x33), pair, Buffer.alloc(64)]), 'skmsg')
  for (const content of [Array<Buffer>(17).fill(pair), [group]]) {
    assert.throws(() => mustBeCiphertext(Buffer.concat([Buffer.of(0x33), ...content]), 'pkmsg'))
    await assert.rejects(read(ben, { type: 1, body: Buffer.concat([Buffer.of(0x33), ...content, Buffer.alloc(8)]) }))
  }
})
