/**
 * What our own phone tells this device: keys of the app state, history, LIDs.
 *
 * Baileys acts on these after it has confirmed them, so WhatsApp will not send them again. They are stored as
 * unprocessed until Baileys has acted on them, and replayed after the next login when it has not.
 */
import { isJidGroup, jidNormalizedUser, proto, type WASocket } from 'baileys'

import { bringing, type History } from './history.ts'
import type { EntryKey, Store, StoredEntry } from './store.ts'

type Upserted = Parameters<WASocket['upsertMessage']>[0]

const { Type } = proto.Message.ProtocolMessage
const REPLAYED = new Set<unknown>([
  Type.APP_STATE_SYNC_KEY_SHARE,
  Type.HISTORY_SYNC_NOTIFICATION,
  Type.LID_MIGRATION_MAPPING_SYNC
])

/** A message between our own devices is wrapped for all but the phone. */
const innerOf = (plaintext: Uint8Array): proto.IMessage => {
  const message = proto.Message.decode(plaintext)
  return message.deviceSentMessage?.message ?? message
}

/** Whether Baileys has to act on a message of our own phone. */
export function isReplayed(plaintext: Uint8Array): boolean {
  const { protocolMessage } = innerOf(plaintext)
  return protocolMessage != null && REPLAYED.has(protocolMessage.type)
}

export class Protocol {
  readonly #store: Store
  readonly #socket: () => WASocket
  readonly #history: Pick<History, 'stored'>
  #underWay = new Set<string>()
  #hasFailed = false

  constructor(store: Store, socket: () => WASocket, history: Pick<History, 'stored'>) {
    this.#store = store
    this.#history = history
    this.#socket = socket
  }

  /** The stanza that is being handled is one of these. */
  note(messageId: string): void {
    this.#underWay.add(messageId)
  }

  /** Baileys tells only in its log that it could not handle a stanza. */
  fail(): void {
    this.#hasFailed = true
  }

  /** Lets Baileys handle one stanza; what it acted on is processed from now on, in the commit of what it wrote. */
  async handle(stanza: () => Promise<void>): Promise<void> {
    const underWay = new Set<string>()
    this.#underWay = underWay
    this.#hasFailed = false
    await bringing.run(underWay, stanza)
    await this.#history.stored()
    if (underWay.size > 0 && !this.#hasFailed) this.#store.put({ processed: [...underWay] }, true)
  }

  /** Acts on what an earlier connection was not done with. */
  async replay(): Promise<void> {
    for (const entry of await this.#store.loadUnprocessed()) {
      await this.handle(() => this.#replay(entry)).catch(() => undefined) // stays unprocessed
    }
  }

  async #replay({ key, plaintext }: StoredEntry): Promise<void> {
    if (plaintext.length === 0) return this.#askPhone(key)
    const { chat, message_id: id } = key
    this.note(id)
    const messageTimestamp = Math.floor(Date.now() / 1000)
    const message = { key: { remoteJid: jidNormalizedUser(chat), fromMe: true, id }, message: innerOf(plaintext), messageTimestamp }
    await this.#socket().upsertMessage(message as Upserted, 'append')
  }

  /** Asks the phone for a message that WhatsApp had for it only. Its answer is a message of its own. */
  #askPhone({ chat, sender, message_id: id }: EntryKey): void {
    const participant = isJidGroup(chat) === true ? { participant: sender } : {}
    const asked = this.#socket().requestPlaceholderResend({ remoteJid: chat, fromMe: false, id, ...participant })
    asked.catch(() => undefined)
  }
}
