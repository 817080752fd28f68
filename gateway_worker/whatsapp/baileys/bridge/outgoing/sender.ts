/** Sends messages: each in its turn in its chat, addressed as the chat is, and until WhatsApp has acknowledged it. */
import { type AuthenticationCreds, type GroupMetadata, isJidGroup, jidNormalizedUser, proto, type WASocket } from 'baileys'

import type { Acknowledgements } from './acknowledgements.ts'
import type { Addressing } from './addressing.ts'
import { messageOf, type OutgoingArguments } from './message.ts'
import type { Acknowledgement } from '../channel/calls.ts'
import type { Timer } from '../channel/payloads.ts'
import { CallError } from '../channel/peer.ts'
import type { Admins } from '../groups/admins.ts'
import type { Contacts } from '../people/contacts.ts'
import { type Devices, type Keys, sending } from '../signal/keys.ts'
import type { Store } from '../signal/store.ts'
import type { ChatOrder } from '../words/chat-order.ts'

/** What only changes another message. */
const CHANGES = new Set(['edit', 'revocation', 'reaction', 'pin', 'vote', 'timer', 'repetition'])

export interface SenderParts {
  socket: Pick<WASocket, 'relayMessage'>
  credentials: AuthenticationCreds
  store: Pick<Store, 'isClosed'>
  keys: Keys
  order: ChatOrder
  admins: Pick<Admins, 'lacks'>
  contacts: Contacts
  addressing: Addressing
  acknowledgements: Acknowledgements
  /** A group as it is remembered, or as WhatsApp describes it. */
  describedGroup: (group: string) => Promise<GroupMetadata>
  /** Raises when the connection is over. */
  mustBeOpen: () => void
}

export class MessageSender {
  readonly #parts: SenderParts

  constructor(parts: SenderParts) {
    this.#parts = parts
  }

  /** Sends a message; answers once WhatsApp's server has it. */
  async send(args: OutgoingArguments, original: Uint8Array | undefined): Promise<Acknowledgement> {
    const { keys, order, acknowledgements } = this.#parts
    const handedOut = new Map<string, Devices>()
    const relay = (): Promise<void> => order.after(args.to, () => this.#relay(args, original, handedOut))
    try {
      const acknowledgement = await acknowledgements.of(args.message_id, relay)
      keys.acknowledged(handedOut)
      return acknowledgement
    } catch (error) {
      keys.notAcknowledged(handedOut)
      throw error
    }
  }

  async #relay(args: OutgoingArguments, original: Uint8Array | undefined, handedOut: Map<string, Devices>): Promise<void> {
    const { socket, credentials, store, contacts, addressing, acknowledgements, mustBeOpen } = this.#parts
    mustBeOpen()
    const jid = await contacts.addressOf(args.to)
    if (await this.#isForAdmins(jid, args)) throw new CallError('not_admin')
    const { message: addressed, own } = await addressing.in(jid, args)
    const timed = { ...addressed, timer: args.timer ?? (await this.#timerOf(jid, args.content.kind)) }
    const message = await messageOf(timed, { jid, own }, credentials, original)
    const plaintext = proto.Message.encode(message).finish()
    const messageId = args.message_id
    const onRecorded = (): void => acknowledgements.encrypted(messageId)
    const refusals: string[] = []
    await sending.run({ messageId, plaintext, isRecorded: false, onRecorded, refusals, handedOut }, () =>
      socket.relayMessage(jid, message, { messageId }).catch((error: unknown) => {
        throw refusals.length > 0 && !store.isClosed ? new CallError('keys_invalid', { reason: refusals[0] }) : error
      })
    )
  }

  /** Whether it deletes what another wrote in a group of which we are no admin: phones would leave it as it is. */
  async #isForAdmins(jid: string, { content, original }: OutgoingArguments): Promise<boolean> {
    if (content.kind !== 'revocation' || original === null || original.from_me || isJidGroup(jid) !== true) return false
    const { admins, credentials } = this.#parts
    const { id, lid } = credentials.me ?? { id: '' }
    return admins.lacks(jid, { pn: jidNormalizedUser(id), lid: lid ? jidNormalizedUser(lid) : undefined })
  }

  /** A group's timer stands in its description; null where none is, and for what cannot disappear. */
  async #timerOf(jid: string, kind: string): Promise<Timer | null> {
    if (isJidGroup(jid) !== true || CHANGES.has(kind)) return null
    const { ephemeralDuration: seconds } = await this.#parts.describedGroup(jid)
    return seconds ? { seconds, changed_at: null, by_me: null } : null
  }
}
