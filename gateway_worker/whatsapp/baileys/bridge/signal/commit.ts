/**
 * What is committed together, and how it is written into frames: a group of changes that collected while the last one was
 * under way leaves in parts of bounded size. What one stanza changed stays together; parts keep the order.
 */
import type { EntryKey, Message } from '../channel/payloads.ts'
import type { CommitArguments, HistoryArguments, StateArguments } from '../channel/questions.ts'
import { jsonBytes } from '../words/limits.ts'
import { encodeKey } from './values.ts'

export interface StoredEntry {
  key: EntryKey
  plaintext: Uint8Array
}

/**
 * A decrypted part; `message` is what a backend sees, or null. `isUnprocessed`: Baileys has still to act on it. `isOpened`:
 * it was told as sealed before.
 */
export interface Entry extends StoredEntry {
  message: Message | null
  isUnprocessed?: boolean
  isOpened?: boolean
}

/** A message of the history. `order` tells it from others of the same second: they follow each other. `isOpened`: as above. */
export interface HistoricEntry extends StoredEntry {
  message: Message | null
  status: string | null
  order: number
  isOpened?: boolean
}

/** A slice of the history, as the owner stores it. */
export interface HistorySlice extends Omit<HistoryArguments, 'entries' | 'processed'> {
  entries: HistoricEntry[]
  processed: readonly string[]
}

/** What must become durable together. A key with the value null is removed. */
export interface Changes {
  keys?: Iterable<readonly [string, unknown]>
  entries?: readonly Entry[]
  sent?: readonly (readonly [string, Uint8Array])[]
  /** Ids of messages that Baileys has acted on. */
  processed?: readonly string[]
  /** Names of stanzas that were begun, and are handled. */
  finished?: readonly string[]
  /** What the app state says that is new. */
  state?: StateArguments
}

/** The arguments and blobs of a `commit`; the blobs in the order credentials, keys, entries, sent. */
export interface Commit {
  args: CommitArguments
  blobs: Uint8Array[]
}

/** About as much as a frame should hold, so that reading it takes the owner a few milliseconds; a single change may be larger. */
export const PART_BYTES = 512 * 1024
/** What a frame's keys may turn out to be, written down: most are a few kilobytes, a hostile peer's are more. */
const MAX_BLOB_BYTES = 16 * PART_BYTES
/** Of what is written only when it leaves. */
const USUAL_KEY_BYTES = 4_096
/** What a key costs whoever stores it, however small it is. */
const LEAST_KEY_BYTES = 512

export function nameOfEntry(key: EntryKey): string {
  return [key.chat, key.sender, key.message_id, key.index].join('\0')
}

/** Changes of one stanza or step, and about how many bytes they are in a frame. */
interface Step {
  changes: Changes
  bytes: number
}

function keyBytes(value: unknown): number {
  if (value === null) return 0
  return value instanceof Uint8Array || typeof value === 'string' ? Math.max(value.length, LEAST_KEY_BYTES) : USUAL_KEY_BYTES
}

function bytesOf({ keys = [], entries = [], sent = [], state }: Changes): number {
  let bytes = jsonBytes(state)
  for (const [name, value] of keys) bytes += name.length + keyBytes(value)
  for (const { key, plaintext, message } of entries) bytes += plaintext.length + jsonBytes(message) + jsonBytes(key)
  for (const [, plaintext] of sent) bytes += plaintext.length
  return bytes
}

export class Group {
  readonly #steps: Step[] = []
  readonly #entries = new Map<string, Entry>()
  /** What each key is after all steps. */
  readonly keys = new Map<string, unknown>()
  /** Whether the credentials are among what changed. */
  hasCredentials = false
  bytes = 0

  get size(): number {
    return this.keys.size + this.#entries.size
  }

  add({ keys = [], ...others }: Changes): void {
    const changes = { ...others, keys: [...keys] }
    const bytes = bytesOf(changes)
    this.#steps.push({ changes, bytes })
    this.bytes += bytes
    for (const [name, value] of changes.keys) this.keys.set(name, value)
    for (const entry of changes.entries ?? []) this.#entries.set(nameOfEntry(entry.key), entry)
  }

  /** Whether something of a message of this id is in it. */
  holds(messageId: string): boolean {
    return [...this.#entries.values()].some(({ key }) => key.message_id === messageId)
  }

  entry(name: string): Entry | undefined {
    return this.#entries.get(name)
  }

  /** The commits to be made one after the other. `credentials` go with the last: prekeys are stored before their number. */
  *commits(credentials: Uint8Array | undefined): Generator<Commit> {
    const parts = inParts(this.#steps)
    for (const [index, part] of parts.entries()) {
      yield* written(part, index === parts.length - 1 ? credentials : undefined)
    }
  }
}

function inParts(steps: readonly Step[]): (readonly Step[])[] {
  const parts: Step[][] = [[]]
  let bytes = 0
  for (const step of steps) {
    bytes += step.bytes
    if (bytes > PART_BYTES && parts.at(-1)?.length) {
      parts.push([])
      bytes = step.bytes
    }
    parts.at(-1)?.push(step)
  }
  return parts
}

/** Steps as one commit, or as several where their keys turn out to be large. */
function* written(steps: readonly Step[], credentials: Uint8Array | undefined): Generator<Commit> {
  const commit = oneCommit(steps, credentials)
  const bytes = commit.blobs.reduce((sum, blob) => sum + blob.length, 0)
  if (bytes <= MAX_BLOB_BYTES || steps.length < 2) {
    yield commit
    return
  }
  const half = Math.ceil(steps.length / 2)
  yield* written(steps.slice(0, half), undefined)
  yield* written(steps.slice(half), credentials)
}

function oneCommit(steps: readonly Step[], credentials: Uint8Array | undefined): Commit {
  const latest = new Map(steps.flatMap(({ changes }) => [...(changes.keys ?? [])]))
  const blobs: Uint8Array[] = credentials === undefined ? [] : [credentials]
  const keys = [...latest].map(([name, value]): [string, string, boolean] => {
    const [kind = '', id = ''] = name.split('\0')
    if (value !== null) blobs.push(encodeKey(kind, value))
    return [kind, id, value !== null]
  })
  const entries = steps
    .flatMap(({ changes }) => changes.entries ?? [])
    .map(({ key, plaintext, message, isUnprocessed, isOpened }) => {
      blobs.push(plaintext)
      return { key, message, unprocessed: isUnprocessed === true, opened: isOpened === true }
    })
  const sent = steps
    .flatMap(({ changes }) => changes.sent ?? [])
    .map(([messageId, plaintext]) => {
      blobs.push(plaintext)
      return messageId
    })
  const processed = steps.flatMap(({ changes }) => changes.processed ?? [])
  const finished = steps.flatMap(({ changes }) => changes.finished ?? [])
  const state = steps.flatMap(({ changes }) => (changes.state?.changes.length ? [changes.state] : []))
  return { args: { credentials: credentials !== undefined, keys, entries, sent, processed, finished, state }, blobs }
}
