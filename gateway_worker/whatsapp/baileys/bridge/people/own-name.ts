/** What the account calls itself, and how it appears. Its phone tells the name to a device that it has just linked, by the app state. */
import type { AuthenticationCreds, BaileysEventEmitter, WASocket } from 'baileys'

/** What Baileys puts in place of a name while it does not know it; nobody is called that. */
const NO_NAME = '~'
/** How long a new device waits for its phone to say it; one that is off says nothing. */
export const PATIENCE_MS = 5_000

export type Presence = 'available' | 'unavailable'

type Named = Pick<AuthenticationCreds, 'me'>
type Settled = Partial<Pick<AuthenticationCreds, 'accountSettings'>>

/** The name, or null while nobody has said it. */
export function ownName({ me }: Named): string | null {
  return me?.name === undefined || me.name === '' || me.name === NO_NAME ? null : me.name
}

/** Whether the phone has shared the key of the app state with this device: before that it can have no name. */
export function isNew({ account, myAppStateKeyId }: AuthenticationCreds): boolean {
  return account !== undefined && myAppStateKeyId === undefined
}

/** Calls back once, when it is known or nobody has said it in time. */
export function whenNamed(ev: Pick<BaileysEventEmitter, 'on' | 'off'>, done: () => void, patience = PATIENCE_MS): void {
  const finish = (): void => {
    clearTimeout(timer)
    ev.off('creds.update', listen)
    done()
  }
  const listen = (update: Partial<AuthenticationCreds>): void => {
    if (ownName(update) !== null) finish()
  }
  const timer = setTimeout(finish, patience)
  ev.on('creds.update', listen)
}

/**
 * What Baileys is to make of an update of the credentials: the account in it is taken over here, so that it sees no new name.
 *
 * It would announce one by a presence without a type, or without anything where an update does not speak of us. WhatsApp
 * takes both for `available`, and the account would appear online whatever its session wants. `Appearance` announces it.
 */
export function adopted(credentials: Named & Settled, update: Partial<AuthenticationCreds>): Partial<AuthenticationCreds> {
  if (update.me !== undefined) credentials.me = update.me
  const { accountSettings } = update
  // One setting that changes would take the others away
  const settings = accountSettings && { accountSettings: { ...credentials.accountSettings, ...accountSettings } }
  return { ...update, ...settings, ...(credentials.me === undefined ? {} : { me: credentials.me }) }
}

/**
 * How others see the account: its name and whether it is online go out together, or, while nobody has said the name, not
 * at all, as with WhatsApp's own clients: who sends a presence under another name is called that by everybody it writes to.
 */
export class Appearance {
  readonly #socket: Pick<WASocket, 'ev' | 'sendPresenceUpdate'>
  readonly #credentials: Named
  #presence: Presence
  /** The name that Baileys has announced; undefined before the login. */
  #name: string | null | undefined

  constructor(socket: Pick<WASocket, 'ev' | 'sendPresenceUpdate'>, credentials: Named, isOnline: boolean) {
    this.#socket = socket
    this.#credentials = credentials
    this.#presence = isOnline ? 'available' : 'unavailable'
  }

  /** Logged in: Baileys announces the account itself if it knows the name. */
  open(): void {
    this.#name = ownName(this.#credentials)
    // Receipts of a device that has announced nothing are not shown as delivered; but delivered it is, and stored
    if (this.#name === null) this.#socket.ev.emit('connection.update', { isOnline: true })
  }

  /** Online or not, from now on; without a name as soon as there is one. */
  async show(presence: Presence): Promise<void> {
    this.#presence = presence
    await this.#socket.sendPresenceUpdate(presence)
  }

  /** Announces the name if it is another than before, and answers it. */
  renamed(): string | null {
    const name = ownName(this.#credentials)
    if (this.#name === undefined || name === null || name === this.#name) return null
    this.#name = name
    this.#socket.sendPresenceUpdate(this.#presence).catch(() => undefined)
    return name
  }
}
