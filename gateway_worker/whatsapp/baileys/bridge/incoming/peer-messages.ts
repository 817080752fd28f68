/**
 * What our own phone tells this device: keys of the app state, history, LIDs.
 *
 * Baileys acts on these after it has confirmed them, so WhatsApp will not send them again. They are stored as
 * unprocessed until Baileys has acted on them, and replayed after the next login when it has not. A part of the history
 * that lies at the media host is fetched beside what arrives, and then given to Baileys as if it had come whole: it would
 * fetch it past the session's proxy, check neither hash nor MAC, and let all messages wait meanwhile.
 */
import { isJidGroup, jidNormalizedUser, proto, type WASocket } from 'baileys'

import type { EntryKey } from '../channel/payloads.ts'
import type { FileArguments } from '../channel/questions.ts'
import type { StoredEntry } from '../signal/commit.ts'
import { bringing, type History } from './history.ts'
import { carrying, placeOf } from './history-files.ts'
import type { Store } from '../signal/store.ts'
import type { WaitingChanges } from './waiting.ts'

const { Type } = proto.Message.ProtocolMessage
const REPLAYED = new Set<unknown>([Type.APP_STATE_SYNC_KEY_SHARE, Type.HISTORY_SYNC_NOTIFICATION, Type.LID_MIGRATION_MAPPING_SYNC])

/** A message between our own devices is wrapped for all but the phone. */
const innerOf = (message: proto.IMessage): proto.IMessage => message.deviceSentMessage?.message ?? message

/** Whether Baileys has to act on a message of our own phone. */
export function isReplayed(message: proto.IMessage): boolean {
  const { protocolMessage } = innerOf(message)
  return protocolMessage != null && REPLAYED.has(protocolMessage.type)
}

export interface PeerMessageParts {
  store: Store
  socket: () => WASocket
  history: Pick<History, 'stored' | 'takes'>
  waiting: Pick<WaitingChanges, 'open'>
  /** Has a part fetched; null when nobody has it any more. */
  fetch: (place: FileArguments) => Promise<Uint8Array | null>
  /** Does something in turn with the messages that arrive. */
  inTurn: (work: () => Promise<void>) => Promise<void>
}

export class PeerMessages {
  readonly #parts: PeerMessageParts
  readonly #store: Store
  readonly #elsewhere = new Set<string>()
  #fetching: Promise<void> = Promise.resolve()
  #underWay = new Set<string>()
  #hasFailed = false

  constructor(parts: PeerMessageParts) {
    this.#parts = parts
    this.#store = parts.store
  }

  /** The stanza that is being handled is one of these: Baileys acts on it, or it is fetched first. */
  note(key: EntryKey, noted: proto.IMessage): void {
    const message = innerOf(noted)
    const notification = message.protocolMessage?.historySyncNotification
    const place = notification == null ? null : placeOf(notification)
    if (place === null || !this.#parts.history.takes(notification?.syncType)) this.#underWay.add(key.message_id)
    else this.#bringSoon(key, message, place)
  }

  /** Baileys tells only in its log that it could not handle a stanza. */
  fail(): void {
    this.#hasFailed = true
  }

  /**
   * Lets Baileys handle one stanza; what it acted on is processed from now on, in the commit of what it wrote. Then what
   * waited for it is opened.
   */
  async handle(stanza: () => Promise<void>): Promise<void> {
    const underWay = new Set<string>()
    this.#underWay = underWay
    this.#hasFailed = false
    await bringing.run(underWay, stanza)
    await this.#parts.history.stored()
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- what was awaited may have set it
    if (underWay.size > 0 && !this.#hasFailed) this.#store.put({ processed: [...underWay] }, true)
    await this.#parts.waiting.open()
  }

  /** Acts on what an earlier connection was not done with. */
  async replay(): Promise<void> {
    for (const entry of await this.#store.loadUnprocessed()) {
      await this.handle(() => this.#replay(entry)).catch(() => undefined) // stays unprocessed
    }
  }

  async #replay({ key, plaintext }: StoredEntry): Promise<void> {
    if (plaintext.length === 0) return this.#askPhone(key)
    const message = proto.Message.decode(plaintext)
    this.note(key, message)
    if (!this.#elsewhere.has(key.message_id)) await this.#upsert(key, innerOf(message))
  }

  async #upsert({ chat, message_id: id }: EntryKey, message: proto.IMessage): Promise<void> {
    const messageTimestamp = Math.floor(Date.now() / 1000)
    const upserted = { key: { remoteJid: jidNormalizedUser(chat), fromMe: true, id }, message, messageTimestamp }
    await this.#parts.socket().upsertMessage(upserted, 'append')
  }

  /** One after the other, in their order: one part is in memory at a time. What fails stays unprocessed. */
  #bringSoon(key: EntryKey, message: proto.IMessage, place: FileArguments): void {
    if (this.#elsewhere.has(key.message_id)) return
    this.#elsewhere.add(key.message_id)
    this.#fetching = this.#fetching.then(() => this.#bring(key, message, place)).catch(() => undefined)
  }

  async #bring(key: EntryKey, message: proto.IMessage, place: FileArguments): Promise<void> {
    const part = await this.#parts.fetch(place)
    await this.#parts.inTurn(() =>
      this.handle(async () => {
        this.#underWay.add(key.message_id)
        if (part !== null) await this.#upsert(key, carrying(message, part))
      })
    )
  }

  /** Asks the phone for a message that WhatsApp had for it only. Its answer is a message of its own. */
  #askPhone({ chat, sender, message_id: id }: EntryKey): void {
    const participant = isJidGroup(chat) === true ? { participant: sender } : {}
    const asked = this.#parts.socket().requestPlaceholderResend({ remoteJid: chat, fromMe: false, id, ...participant })
    asked.catch(() => undefined)
  }
}
