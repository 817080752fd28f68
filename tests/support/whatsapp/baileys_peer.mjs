// The real Baileys and libsignal as a peer of our wire layer: one JSON request per line in, one answer per line out.
// argv[2] is the node_modules folder. Bytes travel as hex, answers are {ok} or {error}.
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

for (const level of ['log', 'info', 'warn', 'error', 'debug', 'trace']) console[level] = () => {} // libsignal prints keys

const modules = process.argv[2]
const load = (path) => import(pathToFileURL(`${modules}/${path}`).href)
const baileys = await load('baileys/lib/index.js')
const group = await load('baileys/lib/Signal/Group/index.js')
const { SenderKeyRecord } = await load('baileys/lib/Signal/Group/sender-key-record.js')
const libsignal = createRequire(`${modules}/baileys/package.json`)('libsignal')
const curve = createRequire(`${modules}/baileys/package.json`)('libsignal/src/curve.js')
const { proto } = baileys

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const bin = (text) => Buffer.from(text, 'hex')
const typed = (text) => baileys.generateSignalPubKey(bin(text))
const logger = { child: () => logger, level: 'silent', trace() {}, debug() {}, info() {}, warn() {}, error() {} }

baileys.Curve.verify = (key, message, signature) => curve.verifySignature(baileys.generateSignalPubKey(key), message, signature) === true

const toNode = ({ tag, attrs, content }) => ({
  tag,
  attrs,
  content: content === null ? undefined : Array.isArray(content) ? content.map(toNode) : bin(content)
})
const fromNode = ({ tag, attrs, content }) => ({
  tag,
  attrs,
  content: content === undefined ? null : Array.isArray(content) ? content.map(fromNode) : hex(Buffer.from(content))
})

let noise, noiseKey
const devices = new Map()

class Device {
  constructor() {
    this.identity = curve.generateKeyPair()
    this.registrationId = 4711
    this.signed = curve.generateKeyPair()
    this.prekeys = new Map([[7, curve.generateKeyPair()]])
    this.sessions = new Map()
    this.senderKeys = new Map()
  }
  bundle() {
    return {
      registrationId: this.registrationId,
      identity: hex(this.identity.pubKey.subarray(1)),
      signedId: 3,
      signed: hex(this.signed.pubKey.subarray(1)),
      signature: hex(curve.calculateSignature(this.identity.privKey, this.signed.pubKey)),
      prekeyId: 7,
      prekey: hex(this.prekeys.get(7).pubKey.subarray(1))
    }
  }
  loadSession(id) {
    return this.sessions.get(id)
  }
  storeSession(id, record) {
    this.sessions.set(id, record)
  }
  isTrustedIdentity() {
    return true
  }
  loadPreKey(id) {
    return this.prekeys.get(id)
  }
  removePreKey(id) {
    this.prekeys.delete(id)
  }
  loadSignedPreKey() {
    return this.signed
  }
  getOurRegistrationId() {
    return this.registrationId
  }
  getOurIdentity() {
    return this.identity
  }
  async loadSenderKey(name) {
    return this.senderKeys.get(name.toString()) ?? new SenderKeyRecord()
  }
  async storeSenderKey(name, record) {
    this.senderKeys.set(name.toString(), record)
  }
}

const address = (name) => new libsignal.ProtocolAddress(name, 0)
const cipher = (device, name) => new libsignal.SessionCipher(devices.get(device), address(name))
const senderName = (sender) => new group.SenderKeyName('120363@g.us', { id: sender, deviceId: 0, toString: () => sender })
const groupCipher = (device, sender) => new group.GroupCipher(devices.get(device), senderName(sender))

const operations = {
  encode: ({ node }) => hex(baileys.encodeBinaryNode(toNode(node))),
  decode: async ({ frame }) => fromNode(await baileys.decodeBinaryNode(bin(frame))),
  sign: ({ private: key, message }) => hex(baileys.Curve.sign(bin(key), bin(message))),
  verify: ({ public: key, message, signature }) => baileys.Curve.verify(bin(key), bin(message), bin(signature)),

  noiseHello: ({ root }) => {
    baileys.WA_CERT_DETAILS.PUBLIC_KEY = bin(root)
    noiseKey = baileys.Curve.generateKeyPair()
    const ephemeral = baileys.Curve.generateKeyPair()
    noise = baileys.makeNoiseHandler({ keyPair: ephemeral, NOISE_HEADER: baileys.NOISE_WA_HEADER, logger, routingInfo: bin('080c') })
    const hello = proto.HandshakeMessage.encode({ clientHello: { ephemeral: ephemeral.public } }).finish()
    return hex(noise.encodeFrame(hello))
  },
  noiseFinish: ({ serverHello, payload }) => {
    const message = proto.HandshakeMessage.decode(bin(serverHello))
    const enc = noise.processHandshake(message, noiseKey)
    const payloadEnc = noise.encrypt(bin(payload))
    const frame = noise.encodeFrame(proto.HandshakeMessage.encode({ clientFinish: { static: enc, payload: payloadEnc } }).finish())
    noise.finishInit()
    return { frame: hex(frame), static: hex(noiseKey.public) }
  },
  noiseSend: ({ node }) => hex(noise.encodeFrame(baileys.encodeBinaryNode(toNode(node)))),
  noiseReceive: async ({ data }) => {
    const nodes = []
    await noise.decodeFrame(bin(data), (node) => nodes.push(fromNode(node)))
    return nodes
  },

  registration: () => {
    const creds = baileys.initAuthCreds()
    const payload = baileys.generateRegistrationNode(creds, {
      version: [2, 3000, 1],
      browser: ['Ubuntu', 'Chrome', '1'],
      countryCode: 'US',
      syncFullHistory: false
    })
    return { payload: hex(proto.ClientPayload.encode(payload).finish()), identity: hex(creds.signedIdentityKey.public) }
  },
  login: () =>
    hex(
      proto.ClientPayload.encode(
        baileys.generateLoginNode('49170123:12@s.whatsapp.net', {
          version: [2, 3000, 1],
          browser: ['Ubuntu', 'Chrome', '1'],
          countryCode: 'US'
        })
      ).finish()
    ),
  qr: ({ ref, noise: key, identity, secret }) =>
    baileys.buildPairingQRData(ref, ...[key, identity, secret].map((k) => bin(k).toString('base64')), ['Ubuntu', 'Chrome', '1']),
  pair: ({ content, secret, identityPrivate, identityPublic }) => {
    const child = (tag, attrs, content) => ({ tag, attrs, content })
    const stanza = child('iq', { id: '1' }, [
      child('pair-success', {}, [
        child('device-identity', {}, bin(content)),
        child('device', { jid: '1:2@s.whatsapp.net', lid: '3:2@lid' }),
        child('platform', { name: 'android' })
      ])
    ])
    const { reply, creds } = baileys.configureSuccessfulPairing(stanza, {
      advSecretKey: bin(secret).toString('base64'),
      signedIdentityKey: { private: bin(identityPrivate), public: bin(identityPublic) },
      signalIdentities: []
    })
    const identity = reply.content[0].content[0]
    return {
      answer: hex(identity.content),
      keyIndex: identity.attrs['key-index'],
      identity: hex(baileys.encodeSignedDeviceIdentity(creds.account, true))
    }
  },
  wrap: async ({ code, public: key, salt, iv }) =>
    hex(Buffer.concat([bin(salt), bin(iv), baileys.aesEncryptCTR(bin(key), await baileys.derivePairingCodeKey(code, bin(salt)), bin(iv))])),

  device: ({ device }) => {
    devices.set(device, new Device())
    return devices.get(device).bundle()
  },
  start: async ({ device, name, bundle }) => {
    await new libsignal.SessionBuilder(devices.get(device), address(name)).initOutgoing({
      registrationId: bundle.registrationId,
      identityKey: typed(bundle.identity),
      signedPreKey: { keyId: bundle.signedId, publicKey: typed(bundle.signed), signature: bin(bundle.signature) },
      preKey: bundle.prekey ? { keyId: bundle.prekeyId, publicKey: typed(bundle.prekey) } : undefined
    })
    return true
  },
  encrypt: async ({ device, name, plaintext }) => {
    const { type, body } = await cipher(device, name).encrypt(bin(plaintext))
    return { type: type === 3 ? 'pkmsg' : 'msg', content: hex(body) }
  },
  decrypt: async ({ device, name, type, content }) => {
    const with_ = cipher(device, name)
    return hex(await (type === 'pkmsg' ? with_.decryptPreKeyWhisperMessage(bin(content)) : with_.decryptWhisperMessage(bin(content))))
  },
  groupCreate: async ({ device, sender }) =>
    hex((await new group.GroupSessionBuilder(devices.get(device)).create(senderName(sender))).serialize()),
  groupLearn: async ({ device, sender, distribution }) => {
    const message = new group.SenderKeyDistributionMessage(null, null, null, null, bin(distribution))
    await new group.GroupSessionBuilder(devices.get(device)).process(senderName(sender), message)
    return true
  },
  groupEncrypt: async ({ device, sender, plaintext }) => hex(await groupCipher(device, sender).encrypt(bin(plaintext))),
  groupDecrypt: async ({ device, sender, content }) => hex(await groupCipher(device, sender).decrypt(bin(content)))
}

for await (const line of createInterface({ input: process.stdin })) {
  const { operation, ...args } = JSON.parse(line)
  let answer
  try {
    answer = { ok: await operations[operation](args) }
  } catch (error) {
    answer = { error: String(error?.message ?? error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
