/** All that we listen to of what arrives, in one table: by Baileys' name of it, who is asked, in order, before Baileys. */
import type { AuthenticationCreds } from 'baileys'

import type { Facts } from './channel/facts.ts'
import type { Admins } from './groups/admins.ts'
import type { GroupNotifications } from './groups/notifications.ts'
import type { Arrivals } from './incoming/arrivals.ts'
import type { CallsAndPresence } from './incoming/calls-and-presence.ts'
import type { History } from './incoming/history.ts'
import type { Acknowledgements } from './outgoing/acknowledgements.ts'
import type { Pairing } from './passkey/pairing.ts'
import type { GroupCache } from './patches/caches.ts'
import { type EventTable, observing, type StanzaHandler, type StanzaTable } from './patches/listening.ts'
import type { BlockList } from './people/block-list.ts'
import { adopted } from './people/own-name.ts'
import type { OwnAccount } from './people/own-account.ts'
import type { People } from './people/pictures.ts'
import type { AppState } from './state/app-state.ts'

export interface Listeners {
  credentials: AuthenticationCreds
  facts: Facts
  acknowledgements: Acknowledgements
  arrivals: Arrivals
  callsAndPresence: CallsAndPresence
  history: History
  pairing: Pairing
  appState: AppState
  blockList: BlockList
  own: OwnAccount
  people: People
  admins: Admins
  groupCache: GroupCache
  groupNotifications: GroupNotifications
  /** Something was taken that its owner has to store. */
  onArrival: () => void
}

/** What is taken over here is acknowledged by Baileys, once it is passed on: it is stored by then. */
export function stanzaTable(listeners: Listeners): StanzaTable {
  const { arrivals, callsAndPresence, pairing, appState, blockList, own, people, admins, groupCache, groupNotifications, onArrival } =
    listeners
  const counted =
    (handle: StanzaHandler): StanzaHandler =>
    (stanza, pass) => {
      const isTaken = handle(stanza, pass)
      if (isTaken) onArrival()
      return isTaken
    }
  const taking = (take: (...args: Parameters<StanzaHandler>) => void): StanzaHandler =>
    counted((stanza, pass) => {
      take(stanza, pass)
      return true
    })
  return {
    'CB:message': [taking((stanza) => arrivals.takeMessage(stanza))],
    'CB:receipt': [taking((stanza, pass) => arrivals.takeReceipt(stanza, pass))],
    'CB:ack,class:message': [observing((stanza) => acknowledged(listeners, stanza))],
    'CB:call': [taking((stanza, pass) => callsAndPresence.takeCall(stanza, pass))],
    'CB:presence': [observing((stanza) => callsAndPresence.notePresence(stanza))],
    'CB:chatstate': [observing((stanza) => callsAndPresence.notePresence(stanza))],
    'CB:notification,type:w:gp2': [
      observing(({ attrs }) => admins.forget(attrs['from'] ?? '')),
      observing(({ attrs }) => groupCache.forget(attrs['from'] ?? ''))
    ],
    'CB:notification': [
      (stanza) => pairing.ceremony.takeNotification(stanza),
      counted((stanza, pass) => appState.takeNotification(stanza, pass)),
      counted((stanza, pass) => blockList.takeNotification(stanza, pass)),
      counted((stanza, pass) => own.takeNotification(stanza, pass)),
      counted((stanza, pass) => callsAndPresence.takeNotification(stanza, pass)),
      counted((stanza, pass) => groupNotifications.takeNotification(stanza, pass))
    ],
    'CB:iq,type:set,pair-device': [(stanza) => pairing.takeRefs(stanza)],
    'CB:iq,,pair-success': [observing(() => pairing.noteAnswer())],
    'CB:iq,,picture': [observing((stanza) => people.noteAnswer(stanza))]
  }
}

/** Of what Baileys makes of them. It gathers most of it in a buffer, without a bound; these do not get there. */
export function eventTable({ credentials, history, appState }: Listeners): EventTable {
  return {
    'messaging-history.set': (part) => {
      history.take(part)
      return undefined
    },
    'creds.update': (update) => adopted(credentials, appState.noteKeys(update))
  }
}

/** A refusal that nobody waits for any more is told. */
function acknowledged({ acknowledgements, facts }: Listeners, stanza: Parameters<StanzaHandler>[0]): void {
  const code = acknowledgements.acknowledge(stanza)
  if (code !== undefined) void facts.notify({ fact: 'send_failed', message_id: stanza.attrs['id'] ?? '', code })
}
