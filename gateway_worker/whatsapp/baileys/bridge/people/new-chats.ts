/**
 * After how long the messages of the account's new chats go, as its phone's settings have it.
 *
 * Which chats are new can only be said of an account whose chats are known: nothing is told before the phone has listed
 * them. WhatsApp tells a change to every device of the account, also to one that was away; what stood there before is asked
 * for once.
 */
import type { AuthenticationCreds, WASocket } from 'baileys'

import type { Facts } from '../channel/facts.ts'
import { secondsOf, wholeOf } from '../words/limits.ts'

/** Credentials, with what the bridge keeps beside them. */
export type ListedCredentials = AuthenticationCreds & { chatsAreListed?: boolean }

export interface NewChatsParts {
  socket: Pick<WASocket, 'fetchDisappearingDuration' | 'ev'>
  facts: Pick<Facts, 'notify'>
  credentials: ListedCredentials
}

type Asked = { disappearing_mode?: { duration?: unknown; setAt?: Date } }

export class NewChats {
  readonly #parts: NewChatsParts
  /** What the owner knows; null: nothing of this connection. */
  #notified: number | null = null

  constructor(parts: NewChatsParts) {
    this.#parts = parts
  }

  /** The phone has said which chats there are, and they are stored. */
  async listed(): Promise<void> {
    const { credentials, socket } = this.#parts
    if (credentials.chatsAreListed === true) return
    credentials.chatsAreListed = true
    socket.ev.emit('creds.update', {})
    await this.open()
  }

  /** Logged in. Asks, unless that is known or nobody will need it. */
  async open(): Promise<void> {
    const { credentials, socket } = this.#parts
    if (credentials.chatsAreListed !== true) return
    const { accountSettings, me } = credentials
    if (accountSettings.defaultDisappearingMode === undefined && me !== undefined) {
      const found = await this.#asked(me.id)
      // A change that came meanwhile is newer
      if (found !== null && credentials.accountSettings.defaultDisappearingMode === undefined) {
        socket.ev.emit('creds.update', { accountSettings: { ...credentials.accountSettings, defaultDisappearingMode: found } })
      }
    }
    this.note()
  }

  /** The credentials may hold another value now. */
  note(): void {
    const { credentials, facts } = this.#parts
    const setting = credentials.accountSettings.defaultDisappearingMode
    const seconds = wholeOf(setting?.ephemeralExpiration) ?? 0
    if (credentials.chatsAreListed !== true || setting === undefined || seconds === this.#notified) return
    this.#notified = seconds
    void facts.notify({ fact: 'new_chats', seconds })
  }

  async #asked(jid: string): Promise<{ ephemeralExpiration: number; ephemeralSettingTimestamp: number } | null> {
    const answers = await this.#parts.socket.fetchDisappearingDuration(jid).catch(() => undefined) // asked again at the next login
    const mode = (answers?.[0] as Asked | undefined)?.disappearing_mode
    const ephemeralExpiration = wholeOf(mode?.duration)
    if (ephemeralExpiration === null) return null
    return { ephemeralExpiration, ephemeralSettingTimestamp: secondsOf((mode?.setAt?.getTime() ?? 0) / 1_000) }
  }
}
