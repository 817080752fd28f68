/**
 * Messages of the phone's history, and what came there as a message of its own and is about another one.
 *
 * What is about a message is read with the message beside which it came, or with the stored one. An edit also says what
 * the message is now: where the history holds no more of it, it stands for it.
 */
import { areJidsSameUser, type Contact, proto } from 'baileys'

import type { Entry } from '../signal/commit.ts'
import type { Mapping } from '../words/addresses.ts'
import { isId, jidOf } from '../words/limits.ts'
import { secretOf, withSecret } from '../words/secrets.ts'
import { unwrap } from '../words/wrappers.ts'
import type { Recall } from './changes.ts'
import { entryOfCopy, envelopeOf } from './description.ts'
import type { Original } from './originals.ts'

/** The messages of one part of the history, by id. */
export type PastMessages = ReadonlyMap<string, readonly proto.IWebMessageInfo[]>

interface Reader {
  me: Contact
  mapping: Mapping
  recall: Recall
  /** A change stays sealed without the secret of the message `about`, which is neither beside it nor stored. */
  onSealed: (entry: Entry, copy: proto.IWebMessageInfo, about: string) => Promise<void>
}

export function byId(messages: readonly proto.IWebMessageInfo[]): PastMessages {
  return Map.groupBy(messages, ({ key }) => key?.id ?? '')
}

const MAX_ADD_ONS = 256
const MS = 1_000

/** What newer phones keep beside a message: whole messages, each about that one. */
export function addOnsOf({ key, messageAddOns }: proto.IWebMessageInfo): proto.IWebMessageInfo[] {
  return (messageAddOns ?? []).slice(0, MAX_ADD_ONS).flatMap(({ messageAddOn: message, messageAddOnKey: by, senderTimestampMs: ms }) => {
    if (message == null || by == null || !isId(by.id) || by.id === key?.id) return []
    const messageTimestamp = Math.trunc(Number(ms ?? 0) / MS)
    return [{ key: { ...by, remoteJid: key?.remoteJid ?? null }, message, messageTimestamp }]
  })
}

/** A message as it stood, or what it did to an earlier one. */
export async function pastOf(info: proto.IWebMessageInfo, part: PastMessages, reader: Reader): Promise<Entry[]> {
  const { id, remoteJid } = info.key ?? {}
  if (!id || !remoteJid || info.message == null) return []
  const recall = { ...reader.recall, originals: originalsIn(part, remoteJid, reader), isAdmin: async () => false }
  const described = async (copy: proto.IWebMessageInfo): Promise<Entry[]> => {
    const missing: string[] = []
    const noting = { ...recall, onMissing: (about: string) => void missing.push(about) }
    const entry = await entryOfCopy(copy, jidOf(envelopeOf(copy, reader.me).author), reader.me, reader.mapping, noting)
    if (entry.message === null) return []
    for (const about of missing) await reader.onSealed(entry, copy, about)
    return [entry]
  }
  const edited = editedBy(info, reader.me)
  if (edited === null) return described(info)
  const target = edited.key?.id ?? ''
  const asItIs = target === id || !part.has(target) ? await described(edited) : []
  return target === id ? asItIs : [...asItIs, ...(await described(info))]
}

const { MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type

/** The message that an edit by its author leaves; null when it is no such edit. */
function editedBy(info: proto.IWebMessageInfo, me: Contact): proto.IWebMessageInfo | null {
  const { type, key, editedMessage } = unwrap(info.message ?? {}).protocolMessage ?? {}
  if (type !== MESSAGE_EDIT || editedMessage == null || !isId(key?.id)) return null
  const { author, fromMe } = envelopeOf(info, me)
  const isOwn = key.participant ? areJidsSameUser(key.participant, author) : key.fromMe !== false || fromMe
  return isOwn ? { ...info, key: { ...info.key, id: key.id }, message: editedMessage } : null
}

/** What is about a message finds it in the same chat of the same part, or where messages are stored. */
function originalsIn(part: PastMessages, chat: string, { me, recall }: Pick<Reader, 'me' | 'recall'>): Recall['originals'] {
  return async (id, storedIn, author) => {
    const beside = (part.get(id) ?? []).filter(({ key, message }) => key?.remoteJid === chat && message != null)
    if (beside.length === 0) return recall.originals(id, storedIn, author)
    return beside.slice(0, MAX_UNDER_ONE_ID).map((copy) => originalOfCopy(copy, me))
  }
}

const MAX_UNDER_ONE_ID = 4

function originalOfCopy(copy: proto.IWebMessageInfo, me: Contact): Original {
  const { author, fromMe } = envelopeOf(copy, me)
  const message = withSecret(copy)
  return { message, secret: secretOf(message), authors: fromMe ? [] : [author], isOurs: fromMe, options: [] }
}
