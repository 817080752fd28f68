/**
 * What a value from outside may be at most. Pure: a `Bound` takes what a stranger wrote and answers what may be told of it.
 *
 * A text is cut, an item too many is left out. Names are not cut: two that begin alike would become one. A name that is
 * none is told by its hash, where something must have a name; what refers to such a name refers to nothing (`isId`).
 * JSON writes six bytes for a control character, and PostgreSQL holds neither NUL nor half a surrogate pair: each would
 * refuse the commit that it is in, the stanza would come again after every reconnect, and the session never get past it.
 */
import { hash } from 'node:crypto'

export type Bound = (value: unknown) => unknown

/** Characters of what the contract limits (`schemas/content/content.py`, `schemas/model.py`). */
export const MAX_TEXT = 65_536
export const MAX_URL = 2_048
export const MAX_DESCRIPTION = 2_048
export const MAX_ABOUT = 1_024
export const MAX_TITLE = 512
export const MAX_NAME = 512
export const MAX_MIMETYPE = 255
/** Of what people and businesses call themselves. */
export const MAX_OWN_NAME = 256
/** Of a technical word of WhatsApp's. */
export const MAX_WORD = 128
export const MAX_EMOJI = 64
export const MAX_MENTIONS = 1_024
export const MAX_OPTIONS = 64
export const MAX_CARDS = 256
/** Of what businesses offer: WhatsApp's clients show far fewer. */
export const MAX_BUTTONS = 32
export const MAX_ROWS = 128
/** Of all buttons, and of all rows, of one message, in JSON. */
export const MAX_OFFERED_BYTES = 65_536
/** Of the id of a button or a row. */
export const MAX_CHOICE_ID = 512
/** Of what a native flow gave. */
export const MAX_FLOW_DATA = 8_192
export const MAX_WRAPPERS = 8
/** Of one contact card. One with a photograph is larger than what is told of it. */
export const MAX_CARD = 131_072
/** Of all cards of one message, in JSON. */
export const MAX_CARDS_BYTES = 524_288
/** Announcement groups have a few thousand members; all addresses of these stay below an event's size. */
export const MAX_PEOPLE = 2_048

const ID = /^[!-~]{1,128}$/
/** Calls and news of groups are kept beside the messages, under such ids: no message may be taken for one of them. */
const RESERVED = /^(?:call|group):/
const JID = /^[\w.:+@-]{1,100}$/
const PHONE = /^\+\d{1,20}$/
const MAX_SECONDS = 253_402_300_799 // the last second of the year 9999
const MAX_INTEGER = 2_147_483_647

/** A field that nobody gave a limit: a mistake of ours, which every test of what is told finds. */
export class Unbounded extends TypeError {}

/** A text as PostgreSQL and JSON can hold it. */
export function clean(text: string): string {
  return (text.includes('\0') ? withoutNul(text) : text).toWellFormed()
}

const REPLACEMENT = 0xfffd

/** Unit by unit: replacing each by a pattern takes ten times as long where there are many. */
function withoutNul(text: string): string {
  const bytes = Buffer.from(text, 'utf16le')
  for (let at = 0; at < bytes.length; at += 2) {
    if (bytes[at] === 0 && bytes[at + 1] === 0) bytes.writeUInt16LE(REPLACEMENT, at)
  }
  return bytes.toString('utf16le')
}

/** The first `limit` UTF-16 units of a text, without half a character at its end. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return clean(text)
  const isHalf = /[\uD800-\uDBFF]/.test(text.charAt(limit - 1))
  return clean(text.slice(0, isHalf ? limit - 1 : limit))
}

/** Whether it can be the id of a message, a call, a notification. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && ID.test(text)
}

export function isJid(text: unknown): text is string {
  return typeof text === 'string' && JID.test(text)
}

/** Characters of each end of a name that are hashed: a stanza has room for one of megabytes, or for thousands. */
const HASHED = 256

/** Stands for a name that is none. Only who made both can make two that are alike but for their middle. */
function hashOf(text: string): string {
  const ends = text.length <= 2 * HASHED ? text : `${text.slice(0, HASHED)}${text.slice(-HASHED)}${text.length}`
  return hash('sha256', Buffer.from(ends, 'utf16le'), 'hex').slice(0, 40)
}

/** An id by which something is told and stored: the same for the same text, whatever that is. */
export function idOf(text: string): string {
  return isId(text) && !RESERVED.test(text) ? text : `~${hashOf(text)}`
}

export function jidOf(text: string): string {
  return isJid(text) ? text : `${hashOf(text)}@invalid`
}

/** The name of a key in a store with limits: as it is, or by its hash. */
export function keyNameOf(text: string): string {
  return text.length <= 256 && text.isWellFormed() && !text.includes('\0') ? text : `~${hashOf(text)}`
}

/** An address on the web, or a path on WhatsApp's hosts: what was cut leads nowhere. */
export function addressOf(text: string | null | undefined): string | null {
  return text && text.length <= MAX_URL && clean(text) === text ? text : null
}

/** A whole number from 0 to `limit`; null when it is none, or another. */
export function wholeOf(value: unknown, limit = MAX_INTEGER): number | null {
  const number = Math.trunc(Number(value ?? Number.NaN))
  return number >= 0 && number <= limit ? number : null
}

/** Seconds since 1970 as a stanza gives them; 0 when it gives nonsense. */
export function secondsOf(text: unknown): number {
  return wholeOf(text, MAX_SECONDS) ?? 0
}

/** Bytes of a value in JSON. */
export function jsonBytes(value: unknown): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value))
}

export const id: Bound = (value) => idOf(String(value))
export const jid: Bound = (value) => jidOf(String(value))
export const seconds: Bound = (value) => secondsOf(value)
export const whole: Bound = (value) => wholeOf(value) ?? 0
/** The same, where nothing is better than nonsense. */
export const moment: Bound = (value) => wholeOf(value, MAX_SECONDS)
export const count: Bound = (value) => wholeOf(value)
export const real: Bound = (value) => (Number.isFinite(value) ? value : null)
export const flag: Bound = (value) => value === true
export const word: Bound = (value) => cut(String(value), MAX_WORD)
export const phone: Bound = (value) => (typeof value === 'string' && PHONE.test(value) ? value : null)
export const address: Bound = (value) => (typeof value === 'string' ? addressOf(value) : null)
export const reference: Bound = (value) => (isId(value) ? value : null)
/** Another name of somebody; one that is none leads to nobody. */
export const otherJid: Bound = (value) => (isJid(value) ? value : null)
export const size: Bound = (value) => wholeOf(value, Number.MAX_SAFE_INTEGER)
export const hex: Bound = (value) => (typeof value === 'string' && /^[0-9a-f]{1,128}$/.test(value) ? value : null)

export function text(limit: number): Bound {
  return (value) => cut(String(value), limit)
}

export function nullable(bound: Bound): Bound {
  return (value) => (value == null ? null : bound(value))
}

/** Of a list's limit: how many items are looked at to find those that suit. A stranger may send millions that do not. */
const LOOKED_AT = 4

/** The first `limit` items for which `suits`, of no more than `bytes` in JSON altogether. */
export function list(bound: Bound, limit: number, suits: (item: unknown) => boolean = () => true, bytes = Infinity): Bound {
  return (value) => {
    const kept: unknown[] = []
    let used = 0
    let left = LOOKED_AT * limit
    for (const item of value as unknown[]) {
      if (kept.length === limit || left-- === 0) break
      if (!suits(item)) continue
      const bounded = bound(item)
      if (bytes !== Infinity && (used += jsonBytes(bounded)) > bytes) break
      kept.push(bounded)
    }
    return kept
  }
}

export type Fields = Record<string, Bound>

/** An object of these fields; any of them may be missing. */
export function object(fields: Fields): Bound {
  return (value) => {
    const bounded: Record<string, unknown> = {}
    for (const name of Object.keys(value as object)) {
      const bound = fields[name]
      if (bound === undefined) throw new Unbounded(`nobody gave ${name} a limit`)
      bounded[name] = bound((value as Record<string, unknown>)[name])
    }
    return bounded
  }
}

/** Objects of several kinds; the field `name` tells them apart. */
export function byKind(name: string, kinds: Record<string, Fields>): Bound {
  const bounds = new Map(Object.entries(kinds).map(([kind, fields]) => [kind, object({ ...fields, [name]: word })]))
  return (value) => {
    const kind = String((value as Record<string, unknown>)[name])
    const bound = bounds.get(kind)
    if (bound === undefined) throw new Unbounded(`nobody gave ${name} ${kind} limits`)
    return bound(value)
  }
}
