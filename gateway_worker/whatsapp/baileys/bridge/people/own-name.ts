/** What the account calls itself. Its phone tells a device that it has just linked, with the settings of the app state. */
import type { AuthenticationCreds, BaileysEventEmitter } from 'baileys'

/** A name Baileys itself uses while it does not know ours; without any it stays inactive. */
export const NO_NAME = '~'
/** How long a new device waits for its phone to say it; one that is off says nothing. */
export const PATIENCE_MS = 5_000

/** The name, or null while nobody has said it. */
export function ownName({ me }: Pick<AuthenticationCreds, 'me'>): string | null {
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
