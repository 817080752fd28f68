// One unmodified Baileys session, driven by JSON lines on stdin and telling what happens by JSON lines on stdout.
//
// Environment: BAILEYS (the package's folder), WS_URL, ROOT_KEY (hex), PAIRING_PHONE (digits: pair by code), QR_TIMEOUT (ms).
// Baileys ignores the result of libsignal's signature check, so it is made to throw here: what we sign must be right.
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

console.info = console.warn = () => {} // libsignal prints private keys there

const home = process.env.BAILEYS
const require = createRequire(home + '/package.json')
const curve = require('libsignal/src/curve.js')
const verify = curve.verifySignature
curve.verifySignature = (...all) => {
  if (!verify(...all)) throw new Error('bad signature')
  return true
}
const baileys = await import(pathToFileURL(home + '/lib/index.js').href)
const { WA_CERT_DETAILS } = await import(pathToFileURL(home + '/lib/Defaults/index.js').href)
WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(process.env.ROOT_KEY, 'hex')
const logger = require('pino')({ level: process.env.BAILEYS_LOG ?? 'silent' }, require('pino').destination(2))

const notify = (event, fields = {}) => process.stdout.write(JSON.stringify({ event, ...fields }) + '\n')
const stored = {}
const keys = {
  get: async (kind, ids) => Object.fromEntries(ids.filter((id) => stored[kind]?.[id]).map((id) => [id, stored[kind][id]])),
  set: async (changes) => {
    for (const kind in changes) {
      stored[kind] ??= {}
      for (const id in changes[kind]) {
        if (changes[kind][id] == null) delete stored[kind][id]
        else stored[kind][id] = changes[kind][id]
      }
    }
  }
}
const creds = baileys.initAuthCreds()
const sent = {}
const kept = {}
let socket

function connect() {
  let coded = false
  socket = baileys.makeWASocket({
    auth: { creds, keys },
    logger,
    browser: baileys.Browsers.ubuntu('Chrome'),
    waWebSocketUrl: process.env.WS_URL,
    qrTimeout: process.env.QR_TIMEOUT ? Number(process.env.QR_TIMEOUT) : undefined,
    retryRequestDelayMs: 10,
    getMessage: async (key) => sent[key.id]
  })
  const mine = socket
  mine.ev.on('connection.update', async (update) => {
    if (update.qr && process.env.PAIRING_PHONE) {
      if (!coded) notify('code', { code: ((coded = true), await mine.requestPairingCode(process.env.PAIRING_PHONE)) })
    } else if (update.qr) notify('qr', { qr: update.qr })
    if (update.connection === 'open') notify('open', { me: creds.me })
    if (update.connection === 'close') {
      const code = update.lastDisconnect?.error?.output?.statusCode
      notify('close', { code, message: update.lastDisconnect?.error?.message })
      if (code === 515) connect()
    }
  })
  mine.ev.on('messages.reaction', (reactions) => reactions.forEach((reaction) => notify('reaction', reaction)))
  mine.ev.on('messages.upsert', ({ messages, type }) => {
    for (const message of messages) kept[message.key.id] = message
    for (const message of messages)
      notify('message', { type, key: message.key, message: message.message, stub: message.messageStubParameters })
  })
  mine.ev.on('messages.update', (updates) => {
    for (const { key, update } of updates) notify('update', { key, status: update.status, stub: update.messageStubParameters })
  })
  mine.ev.on('group-participants.update', (update) => notify('participants', update))
  mine.ev.on('groups.update', (updates) => updates.forEach((update) => notify('group', update)))
  mine.ev.on('call', (calls) => calls.forEach((call) => notify('call', call)))
  mine.ev.on('contacts.update', (contacts) => contacts.forEach((contact) => notify('contact', contact)))
  mine.ev.on('chats.update', (chats) => notify('chats', { chats }))
  mine.ev.on('presence.update', (presence) => notify('presence', presence))
  for (const tag of ['ack', 'receipt', 'notification', 'message', 'failure', 'stream:error']) {
    mine.ws.on('CB:' + tag, (node) => notify('stanza', { tag, attrs: node.attrs }))
  }
  mine.ws.on('CB:ib,,offline', (node) => notify('offline', { count: node.content[0].attrs.count }))
  mine.ev.on('messaging-history.set', ({ contacts }) => notify('history', { contacts: contacts.length }))
}

// {"base64": "…"} in a command stands for those bytes.
const bytes = (_, value) => (typeof value?.base64 === 'string' ? Buffer.from(value.base64, 'base64') : value)

// Baileys reads votes but has no way to make one.
function vote({ to, poll, secret, options, creator, voter }) {
  const hmac = (key, data) => createHmac('sha256', key).update(data).digest()
  const sign = Buffer.concat([Buffer.from(poll.id + creator + voter + 'Poll Vote'), Buffer.from([1])])
  const key = hmac(hmac(Buffer.alloc(32), secret), sign)
  const selectedOptions = options.map((option) => createHash('sha256').update(option).digest())
  const plain = baileys.proto.Message.PollVoteMessage.encode({ selectedOptions }).finish()
  const encIv = randomBytes(12)
  const encPayload = baileys.aesEncryptGCM(plain, key, encIv, Buffer.from(`${poll.id}\0${voter}`))
  const pollUpdateMessage = { pollCreationMessageKey: poll, vote: { encPayload, encIv }, senderTimestampMs: Date.now() }
  return socket.relayMessage(to, { pollUpdateMessage }, {})
}

const commands = {
  connect,
  end: () => socket.end(undefined),
  logout: () => socket.logout(),
  forget: () => {
    stored.session = {}
  }, // as if its signal_sessions were lost
  kept: async () => ({
    prekeys: Object.keys(stored['pre-key'] ?? {}).length,
    appStateKeys: Object.keys(stored['app-state-sync-key'] ?? {}).length
  }),
  send: async ({ to, content, options }) => {
    const message = await socket.sendMessage(to, content, options)
    sent[message.key.id] = message.message
    return { id: message.key.id }
  },
  download: async ({ id }) => {
    const file = await baileys.downloadMediaMessage(kept[id], 'buffer', {})
    return { size: file.length, sha256: createHash('sha256').update(file).digest('hex') }
  },
  picture: async ({ of }) => socket.profilePictureUrl(of, 'image'),
  fetch: async ({ url }) => Buffer.from(await (await fetch(url)).arrayBuffer()).toString('base64'),
  reject: ({ id, caller }) => socket.rejectCall(id, caller),
  reupload: async ({ id }) => {
    await socket.refreshMediaConn() // else Baileys looks for the new upload at mmg.whatsapp.net
    kept[id] = await socket.updateMediaMessage(kept[id])
  },
  vote: async (fields) => ({ id: await vote(fields) }),
  votes: ({ id, vote, creator, voter }) => {
    const content = baileys.normalizeMessageContent(kept[vote].message).pollUpdateMessage.vote
    const secret = kept[id].message.messageContextInfo.messageSecret
    const opened = baileys.decryptPollVote(content, { pollCreatorJid: creator, pollMsgId: id, pollEncKey: secret, voterJid: voter })
    return opened.selectedOptions.map((hash) => Buffer.from(hash).toString('hex'))
  },
  read: ({ keys: read }) => socket.readMessages(read),
  presence: ({ state, to }) => socket.sendPresenceUpdate(state, to),
  subscribe: ({ to }) => socket.presenceSubscribe(to),
  check: async ({ phones }) => ({ found: await socket.onWhatsApp(...phones) }),
  rotate: () => socket.rotateSignedPreKey(),
  digest: () => socket.digestKeyBundle(),
  group: async ({ subject, participants }) => socket.groupCreate(subject, participants),
  groups: async () => socket.groupFetchAllParticipating(),
  groupDo: async ({ action, args }) => (await socket[action](...args)) ?? null, // groupLeave, groupUpdateSubject …
  privacy: async () => ({ privacy: await socket.fetchPrivacySettings(true), blocked: await socket.fetchBlocklist() }),
  archive: async ({ chat, key, timestamp }) =>
    socket.chatModify({ archive: true, lastMessages: [{ key, messageTimestamp: timestamp }] }, chat)
}

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { call, ref, ...fields } = JSON.parse(line, bytes)
    try {
      notify('result', { ref, result: (await commands[call](fields)) ?? null })
    } catch (error) {
      notify('result', { ref, error: String(error?.message ?? error) })
    }
  })
  .on('close', () => process.exit(0))
connect()
