/**
 * Stands before Baileys: what arrives on its socket, and what it makes of that, is shown to our handlers first.
 *
 * Baileys gives each stanza to `ws.emit`, once under every name it can be listened to by, and what it makes of them to
 * `ev.emit`, behind which a buffer gathers. Both are replaced here once, and nowhere else.
 */
import type { BaileysEventMap, BinaryNode, WASocket } from 'baileys'

/** Answers whether it takes the stanza over: Baileys then sees it when `pass` is called, and not before. */
export type StanzaHandler = (stanza: BinaryNode, pass: () => void) => boolean

/** By Baileys' name of a stanza: who is asked, in order, until one takes it over. */
export type StanzaTable = Readonly<Record<string, readonly StanzaHandler[]>>

/** Answers what Baileys is to make of an event instead; undefined takes it over. */
export type EventTable = { readonly [E in keyof BaileysEventMap]?: (event: BaileysEventMap[E]) => BaileysEventMap[E] | undefined }

/** A handler that only looks on. */
export function observing(look: (stanza: BinaryNode) => unknown): StanzaHandler {
  return (stanza) => {
    look(stanza)
    return false
  }
}

export function listenToStanzas({ ws }: Pick<WASocket, 'ws'>, table: StanzaTable): void {
  const handlers = new Map(Object.entries(table))
  const emit = ws.emit.bind(ws)
  ws.emit = (name: string, ...args: unknown[]): boolean => {
    const asked = handlers.get(name)
    if (asked === undefined) return emit(name, ...args)
    const stanza = args[0] as BinaryNode
    return asked.some((handle) => handle(stanza, () => void emit(name, stanza))) || emit(name, ...args)
  }
}

export function listenToEvents({ ev }: Pick<WASocket, 'ev'>, table: EventTable): void {
  const emit = ev.emit.bind(ev)
  ev.emit = <E extends keyof BaileysEventMap>(name: E, event: BaileysEventMap[E]): boolean => {
    const handle = table[name] as ((event: BaileysEventMap[E]) => BaileysEventMap[E] | undefined) | undefined
    const passed = handle === undefined ? event : handle(event)
    return passed === undefined || emit(name, passed)
  }
}

/** Has Baileys handle a stanza, past our own handlers; returns when it has. */
export async function handledByBaileys({ ws }: Pick<WASocket, 'ws'>, name: string, stanza: BinaryNode): Promise<void> {
  for (const listener of ws.listeners(name) as ((stanza: BinaryNode) => unknown)[]) await listener(stanza)
}
