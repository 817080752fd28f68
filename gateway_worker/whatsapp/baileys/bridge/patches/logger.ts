/** Baileys' logger, silenced: its lines hold JIDs, numbers and stanzas. Only that there was an error comes through. */
import type { SocketConfig } from 'baileys'

type Logger = SocketConfig['logger']

const nothing = (): void => undefined

export function makeLogger(onError: () => void): Logger {
  const logger: Logger = {
    level: 'silent',
    child: () => logger,
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: onError
  }
  return logger
}
