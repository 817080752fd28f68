/** How we run Baileys: its store, keys, caches and repository are ours, and it retries and stores nothing. */
import {
  type AuthenticationCreds,
  type BinaryNode,
  Browsers,
  DEFAULT_CONNECTION_CONFIG,
  type GroupMetadata,
  jidNormalizedUser,
  makeWASocket,
  type UserFacingSocketConfig,
  type WASocket
} from 'baileys'

import { cachesOf, type GroupCache } from './patches/caches.ts'
import type { History } from './incoming/history.ts'
import { placeOf } from './incoming/history-files.ts'
import type { Keys } from './signal/keys.ts'
import { keepNoMessages, noteWhatLeaves, useKeys } from './patches/socket.ts'
import { makeLogger } from './patches/logger.ts'
import { sentAgain } from './outgoing/message.ts'
import { Outsides } from './outgoing/stanza.ts'
import type { PeerMessages } from './incoming/peer-messages.ts'
import type { Incoming } from './incoming/messages.ts'
import { makeRepositoryMaker } from './incoming/repository.ts'
import type { SenderConfig } from './patches/sender.ts'
import type { OpenArguments, Settings } from './channel/calls.ts'
import { agentFor } from './channel/settings.ts'
import type { Store } from './signal/store.ts'

export interface SocketParts {
  number: number
  credentials: AuthenticationCreds
  store: Store
  keys: Keys
  incoming: Incoming
  protocol: PeerMessages
  history: History
  settings: Settings
  options: OpenArguments
  groups: GroupCache
}

const QUERY_TIMEOUT_MS = 30_000
/** Some accounts refuse to link a device that is no usual browser. */
export const BROWSER = Browsers.macOS('Chrome')

type Config = UserFacingSocketConfig & SenderConfig

function configOf(parts: SocketParts, outsides: Outsides): Config {
  const { number, credentials, store, keys, incoming, protocol, history, settings, options } = parts
  const agent = agentFor(options.proxy)
  return {
    withSender: (layer) => {
      const sendNode = (stanza: BinaryNode): Promise<void> => layer.sendNode(incoming.receipts.addressed(stanza))
      return outsides.dressing({ ...layer, sendNode })
    },
    auth: { creds: credentials, keys: store },
    makeSignalRepository: makeRepositoryMaker({ keys, store, incoming, protocol }),
    logger: makeLogger(() => protocol.fail()),
    browser: BROWSER,
    version: settings.version ?? DEFAULT_CONNECTION_CONFIG.version,
    waWebSocketUrl: settings.url ?? DEFAULT_CONNECTION_CONFIG.waWebSocketUrl,
    keepAliveIntervalMs: settings.keep_alive,
    defaultQueryTimeoutMs: QUERY_TIMEOUT_MS,
    markOnlineOnConnect: options.mark_online,
    emitOwnEvents: false,
    syncFullHistory: false,
    shouldSyncHistoryMessage: (notification) => history.takes(notification.syncType) && placeOf(notification) === null,
    transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 0 },
    retryRequestDelayMs: 0, // all else of the session waits for it: after a restore for minutes, or for who sends what nobody can read
    getMessage: async ({ id, remoteJid }) => {
      const chat = remoteJid ? jidNormalizedUser(remoteJid) : null // null: another device of ours asks
      const stored = id == null ? undefined : await store.loadSent(id, chat)
      if (stored === undefined) return undefined
      const message = sentAgain(stored)
      outsides.note(id ?? '', message)
      return message
    },
    ...cachesOf(number),
    ...(agent ? { agent, fetchAgent: agent } : {})
  }
}

/** Asks WhatsApp for a group, and remembers which of its members' LIDs belong to which number. */
async function describeGroup(socket: WASocket, jid: string, groups: GroupCache): Promise<GroupMetadata> {
  const started = groups.changes(jid)
  const metadata = await socket.groupMetadata(jid)
  groups.onDescribed(metadata)
  if (groups.changes(jid) === started) groups.set(jid, metadata) // else it changed while WhatsApp answered
  const mappings = metadata.participants.flatMap(({ id, lid, phoneNumber }) => {
    const pair = { lid: lid ?? id, pn: phoneNumber ?? id }
    return pair.lid === pair.pn ? [] : [pair]
  })
  await socket.signalRepository.lidMapping.storeLIDPNMappings(mappings)
  return metadata
}

/** A group as it is remembered, or as WhatsApp describes it. */
export async function describedGroup(socket: WASocket, jid: string, groups: GroupCache): Promise<GroupMetadata> {
  return groups.get(jid) ?? (await describeGroup(socket, jid, groups))
}

export function makeSocket(parts: SocketParts): WASocket {
  const { groups } = parts
  const outsides = new Outsides()
  const config: Config = {
    ...configOf(parts, outsides),
    cachedGroupMetadata: async (jid) => describedGroup(socket, jid, groups)
  }
  const socket: WASocket = makeWASocket(config)
  if (!outsides.isDressing) throw new Error('Baileys was loaded before its node sender could be replaced')
  noteWhatLeaves(socket, (messageId, message) => outsides.note(messageId, message))
  useKeys(socket, parts.keys)
  keepNoMessages(socket)
  return socket
}
