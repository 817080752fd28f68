/** The companion's half of the ceremony, on a socket that notes what leaves. What the steps hold is checked by the simulator. */
import '../first.ts'

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { BinaryNode, WASocket } from 'baileys'

import { Curve, initAuthCreds } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'
import { CallError } from '../../../../../gateway_worker/whatsapp/baileys/bridge/channel/peer.ts'
import { Ceremony } from '../../../../../gateway_worker/whatsapp/baileys/bridge/passkey/ceremony.ts'

const OPTIONS = { challenge: 'abc', timeout: 600_000, rpId: 'whatsapp.com' }
const ANSWER = { tag: 'iq', attrs: { type: 'result' }, content: [{ tag: 'ref', attrs: {}, content: Buffer.from('2@ref') }] }
const REQUEST = notification('passkey_prologue_request', 'passkey_request_options', Buffer.from(JSON.stringify(OPTIONS)))

function notification(type: string, tag: string, content: Uint8Array): BinaryNode {
  return { tag: 'notification', attrs: { id: type, from: 's.whatsapp.net', type }, content: [{ tag, attrs: {}, content }] }
}

/** The phone's fresh key, and a nonce of `size` bytes. */
function continuation(size = 32): BinaryNode {
  const key = Buffer.from(Curve.generateKeyPair().public)
  const identity = Buffer.concat([Buffer.from([0x0a, key.length]), key, Buffer.from([0x12, size]), Buffer.alloc(size, 7)])
  return notification('crsc_continuation', 'primary_ephemeral_identity', identity)
}

/** Lets everything happen that waits for nothing. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

function paired(handoffLifetime = 300_000) {
  const credentials = initAuthCreds()
  const secret = credentials.advSecretKey
  const [steps, acknowledged, facts, causes] = [[], [], [], []] as [string[], string[], string[], string[]]
  /** What is in here is answered when a test says so. */
  const held = new Map<string, Promise<BinaryNode>>()
  const socket = {
    sendNode: async ({ attrs }: BinaryNode) => void acknowledged.push(attrs['id'] ?? ''),
    query: async ({ content }: BinaryNode) => {
      const tag = (content as BinaryNode[])[0]?.tag ?? ''
      steps.push(tag)
      return held.get(tag) ?? ANSWER
    }
  }
  const ceremony = new Ceremony({
    socket: socket as unknown as WASocket,
    facts: { notify: async (fact) => void facts.push(String((fact as { fact: unknown }).fact)) },
    credentials,
    deviceType: 1,
    answerTimeout: 60_000,
    handoffLifetime,
    onAsked: () => undefined,
    onFailed: ({ cause }) => void causes.push(cause)
  })
  const isSecretKept = (): boolean => credentials.advSecretKey === secret
  return { ceremony, credentials, steps, acknowledged, facts, causes, held, isSecretKept }
}

const prove = (ceremony: Ceremony): Promise<void> => ceremony.prove('{}', Buffer.from('id'))
const notPairing = (error: unknown): boolean => error instanceof CallError && error.failure.kind === 'not_pairing'

test("each step leaves once, and the new secret is the device's when the phone has linked it, even before the last step is answered", async () => {
  const { ceremony, steps, acknowledged, facts, causes, held, isSecretKept } = paired()
  const last = Promise.withResolvers<BinaryNode>()
  held.set('encrypted_pairing_request', last.promise)
  for (let time = 0; time < 2; time++) assert.ok(ceremony.takeNotification(REQUEST))
  await settled()
  assert.deepEqual([facts, acknowledged], [['passkey_required'], ['passkey_prologue_request', 'passkey_prologue_request']])
  await prove(ceremony)
  await assert.rejects(prove(ceremony), notPairing)
  for (let time = 0; time < 2; time++) ceremony.takeNotification(continuation())
  await settled()
  assert.deepEqual(steps, ['ref', 'passkey_prologue', 'companion_nonce', 'encrypted_pairing_request'])
  assert.ok(isSecretKept())
  ceremony.notePaired()
  assert.ok(!isSecretKept())
  last.resolve(ANSWER)
  await settled()
  assert.deepEqual([facts, causes], [['passkey_required'], []])
})

test('a phone that answers before the prologue is answered is heard after it', async () => {
  const { ceremony, steps, held } = paired()
  const prologue = Promise.withResolvers<BinaryNode>()
  held.set('passkey_prologue', prologue.promise)
  ceremony.takeNotification(REQUEST)
  await settled()
  const proved = prove(ceremony)
  await settled()
  ceremony.takeNotification(continuation())
  await settled()
  assert.deepEqual(steps, ['ref', 'passkey_prologue'])
  prologue.resolve(ANSWER)
  await proved
  await settled()
  assert.deepEqual(steps.slice(2), ['companion_nonce', 'encrypted_pairing_request'])
  ceremony.close()
})

test('without a proof the keys leave when the code was compared, and not if it differs', async () => {
  for (const isSame of [true, false]) {
    const { ceremony, steps, facts, causes, isSecretKept } = paired(0)
    ceremony.takeNotification(REQUEST)
    await settled()
    await prove(ceremony)
    ceremony.takeNotification(continuation())
    await settled()
    assert.deepEqual([facts, steps.length], [['passkey_required', 'passkey_confirm'], 3])
    await ceremony.confirm(isSame)
    await assert.rejects(ceremony.confirm(isSame), notPairing)
    assert.deepEqual([steps.length, causes], isSame ? [4, []] : [3, ['code_differs']])
    ceremony.notePaired()
    assert.equal(isSecretKept(), !isSame)
    ceremony.close()
  }
})

test('what was not asked for leads to nothing, and is acknowledged', async () => {
  const { ceremony, credentials, steps, acknowledged, facts, causes, isSecretKept } = paired()
  assert.ok(!ceremony.takeNotification(notification('account_sync', 'devices', Buffer.alloc(0))))
  credentials.account = {}
  ceremony.takeNotification(REQUEST)
  ceremony.takeNotification(continuation())
  ceremony.notePaired()
  await settled()
  assert.deepEqual([steps, facts, causes], [[], [], []])
  assert.deepEqual(acknowledged, ['passkey_prologue_request', 'crsc_continuation'])
  assert.ok(isSecretKept())
})

test('a nonce of another length ends it as a forgery', async () => {
  const { ceremony, steps, causes } = paired()
  ceremony.takeNotification(REQUEST)
  await settled()
  await prove(ceremony)
  ceremony.takeNotification(continuation(31))
  await settled()
  assert.deepEqual([steps.length, causes], [2, ['pairing_forged']])
})

test('a person who is late and a phone that says nothing have causes of their own', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const [person, phone] = [paired(), paired()]
  for (const { ceremony } of [person, phone]) ceremony.takeNotification(REQUEST)
  await settled()
  await prove(phone.ceremony)
  t.mock.timers.tick(60_000)
  assert.deepEqual([person.causes, phone.causes], [[], ['passkey_unanswered']])
  t.mock.timers.tick(540_000)
  assert.deepEqual(person.causes, ['passkey_expired'])
  await assert.rejects(prove(person.ceremony), notPairing)
  assert.deepEqual(person.steps, [])
})

test('whichever step is refused ends it with the code, nothing more leaves, and the device is as it was', async () => {
  const all = ['ref', 'passkey_prologue', 'companion_nonce', 'encrypted_pairing_request']
  for (const [index, refused] of all.entries()) {
    const { ceremony, steps, causes, held, isSecretKept } = paired()
    const answer = Promise.withResolvers<BinaryNode>()
    answer.promise.catch(() => undefined)
    answer.reject(Object.assign(new Error('not acceptable'), { data: 406 }))
    held.set(refused, answer.promise)
    ceremony.takeNotification(REQUEST)
    await settled()
    await prove(ceremony).catch(() => undefined)
    ceremony.takeNotification(REQUEST)
    ceremony.takeNotification(continuation())
    await settled()
    ceremony.takeNotification(continuation())
    await assert.rejects(prove(ceremony), notPairing)
    ceremony.notePaired()
    await settled()
    assert.deepEqual([steps, causes, isSecretKept()], [all.slice(0, index + 1), ['passkey_refused'], true], refused)
  }
})

test('an answer without what was asked for ends it before anything of the person has left', async () => {
  const { ceremony, steps, causes, held, isSecretKept } = paired()
  held.set('ref', Promise.resolve({ tag: 'iq', attrs: { type: 'result' } }))
  ceremony.takeNotification(REQUEST)
  await settled()
  await assert.rejects(prove(ceremony))
  assert.deepEqual([steps, causes, isSecretKept()], [['ref'], ['passkey_unanswered'], true])
})
