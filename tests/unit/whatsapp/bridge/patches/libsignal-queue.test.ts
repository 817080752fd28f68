import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/libsignal-queue.ts'

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import { test } from 'node:test'

const bridge = createRequire(new URL('../../../../../gateway_worker/whatsapp/baileys/bridge/main.ts', import.meta.url))
const { SessionCipher, ProtocolAddress } = bridge('libsignal') as {
  SessionCipher: new (storage: object, address: object) => { queueJob: (job: () => Promise<unknown>) => Promise<unknown> }
  ProtocolAddress: new (id: string, device: number) => object
}

const session = new AsyncLocalStorage<string>()
const tick = (): Promise<void> => new Promise(setImmediate)

function jobOf(name: string, job: () => Promise<unknown>): Promise<unknown> {
  const cipher = new SessionCipher({ loadSession: () => null, storeSession: () => undefined }, new ProtocolAddress('15550001111', 0))
  return session.run(name, () => cipher.queueJob(job))
}

test('a job for somebody is part of the session that asked for it, whoever else writes to the same person', async () => {
  const seen: unknown[] = []
  const note = async (): Promise<void> => {
    await tick()
    seen.push(session.getStore())
  }
  await Promise.all([jobOf('alice', note), jobOf('dave', note), jobOf('alice', note)])
  assert.deepEqual(seen, ['alice', 'dave', 'alice'])
})

test('a job that hangs holds up nobody else', async () => {
  void jobOf('alice', () => new Promise(() => undefined))
  assert.equal(await jobOf('dave', async () => 'sent'), 'sent')
})
