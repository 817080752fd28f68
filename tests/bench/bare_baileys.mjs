// Bare Baileys in one process, keys in memory, no gateway: what the benchmark compares the gateway with.
//
//   node bare_baileys.mjs --modules DIR --url ws://… --control http://…
//
// Reads requests from stdin, a line of JSON each, and answers each with a line of JSON on stdout; ends with stdin.
//   {do: "pair", phones: [number, …]}  pairs and connects each, one after the other: {cpuMs}. The first is who writes.
//   {do: "send", to, count, window}    with so many messages in flight, each until WhatsApp's server acknowledged it
//   {do: "send", to, count, rate}      so many a second; both: {rate, p50, p99, worst, cpuMs}
//   {do: "begin"}                      arrivals are written down anew: {}
//   {do: "received", count}            once so many have come: {at: {messageId: seconds of CLOCK_MONOTONIC}}
//   {do: "cpu"}                        {cpuMs}
// Latencies are milliseconds from the call to the server's acknowledgement.
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const print = console.log
for (const level of ['log', 'info', 'warn', 'error', 'debug', 'trace']) console[level] = () => {} // libsignal prints keys

const { values } = parseArgs({
  options: { modules: { type: 'string' }, url: { type: 'string' }, control: { type: 'string' } }
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

/** Pairs a phone by QR and logs in; resolves to the live socket. */
async function link(phone) {
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

function milliseconds() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

let arrivals = new Map()
let arrived = nothing
const acknowledged = new Map()
let writer

/** Whoever is paired first writes, and is written to. */
function employ(socket) {
  writer = socket
  socket.ws.on('CB:ack,class:message', ({ attrs }) => {
    acknowledged.get(attrs.id)?.(performance.now())
    acknowledged.delete(attrs.id)
  })
  socket.ev.on('messages.upsert', ({ messages }) => {
    const now = Number(process.hrtime.bigint()) / 1e9
    for (const { key } of messages) if (!key.fromMe) arrivals.set(key.id, now)
    arrived()
  })
}

let sent = 0
/** Sends one message; resolves to the milliseconds until the server acknowledged it. */
async function send(to) {
  const messageId = `3EB0${(++sent).toString(16).toUpperCase().padStart(18, '0')}`
  const began = performance.now()
  const ack = new Promise((resolve) => acknowledged.set(messageId, resolve))
  await writer.sendMessage(to, { text: `message ${sent} of the benchmark` }, { messageId })
  return (await ack) - began
}

async function withWindow(to, count, window) {
  const latencies = []
  let begun = 0
  const work = async () => {
    while (begun < count) {
      begun += 1
      latencies.push(await send(to))
    }
  }
  await Promise.all(Array.from({ length: window }, work))
  return latencies
}

async function atRate(to, count, rate) {
  const began = performance.now()
  const running = []
  for (let i = 0; i < count; i += 1) {
    const wait = began + (i * 1000) / rate - performance.now()
    if (wait > 0) await sleep(wait)
    running.push(send(to))
  }
  return Promise.all(running)
}

const answers = {
  pair: async ({ phones }) => {
    WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from((await control('/root-key')).rootKey, 'hex')
    const before = milliseconds()
    for (const phone of phones) {
      const socket = await link(phone)
      if (writer === undefined) employ(socket)
    }
    await sleep(1000) // the first seconds of a device are its own
    return { cpuMs: milliseconds() - before }
  },
  send: async ({ to, count, window, rate }) => {
    const jid = `${to.slice(1)}@s.whatsapp.net`
    const before = { cpuMs: milliseconds(), at: performance.now() }
    const latencies = await (rate === undefined ? withWindow(jid, count, window) : atRate(jid, count, rate))
    const seconds = (performance.now() - before.at) / 1000
    latencies.sort((x, y) => x - y)
    return {
      rate: count / seconds,
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      worst: latencies.at(-1),
      cpuMs: milliseconds() - before.cpuMs
    }
  },
  begin: async () => {
    arrivals = new Map()
    return {}
  },
  received: async ({ count }) => {
    while (arrivals.size < count)
      await new Promise((resolve) => {
        arrived = resolve
      })
    return { at: Object.fromEntries(arrivals) }
  },
  cpu: async () => ({ cpuMs: milliseconds() })
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  print(JSON.stringify(await answers[request.do](request)))
}
process.exit(0)
