// Bare Baileys, A → B in one process, keys in memory, no gateway: what the benchmark compares the gateway with.
//
//   node bare_baileys.mjs --modules DIR --url ws://… --control http://… [--count 1000] [--window 32] [--rate 40]
//
// --window: messages in flight, each until WhatsApp's server acknowledged it. --rate: messages per second instead.
// Prints one line of JSON: {messages, seconds, rate, p50, p99, worst, cpuMsPerMessage, rssMb}; times in milliseconds,
// from the call to the server's acknowledgement; the rate counts until B has received the last.
import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const print = console.log
for (const level of ['log', 'info', 'warn', 'error', 'debug', 'trace']) console[level] = () => {} // libsignal prints keys

const { values } = parseArgs({
  options: {
    modules: { type: 'string' },
    url: { type: 'string' },
    control: { type: 'string' },
    count: { type: 'string', default: '1000' },
    window: { type: 'string', default: '32' },
    rate: { type: 'string' },
    warmup: { type: 'string', default: '20' }
  }
})
const baileys = await import(pathToFileURL(`${values.modules}/baileys/lib/index.js`).href)
const { makeWASocket, initAuthCreds, WA_CERT_DETAILS } = baileys

async function control(path, body) {
  const response = await fetch(
    values.control + path,
    body && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    }
  )
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return response.json()
}

function memoryKeys() {
  const kinds = new Map()
  const of = (kind) => kinds.get(kind) ?? kinds.set(kind, new Map()).get(kind)
  return {
    get: async (kind, ids) => Object.fromEntries(ids.filter((id) => of(kind).has(id)).map((id) => [id, of(kind).get(id)])),
    set: async (changes) => {
      for (const [kind, entries] of Object.entries(changes)) {
        for (const [id, value] of Object.entries(entries)) value == null ? of(kind).delete(id) : of(kind).set(id, value)
      }
    }
  }
}

const nothing = () => {}
const logger = { level: 'silent', child: () => logger, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Pairs a fresh phone by QR and logs in; resolves to the live socket. */
async function link(phone, name) {
  await control('/phones', { phone, name })
  const auth = { creds: initAuthCreds(), keys: memoryKeys() }
  for (;;) {
    const socket = makeWASocket({ auth, logger, waWebSocketUrl: values.url, getMessage: async () => undefined })
    const ended = await new Promise((resolve) => {
      socket.ev.on('connection.update', ({ qr, connection }) => {
        if (qr) control(`/phones/${encodeURIComponent(phone)}/scan`, { qr })
        if (connection === 'open') resolve(false)
        if (connection === 'close') resolve(true)
      })
    })
    if (!ended) return socket
  }
}

const quantile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]

WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from((await control('/root-key')).rootKey, 'hex')
const suffix = String(process.pid).padStart(7, '0').slice(-7)
const phones = { a: `+1557${suffix}`, b: `+1558${suffix}` }
const [a, b] = [await link(phones.a, 'Ann'), await link(phones.b, 'Ben')]
const to = `${phones.b.slice(1)}@s.whatsapp.net`
const from = `${phones.a.slice(1)}@s.whatsapp.net`

const acknowledged = new Map()
a.ws.on('CB:ack,class:message', ({ attrs }) => {
  acknowledged.get(attrs.id)?.(performance.now())
  acknowledged.delete(attrs.id)
})
let received = 0
let allReceived = nothing
b.ws.on('CB:message', nothing)
b.ev.on('messages.upsert', ({ messages }) => {
  received += messages.filter((m) => m.message?.extendedTextMessage).length
  allReceived()
})

let sent = 0
/** Sends one message; resolves to the milliseconds until the server acknowledged it. */
async function send() {
  const messageId = `3EB0${(++sent).toString(16).toUpperCase().padStart(18, '0')}`
  const began = performance.now()
  const ack = new Promise((resolve) => acknowledged.set(messageId, resolve))
  await a.sendMessage(to, { text: `message ${sent}: the quick brown fox jumps over the lazy dog` }, { messageId })
  return (await ack) - began
}

async function receivedAll(count) {
  while (received < count)
    await new Promise((resolve) => {
      allReceived = resolve
    })
}

await sleep(1000) // the first seconds of a device are its own
await send()
await b.sendMessage(from, { text: 'warm' }) // an answer: from now on the ratchet turns without prekeys
for (let i = 0; i < Number(values.warmup); i += 1) await send()
await receivedAll(sent)

const count = Number(values.count)
const before = { cpu: process.cpuUsage(), received, at: performance.now() }
const latencies = []
if (values.rate === undefined) {
  let begun = 0
  const worker = async () => {
    while (begun < count) {
      begun += 1
      latencies.push(await send())
    }
  }
  await Promise.all(Array.from({ length: Number(values.window) }, worker))
} else {
  const pause = 1000 / Number(values.rate)
  const running = []
  for (let i = 0; i < count; i += 1) {
    const wait = before.at + i * pause - performance.now()
    if (wait > 0) await sleep(wait)
    running.push(send().then((latency) => latencies.push(latency)))
  }
  await Promise.all(running)
}
await receivedAll(before.received + count)
const seconds = (performance.now() - before.at) / 1000
const { user, system } = process.cpuUsage(before.cpu)
latencies.sort((x, y) => x - y)
print(
  JSON.stringify({
    messages: count,
    seconds,
    rate: count / seconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    worst: latencies.at(-1),
    cpuMsPerMessage: (user + system) / 1000 / count,
    rssMb: process.memoryUsage.rss() / 1e6
  })
)
process.exit(0)
