/**
 * Every text leaves as it came. Given to Node as `--import`, as `sender.ts` is.
 *
 * The id of a message is its sender's choice, and its receipt names it: under another one WhatsApp takes it for nobody's, and
 * sends the message again at every login; a stanza that it cannot read ends the connection. Baileys writes a text as an
 * address wherever there is an `@` in it, and looks words up in an object that has more names than its own. Here an address
 * is what reads back as it was, and a word of the dictionary what stands in it.
 */
import { registerHooks } from 'node:module'

const SOURCE = /\/baileys\/lib\/WABinary\/encode\.js$/
const USER = '[^@:_]+'
const DEVICE = '(?:[1-9]|[1-9]\\d|1\\d\\d|2[0-4]\\d|25[0-5])'
/** What a pair, or a pair with a device, says whole. */
const ADDRESS = `/^(?:(?:${USER})?@[^@]+|${USER}:${DEVICE}@(?:s\\.whatsapp\\.net|lid|hosted|hosted\\.lid))$/u`
const LINES = [
  ['const tokenIndex = TOKEN_MAP[str];', 'const tokenIndex = Object.hasOwn(TOKEN_MAP, str) ? TOKEN_MAP[str] : undefined;'],
  ['const decodedJid = jidDecode(str);', `const decodedJid = ${ADDRESS}.test(str) ? jidDecode(str) : undefined;`]
] as const

/** The source with other lines; throws where they are not what we know. */
export function replaced(source: string): string {
  return LINES.reduce((text, [before, after]) => {
    const parts = text.split(before)
    if (parts.length !== 2) throw new Error('Baileys writes stanzas in another way: a line of its encoder was not found')
    return parts.join(after)
  }, source)
}

registerHooks({
  load: (url, context, next) => {
    const loaded = next(url, context)
    if (!SOURCE.test(url)) return loaded
    return { ...loaded, source: replaced(Buffer.from(loaded.source as Uint8Array).toString()) }
  }
})
