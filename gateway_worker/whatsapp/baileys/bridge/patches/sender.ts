/**
 * Lets us see every stanza before it leaves. Given to Node as `--import`: a module is loaded before any that it is
 * imported with is run, and then it would be too late.
 *
 * Baileys builds the stanza of a message in a closure, with a node sender that is in no place where it could be replaced:
 * each layer of its socket takes it out of the one below. So the layer that sends messages is given ours: one line of its
 * source is another when it is loaded. A Baileys in which that line is not found once does not start.
 */
import { registerHooks } from 'node:module'

import type { BinaryNode, SocketConfig } from 'baileys'

const SOURCE = /\/baileys\/lib\/Socket\/messages-send\.js$/
const BEFORE = 'const sock = makeNewsletterSocket(config);'
const AFTER = 'const sock = config.withSender(makeNewsletterSocket(config));'

export interface Sender {
  sendNode: (stanza: BinaryNode) => Promise<void>
}

/** What Baileys' configuration holds besides: gives a layer of the socket another node sender. */
export interface SenderConfig extends Partial<SocketConfig> {
  withSender: <T extends Sender>(layer: T) => T
}

/** The source with the one line; throws where it is not what we know. */
export function replaced(source: string): string {
  const parts = source.split(BEFORE)
  if (parts.length !== 2) throw new Error('Baileys sends messages in another way: its node sender was not found')
  return parts.join(AFTER)
}

registerHooks({
  load: (url, context, next) => {
    const loaded = next(url, context)
    if (!SOURCE.test(url)) return loaded
    return { ...loaded, source: replaced(Buffer.from(loaded.source as Uint8Array).toString()) }
  }
})
