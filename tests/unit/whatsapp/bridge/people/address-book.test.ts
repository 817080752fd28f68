import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'

import { AddressBook, MAX_TOLD, SAVED_CONTACTS as NAME } from '../../../../../gateway_worker/whatsapp/baileys/bridge/people/address-book.ts'
import { AppState, VERSION } from '../../../../../gateway_worker/whatsapp/baileys/bridge/signal/app-state.ts'

const me = { id: '15550001111:3@s.whatsapp.net', lid: '99:3@lid' }
const mapping = { getPNForLID: async () => null, getLIDForPN: async () => null }

/** An address book over a store and an owner that write down what happens, in order. */
function stage(stored: Record<string, unknown> = {}) {
  const happened: unknown[] = []
  let answer: (isStored: boolean) => void = () => undefined
  const store = {
    isClosed: false,
    get: async (_kind: string, names: string[]) =>
      Object.fromEntries(names.flatMap((name) => (name in stored ? [[name, stored[name]]] : []))),
    set: (changes: Record<string, object>) => void happened.push({ version: changes[VERSION] })
  }
  const facts = {
    notify: (fact: { contacts: { jid: string; saved_name: string | null }[]; from_before: boolean }) => {
      happened.push({ notified: fact.contacts.length, first: fact.contacts[0], from_before: fact.from_before })
      return new Promise<boolean>((resolve) => (answer = resolve))
    }
  }
  const appState = new AppState(store as never)
  const handlers = new Map<string, (notified: never) => unknown>()
  const on = (event: string, handler: (notified: never) => unknown) => void handlers.set(event, handler)
  const resyncAppState = async (names: string[], isInitial: boolean) => void happened.push({ names, isInitial })
  const socket = { ev: { on }, signalRepository: { lidMapping: mapping }, resyncAppState }
  const credentials = { me, myAppStateKeyId: undefined as string | undefined }
  const book = new AddressBook({ socket: socket as never, facts: facts as never, appState, credentials: credentials as never })
  /** Reads the app state as Baileys does: versions inside of the bracket, then what they brought, in one go. */
  const read = async (people: object[]): Promise<void> => {
    await appState.read(async () => {
      await appState.get([NAME])
      appState.set({ [NAME]: { version: 1 } as never })
      assert.deepEqual(await appState.get([NAME]), { [NAME]: { version: 1 } })
    })
    for (const person of people) book.take([person] as never)
  }
  return { happened, store, read, appState, book, credentials, handlers, stored: (isStored = true) => (answer(isStored), turn()) }
}

const ben = { id: '15550002222@s.whatsapp.net', lid: '42@lid', name: 'Plumber' }
const notified = { jid: ben.id, lid: '42@lid', phone: '+15550002222', saved_name: 'Plumber' }

test('a version is stored after what it brought', async () => {
  const { happened, read, stored } = stage({ [NAME]: { version: 0 } })
  await read([ben])
  await turn()
  assert.deepEqual(happened, [{ notified: 1, first: notified, from_before: false }])
  await stored()
  assert.deepEqual(happened.slice(1), [{ version: { [NAME]: { version: 1 } } }])
})

test('what is read from the beginning was so before, and comes in slices', async () => {
  const { happened, read, stored } = stage()
  await read(Array.from({ length: MAX_TOLD + 1 }, (_, number) => ({ ...ben, id: `1555${1000000 + number}@s.whatsapp.net` })))
  await turn()
  await stored()
  await stored()
  assert.deepEqual(
    happened.map((each) => (each as { notified?: number }).notified ?? 'version'),
    [MAX_TOLD, 1, 'version']
  )
  assert.deepEqual(
    (happened as { from_before?: boolean }[]).map((each) => each.from_before),
    [true, true, undefined]
  )
})

test('a reading waits for the one before it, and begins where that one ended, stored or not', async () => {
  const { happened, appState, stored, book } = stage({ [NAME]: { version: 0 } })
  const begun: unknown[] = []
  const read = (brings: object[]) => async () => {
    const { [NAME]: from } = await appState.get([NAME])
    begun.push(from)
    await turn() // WhatsApp answers
    await appState.read(async () => begun.push((await appState.get([NAME]))[NAME])) // a part of it waits for nobody
    if (brings.length > 0) appState.set({ [NAME]: { version: 1 } as never })
  }
  const first = appState.read(read([ben])).then(() => book.take([ben]))
  await Promise.all([first, appState.read(read([])), appState.read(async () => 'a send')])
  assert.deepEqual(begun, [{ version: 0 }, { version: 0 }, { version: 1 }, { version: 1 }])
  assert.deepEqual(happened, [{ notified: 1, first: notified, from_before: false }])
  await stored()
  assert.deepEqual(happened.slice(1), [{ version: { [NAME]: { version: 1 } } }])
})

test('a version is not stored when the connection is lost before', async () => {
  const { happened, store, read, stored } = stage()
  await read([ben])
  await turn()
  store.isClosed = true
  await stored(false)
  assert.equal(happened.length, 1)
})

test('the account itself is no contact', async () => {
  const { happened, read } = stage({ [NAME]: { version: 0 } })
  await read([{ id: '15550001111@s.whatsapp.net', name: 'Me' }])
  await turn()
  assert.deepEqual(happened, [{ version: { [NAME]: { version: 1 } } }])
})

test('a version that is written outside of a reading is stored at once', () => {
  const { happened, store } = stage()
  new AppState(store as never).set({ [NAME]: null })
  assert.deepEqual(happened, [{ version: { [NAME]: null } }])
})

test('it is read as soon as the phone has shared the key', () => {
  const { happened, book, credentials, handlers } = stage()
  book.read()
  assert.deepEqual(happened, [])
  credentials.myAppStateKeyId = 'AAAA'
  handlers.get('creds.update')?.({ myAppStateKeyId: 'AAAA' } as never)
  book.read()
  handlers.get('creds.update')?.({ me } as never)
  assert.deepEqual(happened, Array(2).fill({ names: [NAME], isInitial: false }))
})

test('where nobody was saved yet, the first one is news', async () => {
  const answer = (attrs: object, content?: object[]) => ({
    tag: 'iq',
    attrs: {},
    content: [{ tag: 'sync', attrs: {}, content: [{ tag: 'collection', attrs, content }] }]
  })
  const cases: [object, number][] = [
    [answer({ name: NAME, version: '0', type: 'result' }), 1],
    [answer({ name: NAME, version: '3', type: 'result' }), 0],
    [answer({ name: NAME, version: '0', type: 'error' }), 0],
    [answer({ name: NAME, version: '0' }, [{ tag: 'snapshot', attrs: {} }]), 0],
    [answer({ name: 'regular', version: '0' }), 0]
  ]
  for (const [node, noted] of cases) {
    const { happened, book } = stage()
    book.noteSync(node as never)
    await turn()
    assert.equal(happened.length, noted, JSON.stringify(node))
  }
  const { happened, book } = stage({ [NAME]: { version: 2 } })
  book.noteSync(answer({ name: NAME, version: '0' }) as never)
  await turn()
  assert.deepEqual(happened, [])
})
