/** Builds what a connection consists of, from the bottom up: its store, what arrives, the socket, what leaves. */
import type { AuthenticationCreds, WASocket } from 'baileys'

import { Facts } from './channel/facts.ts'
import type { Lease } from './channel/lease.ts'
import type { Peer } from './channel/peer.ts'
import { fetchFile } from './channel/places.ts'
import type { FileArguments } from './channel/questions.ts'
import type { OpenArguments, Settings } from './channel/calls.ts'
import { Admins } from './groups/admins.ts'
import { GroupNotifications } from './groups/notifications.ts'
import { Groups } from './groups/groups.ts'
import { Arrivals } from './incoming/arrivals.ts'
import { CallsAndPresence } from './incoming/calls-and-presence.ts'
import { History } from './incoming/history.ts'
import { Incoming } from './incoming/messages.ts'
import { PeerMessages } from './incoming/peer-messages.ts'
import { WaitingChanges } from './incoming/waiting.ts'
import { Acknowledgements } from './outgoing/acknowledgements.ts'
import { Addressing } from './outgoing/addressing.ts'
import { MessageSender } from './outgoing/sender.ts'
import { Pairing } from './passkey/pairing.ts'
import { GroupCache } from './patches/caches.ts'
import { listenToEvents, listenToStanzas } from './patches/listening.ts'
import { Wire } from './patches/wire.ts'
import { BlockList } from './people/block-list.ts'
import { Contacts } from './people/contacts.ts'
import { NewChats } from './people/new-chats.ts'
import { OwnAccount } from './people/own-account.ts'
import { People } from './people/pictures.ts'
import { Gate } from './signal/gate.ts'
import { Keys } from './signal/keys.ts'
import { Store } from './signal/store.ts'
import { BROWSER, describedGroup, makeSocket } from './socket.ts'
import { AppState } from './state/app-state.ts'
import { eventTable, stanzaTable } from './stanzas.ts'
import type { End } from './words/causes.ts'
import { ChatOrder } from './words/chat-order.ts'

/** What a connection is opened with, and where it lives. */
export interface Opening {
  number: number
  peer: Peer
  lease: Lease
  settings: Settings
  options: OpenArguments
}

/** What happens in the parts, for the connection to act on. */
export interface ConnectionEvents {
  /** Something is stored, or has been told. */
  onStored: () => void
  onFailed: (error: unknown) => void
  /** Something has come that is to be stored. */
  onArrival: () => void
  onEnd: (end: End) => void
  /** Raises when the connection is over. */
  mustBeOpen: () => void
}

interface Context extends Opening {
  credentials: AuthenticationCreds
  events: ConnectionEvents
}

/** Telling includes what the owner does about it: more patience than for a read. */
const TELL_PATIENCE = 4

export type Parts = ReturnType<typeof assemble>

export function assemble(context: Context) {
  const base = makeBase(context)
  const reading = makeReading(context, base, () => ({ socket, arrivals, newChats: asking.newChats }))
  const { number, credentials, settings, options } = context
  const { store, keys, groupCache: groups } = base
  const socket = makeSocket({ number, credentials, store, keys, settings, options, groups, ...reading })
  const asking = makeAsking(context, base, socket)
  const sending = makeSending(context, { ...base, ...reading, ...asking }, socket)
  const listening = makeListening(context, { ...base, ...reading }, socket)
  const { arrivals } = listening
  const parts = { credentials, socket, ...base, ...reading, ...asking, ...sending, ...listening }
  const listeners = { ...parts, onArrival: context.events.onArrival }
  listenToStanzas(socket, stanzaTable(listeners))
  listenToEvents(socket, eventTable(listeners))
  return parts
}

type Base = ReturnType<typeof makeBase>

/** What is stored and told, and in which order. */
function makeBase({ number, peer, settings, credentials, events }: Context) {
  const store = new Store(peer, number, settings.store_deadline, events)
  const facts = new Facts(peer, number, settings.store_deadline * TELL_PATIENCE, events.onStored, events.onFailed)
  const keys = new Keys(store, () => credentials.me?.id)
  const order = new ChatOrder()
  const groupCache = new GroupCache(number)
  groupCache.onDescribed = ({ id, ephemeralDuration }) => {
    const timer = { seconds: ephemeralDuration ?? 0, changed_at: null, by_me: null }
    void facts.notify({ fact: 'timers', timers: [{ chat: id, timer }] })
  }
  /** After what is on its way to the group: its members must be given the key that it was encrypted with. */
  const renewSenderKey = (group: string): Promise<void> => {
    const { id, lid } = credentials.me ?? { id: '' }
    return order.after(group, async () => keys.renewSenderKey(group, [id, ...(lid ? [lid] : [])]))
  }
  return { store, facts, keys, order, groupCache, renewSenderKey }
}

type Reading = ReturnType<typeof makeReading>

/** What a stanza says. `later`: the socket that these are given to, and what arrives on it. */
function makeReading(
  { number, peer, credentials, options }: Context,
  { store }: Base,
  later: () => { socket: WASocket; arrivals: Arrivals; newChats: NewChats }
) {
  const admins = new Admins(() => later().socket)
  const mapping = (): WASocket['signalRepository']['lidMapping'] => later().socket.signalRepository.lidMapping
  const waiting: WaitingChanges = new WaitingChanges(store, (envelope, message) => incoming.describeAgain(envelope, message, mapping()))
  const incoming = new Incoming(() => credentials, store, admins, waiting)
  const history = new History({
    store,
    incoming,
    mapping,
    me: () => credentials.me,
    isWanted: options.history !== 'none',
    onListed: () => void later().newChats.listed()
  })
  const protocol = new PeerMessages({
    store,
    socket: () => later().socket,
    history,
    waiting,
    fetch: (place) => fetchFile(peer, number, place),
    inTurn: (work) => later().arrivals.inTurn(work)
  })
  return { admins, incoming, history, protocol }
}

/** What is asked of WhatsApp. */
function makeAsking({ number, peer, credentials }: Context, { store, facts, groupCache, renewSenderKey }: Base, socket: WASocket) {
  const contacts = new Contacts(socket)
  const people = new People(socket)
  const fetch = (place: FileArguments): Promise<Uint8Array | null> => fetchFile(peer, number, place)
  return {
    appState: new AppState({ socket, store, facts, credentials, fetch }),
    blockList: new BlockList({ socket, store, facts, contacts }),
    contacts,
    groups: new Groups({ socket, contacts, cache: groupCache, me: () => credentials.me, renewSenderKey }),
    newChats: new NewChats({ socket, facts, credentials }),
    own: new OwnAccount({ socket, facts, credentials, people }),
    people
  }
}

/** What leaves. */
function makeSending(
  { credentials, lease, settings, events: { mustBeOpen } }: Context,
  { store, keys, order, groupCache, admins, contacts }: Base & Reading & { contacts: Contacts },
  socket: WASocket
) {
  const wire = new Wire(socket)
  const gate: Gate = new Gate(
    store,
    lease,
    wire.divert((frame, done) => gate.take(frame, done))
  )
  const acknowledgements = new Acknowledgements(gate, settings.ack_deadline)
  const describe = (group: string): ReturnType<typeof describedGroup> => describedGroup(socket, group, groupCache)
  const addressing = new Addressing({
    mapping: () => socket.signalRepository.lidMapping,
    addressesOf: (jids) => contacts.addressesOf(jids),
    me: () => credentials.me,
    modeOf: async (group) => (await describe(group)).addressingMode
  })
  const people = { admins, contacts, addressing, describedGroup: describe }
  const sender = new MessageSender({ socket, credentials, store, keys, order, acknowledgements, mustBeOpen, ...people })
  return { wire, gate, acknowledgements, sender }
}

/** What arrives, and is kept from Baileys until it is stored. */
function makeListening(context: Context, parts: Base & Reading, socket: WASocket) {
  const { credentials, options, settings, events } = context
  const { facts } = parts
  const me = (): AuthenticationCreds['me'] => credentials.me
  return {
    arrivals: new Arrivals({
      ...parts,
      socket,
      credentials,
      isCareful: options.careful,
      onFlood: () => events.onEnd({ cause: 'closed', code: null, detail: 'too many messages at once' })
    }),
    groupNotifications: new GroupNotifications({ socket, facts, me, renewSenderKey: parts.renewSenderKey }),
    callsAndPresence: new CallsAndPresence({ socket, facts, me, rejectsCalls: options.reject_calls }),
    pairing: new Pairing({
      socket,
      facts,
      credentials,
      browser: BROWSER,
      pairWith: options.pair_with,
      settings,
      onFailed: (end) => events.onEnd(end)
    })
  }
}
