/** What is replaced in a socket that Baileys has made, beside what it lets be configured. */
import type { proto, SignalKeyStoreWithTransaction, WASocket } from 'baileys'

/** Whatever Baileys does beside its repository goes through our keys too, not through its own transactions. */
export function useKeys(socket: WASocket, keys: SignalKeyStoreWithTransaction): void {
  Object.assign(socket.authState, { keys })
}

/** Resends are answered from the store: a copy of each of the last 512 messages per session is not needed. */
export function keepNoMessages(socket: WASocket): void {
  Reflect.set(socket.messageRetryManager ?? {}, 'addRecentMessage', () => undefined)
}

/** Has every message that is handed over to be sent noted, whoever hands it over. */
export function noteWhatLeaves(socket: WASocket, note: (messageId: string, message: proto.IMessage) => void): void {
  const { relayMessage } = socket
  socket.relayMessage = (jid, message, options) => {
    if (options.messageId) note(options.messageId, message)
    return relayMessage(jid, message, options)
  }
}
