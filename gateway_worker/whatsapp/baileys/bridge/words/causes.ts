import { cut } from './limits.ts'

/** Why a connection ended, in the port's words: `Cause`. */

const BY_CODE = new Map([
  [401, 'logged_out'],
  [402, 'banned'], // for a while
  [403, 'banned'],
  [405, 'outdated'],
  [406, 'logged_out'],
  [408, 'lost'],
  [409, 'outdated'], // a user agent WhatsApp does not take any more
  [428, 'closed'],
  [440, 'replaced'],
  [500, 'bad_session'],
  [503, 'unavailable'],
  [515, 'restart_required']
])
/** Baileys says 408 for two things; this one is no loss, nobody scanned. */
export const QR_RAN_OUT = 'QR refs attempts ended'
const MAX_DETAIL = 300

export interface End {
  cause: string
  code: number | null
  detail: string
}

interface Boom {
  message?: string
  output?: { statusCode?: number }
}

/** Why a pairing was refused that did not prove to be the phone's. */
export function forged(error: Boom | undefined): End {
  return { cause: 'pairing_forged', code: null, detail: cut(error?.message ?? '', MAX_DETAIL) }
}

/** Maps the error Baileys closes a socket with. Its message is WhatsApp's or Baileys' own text, never a stanza. */
export function endOf(error: Boom | undefined): End {
  const code = error?.output?.statusCode ?? null
  const detail = cut(error?.message ?? '', MAX_DETAIL)
  if (detail === QR_RAN_OUT) return { cause: 'pairing_timeout', code, detail }
  if (code === 400 && /certifica/i.test(detail)) return { cause: 'untrusted', code, detail }
  // The address could not be reached, or answered no WebSocket: nothing is wrong with the session
  if (code === 500 && detail.startsWith('WebSocket Error')) return { cause: 'closed', code, detail }
  return { cause: (code === null ? undefined : BY_CODE.get(code)) ?? 'unknown', code, detail }
}
