import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/silence-console.ts'
import '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/strict-signatures.ts'

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { proto } from '../../../../../gateway_worker/whatsapp/baileys/bridge/node_modules/baileys/lib/index.js'

import { changeOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/changes.ts'
import { decoded } from '../../../../../gateway_worker/whatsapp/baileys/bridge/patches/decoding.ts'
import { originalOf } from '../../../../../gateway_worker/whatsapp/baileys/bridge/incoming/originals.ts'
import { sealedBy } from '../sealing.ts'

const me = '15550001111@s.whatsapp.net'
const voter = { pn: '15550002222@s.whatsapp.net', lid: '42@lid' }
const secret = randomBytes(32)
const poll = {
  pollCreationMessageV3: { name: 'When?', options: [{ optionName: 'Now' }, { optionName: 'Later' }], selectableOptionsCount: 1 },
  messageContextInfo: { messageSecret: secret }
}
const text = { conversation: 'old', messageContextInfo: { messageSecret: secret } }
const CHAT = voter.pn
const GROUP = '120363000@g.us'
const ADMIN = '77@lid'
const doing = { sender: voter, isMe: false, jid: voter.lid, chat: CHAT }
const inGroup = { ...doing, jid: GROUP, chat: GROUP }
/** What is stored in the chat, and whose it is. */
const STORED: Record<string, { message: proto.IMessage; isOurs: boolean }> = {
  POLL: { message: poll, isOurs: true },
  TEXT: { message: text, isOurs: false },
  OURS: { message: text, isOurs: true },
  PLAIN: { message: { conversation: 'no secret' }, isOurs: false }
}
const recall = {
  own: [me, '99@lid'],
  originals: async (id: string) => {
    const stored = STORED[id]
    if (stored === undefined) return []
    const plaintext = proto.Message.encode(stored.message).finish()
    const authors = stored.isOurs ? [] : [voter.lid, voter.pn]
    return [originalOf({ plaintext, authors, from_me: stored.isOurs, options: [] })]
  },
  isAdmin: async (_: string, { lid }: { lid: string | undefined }) => lid === ADMIN
}
const ours = { author: '', by_admin: false }
const theirs = { author: CHAT, by_admin: false }
const unsaid = { author: null, by_admin: false }

const hashOf = (name: string): Buffer => createHash('sha256').update(name).digest()

/** A vote as WhatsApp's clients encrypt it: the key is bound to poll, author and voter. */
function vote(author: string, voterJid: string, options: string[], id = 'POLL'): proto.IMessage {
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions: options.map(hashOf) }).finish()
  const sealed = sealedBy(secret, id, author, voterJid, 'Poll Vote', plain, `${id}\0${voterJid}`)
  return { pollUpdateMessage: { pollCreationMessageKey: { id, fromMe: false }, vote: sealed } }
}

test('a vote opens whichever addresses its client used', async () => {
  const voted = { about: 'POLL', ...ours, kind: 'voted', unknown_options: 0 }
  for (const author of [me, '99@lid']) {
    for (const jid of [voter.pn, voter.lid]) {
      assert.deepEqual(await changeOf(vote(author, jid, ['Later']), doing, recall), { ...voted, options: ['Later'] })
    }
  }
  assert.deepEqual(await changeOf(vote(me, voter.pn, []), doing, recall), { ...voted, options: [] })
})

test('a vote for an option that was added later tells that there is one', async () => {
  const voted = { about: 'POLL', ...ours, kind: 'voted' }
  const change = await changeOf(vote(me, voter.pn, ['Now', 'Never']), doing, recall)
  assert.deepEqual(change, { ...voted, options: ['Now'], unknown_options: 1 })
})

test('a vote that cannot be opened is still told', async () => {
  const voted = { ...ours, kind: 'voted', options: null, unknown_options: 0 }
  assert.deepEqual(await changeOf(vote(me, voter.pn, ['Now'], 'OTHER'), doing, recall), { about: 'OTHER', ...voted })
  const forged = await changeOf(vote(me, '15550003333@s.whatsapp.net', ['Now']), doing, recall)
  assert.deepEqual(forged, { about: 'POLL', ...voted })
})

/** What somebody seals about a message: their own, or another one's. */
function sealed(use: string, plain: Uint8Array, { id = 'TEXT', author = voter.lid, bound = '' } = {}) {
  return sealedBy(secret, id, author, voter.lid, use, plain, bound)
}

const key: proto.IMessageKey = { id: 'TEXT', fromMe: true }
const edited = (message: proto.IMessage): Uint8Array =>
  proto.Message.encode({ protocolMessage: { type: 14, key, editedMessage: message } }).finish()
const edit = (plain: Uint8Array, secretEncType = 2, use = 'Message Edit'): proto.IMessage => ({
  secretEncryptedMessage: { targetMessageKey: key, secretEncType, ...sealed(use, plain) }
})

test('what is sealed is told as what it is', async () => {
  const toOurs = { id: 'OURS', fromMe: false }
  const { Message } = proto
  const own = { id: 'OURS', author: '99@lid' }
  const going = Message.EventResponseMessage.encode({ response: 1, extraGuestCount: 2 }).finish()
  const moved = Message.encode({ pollCreationMessageV3: { name: 'Where?', options: [{ optionName: 'Here' }] } }).finish()
  const content = { kind: 'text', text: 'new' }
  const cases: [proto.IMessage, object][] = [
    [edit(edited({ conversation: 'new' })), { about: 'TEXT', ...theirs, kind: 'edited', content }],
    [edit(Message.encode({ conversation: 'new' }).finish()), { about: 'TEXT', ...theirs, kind: 'edited', content }],
    [
      edit(
        Message.encode({
          editedMessage: { message: { protocolMessage: { type: 14, key, editedMessage: { conversation: 'new' } } } }
        }).finish()
      ),
      { about: 'TEXT', ...theirs, kind: 'edited', content }
    ],
    [
      edit(moved, 4, 'Poll Edit'),
      { about: 'TEXT', ...theirs, kind: 'edited', content: { kind: 'poll', question: 'Where?', options: ['Here'], selectable: 0 } }
    ],
    [edit(addition('There'), 5, 'Poll Add Option'), { about: 'TEXT', ...theirs, kind: 'option_added', option: 'There' }],
    [edit(addition('There'), 5, 'Poll Edit'), { about: 'TEXT', ...theirs, kind: 'option_added', option: 'There' }],
    [
      {
        encReactionMessage: {
          targetMessageKey: toOurs,
          ...sealed('Enc Reaction', Message.ReactionMessage.encode({ text: '👍' }).finish(), own)
        }
      },
      { about: 'OURS', ...ours, kind: 'reacted', emoji: '👍' }
    ],
    [
      {
        encReactionMessage: {
          targetMessageKey: toOurs,
          ...sealed('Enc Reaction', Message.ReactionMessage.encode({ text: '' }).finish(), own)
        }
      },
      { about: 'OURS', ...ours, kind: 'reacted', emoji: '' }
    ],
    [
      { encCommentMessage: { targetMessageKey: toOurs, ...sealed('Enc Comment', Message.encode({ conversation: 'new' }).finish(), own) } },
      { about: 'OURS', ...ours, kind: 'commented', content }
    ],
    [
      {
        encEventResponseMessage: {
          eventCreationMessageKey: toOurs,
          ...sealed('Event Response', going, { ...own, bound: `OURS\0${voter.lid}` })
        }
      },
      { about: 'OURS', ...ours, kind: 'answered', response: 'going', extra_guests: 2 }
    ]
  ]
  for (const [message, expected] of cases) assert.deepEqual(await changeOf(message, doing, recall), expected)
})

/** A message that adds an option, in a field of WAProto that is newer than ours. */
function addition(option: string, of = key): Uint8Array {
  const delimited = (number: number, bytes: Uint8Array): Buffer => {
    const tag = (number << 3) | 2
    return Buffer.concat([Buffer.from(tag < 128 ? [tag] : [(tag & 127) | 128, tag >> 7]), Buffer.of(bytes.length), bytes])
  }
  const poll = delimited(1, proto.MessageKey.encode(of).finish())
  return delimited(121, Buffer.concat([poll, delimited(2, delimited(1, Buffer.from(option)))]))
}

test('what is sealed with a secret that is not known is told as being about that message', async () => {
  const unopened = { encPayload: randomBytes(40), encIv: randomBytes(12) }
  for (const id of ['TEXT', 'PLAIN', 'OTHER']) {
    const targetMessageKey = { id, fromMe: true }
    const changed = { about: id, ...theirs, kind: 'changed', is_sealed: true }
    const ofEdit = { ...changed, what: 'edit', whatsapp_type: 'secretEncryptedMessage' }
    const cases: [proto.IMessage, object][] = [
      [{ secretEncryptedMessage: { targetMessageKey, secretEncType: 2, ...unopened } }, ofEdit],
      [{ secretEncryptedMessage: { targetMessageKey, secretEncType: 1, ...unopened } }, ofEdit],
      [{ secretEncryptedMessage: { targetMessageKey, secretEncType: 5 as never, ...unopened } }, { ...ofEdit, what: 'poll' }],
      [{ secretEncryptedMessage: { targetMessageKey, secretEncType: 77 as never, ...unopened } }, { ...ofEdit, what: 'other' }],
      [{ secretEncryptedMessage: { targetMessageKey, secretEncType: 2 } }, ofEdit],
      [{ encReactionMessage: { targetMessageKey, ...unopened } }, { ...changed, what: 'reaction', whatsapp_type: 'encReactionMessage' }],
      [{ encCommentMessage: { targetMessageKey, ...unopened } }, { about: id, ...theirs, kind: 'commented', content: null }],
      [
        { encEventResponseMessage: { eventCreationMessageKey: targetMessageKey, ...unopened } },
        { about: id, ...theirs, kind: 'answered', response: null, extra_guests: null }
      ]
    ]
    for (const [message, expected] of cases) assert.deepEqual(await changeOf(message, doing, recall), expected)
  }
})

test('edits, revocations, reactions, comments and pins name what they are about', async () => {
  const of = { id: 'M' }
  const cases: [proto.IMessage, unknown][] = [
    [{ protocolMessage: { type: 0, key: of } }, { about: 'M', ...unsaid, kind: 'revoked' }],
    [
      { protocolMessage: { type: 14, key: of, editedMessage: { conversation: 'new' } } },
      { about: 'M', ...unsaid, kind: 'edited', content: { kind: 'text', text: 'new' } }
    ],
    [{ reactionMessage: { key: of, text: '👍' } }, { about: 'M', ...unsaid, kind: 'reacted', emoji: '👍' }],
    [{ reactionMessage: { key: of } }, { about: 'M', ...unsaid, kind: 'reacted', emoji: '' }],
    [
      { commentMessage: { targetMessageKey: of, message: { conversation: 'so?' } } },
      { about: 'M', ...unsaid, kind: 'commented', content: { kind: 'text', text: 'so?' } }
    ],
    [{ pinInChatMessage: { key: of, type: 1 } }, { about: 'M', ...unsaid, kind: 'pinned', pinned: true, seconds: 604800 }],
    [{ pinInChatMessage: { key: of, type: 2 } }, { about: 'M', ...unsaid, kind: 'pinned', pinned: false, seconds: null }],
    [{ keepInChatMessage: { key: of, keepType: 1 } }, { about: 'M', ...unsaid, kind: 'kept', kept: true }],
    [{ keepInChatMessage: { key: of, keepType: 2 } }, { about: 'M', ...unsaid, kind: 'kept', kept: false }],
    [
      { scheduledCallEditMessage: { key: of, editType: 1 } },
      { about: 'M', ...unsaid, kind: 'changed', what: 'other', whatsapp_type: 'scheduledCallEditMessage', is_sealed: false }
    ],
    [decoded(addition('There', of)) ?? {}, { about: 'M', ...unsaid, kind: 'option_added', option: 'There' }],
    [{ protocolMessage: { type: 5, key: of } }, null],
    [{ conversation: 'hi' }, null]
  ]
  const pinning = { ...doing, context: { messageAddOnDurationInSecs: 604800 } }
  for (const [message, expected] of cases) assert.deepEqual(await changeOf(message, pinning, recall), expected)
})

test('what is empty, about nothing or of a kind that nobody knows has no effect', async () => {
  const of = { id: 'M' }
  const cases: proto.IMessage[] = [
    { protocolMessage: { type: 0 } },
    { reactionMessage: { text: 'x' } },
    { reactionMessage: { key: { id: 'x'.repeat(12_000) }, text: 'x' } },
    ...[undefined, {}, { conversation: '' }, { extendedTextMessage: {} }, { messageContextInfo: {} }].flatMap((editedMessage) => [
      { protocolMessage: { type: 14, key: of, ...(editedMessage && { editedMessage }) } },
      edit(edited(editedMessage ?? {}))
    ]),
    edit(new Uint8Array()),
    { editedMessage: {} },
    { editedMessage: { message: {} } },
    { pinInChatMessage: { key: of } },
    { keepInChatMessage: { key: of } },
    { commentMessage: { targetMessageKey: of } },
    { pollUpdateMessage: { pollCreationMessageKey: of } },
    { secretEncryptedMessage: { secretEncType: 2 } }
  ]
  for (const message of cases) assert.equal(await changeOf(message, doing, recall), 'nothing', JSON.stringify(message))
})

test('an edit to what we have no words for leaves what the message says', async () => {
  const change = await changeOf(edit(edited({ callLogMesssage: {} })), doing, recall)
  const described = { kind: 'changed', what: 'edit', whatsapp_type: 'callLogMesssage', is_sealed: false }
  assert.deepEqual(change, { about: 'TEXT', ...theirs, ...described })
})

test('a change says whose message it is about, seen by who wrote it', async () => {
  const author = async (key: proto.IMessageKey, where: typeof doing): Promise<unknown> => {
    const change = await changeOf({ reactionMessage: { key: { id: 'M', ...key }, text: 'x' } }, where, recall)
    return change === 'nothing' ? change : change?.author
  }
  assert.equal(await author({ fromMe: false }, doing), '')
  assert.equal(await author({ fromMe: true }, doing), CHAT)
  assert.equal(await author({ fromMe: true }, { ...doing, isMe: true }), '')
  assert.equal(await author({ fromMe: false }, { ...doing, isMe: true }), CHAT)
  assert.equal(await author({ participant: '99:3@lid' }, inGroup), '')
  assert.equal(await author({ participant: '55@lid' }, inGroup), '55@lid')
  assert.equal(await author({ fromMe: true }, inGroup), voter.pn)
  assert.equal(await author({}, inGroup), null)
})

test('what names a group that it does not come from counts for nothing', async () => {
  const elsewhere = { id: 'M', remoteJid: GROUP, fromMe: true }
  const change = { protocolMessage: { type: 14, key: elsewhere, editedMessage: { conversation: 'new' } } }
  assert.equal(await changeOf(change, doing, recall), 'nothing')
  assert.equal(await changeOf({ reactionMessage: { key: elsewhere, text: 'x' } }, doing, recall), 'nothing')
  assert.notEqual(await changeOf(change, inGroup, recall), 'nothing')
})

test('who deletes what another wrote is looked up among the admins of the group', async () => {
  const revocation = { protocolMessage: { type: 0, key: { id: 'M', participant: '55@lid' } } }
  const by = (lid: string): typeof inGroup => ({ ...inGroup, sender: { pn: '15550009999@s.whatsapp.net', lid } })
  const described = { about: 'M', author: '55@lid', kind: 'revoked' }
  assert.deepEqual(await changeOf(revocation, by(ADMIN), recall), { ...described, by_admin: true })
  assert.deepEqual(await changeOf(revocation, by('66@lid'), recall), { ...described, by_admin: false })
})
