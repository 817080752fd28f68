/** What the app state says of the account itself and of who is who: Baileys acts on it. */
import { type AuthenticationCreds, isLidUser, isPnUser, processSyncAction, type WASocket } from 'baileys'

import type { Mutation } from './reading.ts'

const FOR_BAILEYS = new Set(['setting_pushName', 'setting_unarchiveChats'])

export interface SettingsParts {
  socket: Pick<WASocket, 'ev' | 'signalRepository'>
  credentials: AuthenticationCreds
}

export class Settings {
  readonly #parts: SettingsParts

  constructor(parts: SettingsParts) {
    this.#parts = parts
  }

  async take(mutations: readonly Mutation[]): Promise<void> {
    const { socket, credentials } = this.#parts
    for (const { index, action: value } of mutations) {
      if (!FOR_BAILEYS.has(index[0] ?? '') || value === null) continue
      const mutation = { syncAction: { value }, index: [...index] }
      processSyncAction(mutation, socket.ev, credentials.me ?? { id: '' })
    }
    const pairs = mutations.map(pairIn).filter((pair) => pair !== null)
    if (pairs.length > 0) await socket.signalRepository.lidMapping.storeLIDPNMappings(pairs)
  }
}

/** Which LID belongs to which number, where a mutation says so. */
function pairIn({ index: [, jid = ''], action }: Mutation): { lid: string; pn: string } | null {
  const [lid, pn] = isPnUser(jid) === true ? [action?.contactAction?.lidJid, jid] : [jid, action?.pnForLidChatAction?.pnJid]
  return lid && pn && isLidUser(lid) === true && isPnUser(pn) === true ? { lid, pn } : null
}
