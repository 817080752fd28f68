/** Baileys' logger, silenced: its lines hold JIDs, numbers and stanzas. One object for all, without children. */
import type { SocketConfig } from 'baileys'

type Logger = SocketConfig['logger']

const nothing = (): void => undefined

export const logger: Logger = {
  level: 'silent',
  child: () => logger,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing
}
