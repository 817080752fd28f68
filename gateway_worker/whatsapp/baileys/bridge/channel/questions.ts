/** What we ask, written from `channel/questions.py` by `python -m deploy.tools.bridge_types`. */
import type { ChatTimer, ContactReport, EntryKey, Fact, MadeChange, Message } from './payloads.ts'

/** A decrypted part; its plaintext is a blob. None: no backend sees it. */
export interface EntryArguments {
  key: EntryKey
  message: Message | null
  unprocessed?: boolean
  opened?: boolean
}

/** What the app state says that is new, in order. `from_before`: it was so before this device was linked. */
export interface StateArguments {
  changes: MadeChange[]
  from_before: boolean
}

/**
 * What must become durable together; the blobs in the order credentials, keys, entries, sent.
 *
 * `keys`: kind, id, and whether it is set or removed. Keys are read one by one, and so is each message.
 */
export interface CommitArguments {
  credentials: boolean
  keys: [string, string, boolean][]
  entries: EntryArguments[]
  sent: string[]
  processed: string[]
  finished?: string[]
  state?: StateArguments[]
}

/** A message of the history; `order` tells it from others of the same second. */
export interface HistoricEntryArguments {
  key: EntryKey
  message: Message | null
  unprocessed?: boolean
  opened?: boolean
  status: string | null
  order: number
}

/** A part of the history is complete. */
export interface HistoryProgress {
  progress: number
  chats: number
  contacts: number
  messages: number
  is_last: boolean
}

/** A slice of the history; a blob for each entry. */
export interface HistoryArguments {
  entries: HistoricEntryArguments[]
  contacts: ContactReport[]
  timers?: ChatTimer[]
  part: HistoryProgress | null
  processed: string[]
}

/** Keys of one kind. */
export interface KeysArguments {
  kind: string
  ids: string[]
}

/** Those that are stored, a blob for each; the rest is to be asked for again. */
export interface FoundKeys {
  found: string[]
  rest: string[]
}

/** A message of ours, of that chat where somebody there asks for it. */
export interface SentArguments {
  message_id: string
  chat: string | null
}

/** It is the blob; `edited`: what its text is now. */
export interface SentMessage {
  edited: string | null
}

/** The messages of a chat under an id, of that author first. */
export interface OriginalsArguments {
  message_id: string
  chat: string
  author: string | null
}

/** One of them, its plaintext a blob: all JIDs that are known of who wrote it, and a poll's options as they are. */
export interface StoredOriginal {
  authors: string[]
  from_me: boolean
  options: string[]
}

/** Where a part of the history, or of the app state, lies; binary in hexadecimal. */
export interface FileArguments {
  key_class: 'history' | 'app_state'
  direct_path: string
  media_key: string
  sha256: string | null
  encrypted_sha256: string | null
  size: number | null
}

/** Each question's arguments and answer. */
export interface Questions {
  notify: (args: Fact) => Promise<void>
  commit: (args: CommitArguments) => Promise<void>
  history: (args: HistoryArguments) => Promise<void>
  load_keys: (args: KeysArguments) => Promise<FoundKeys>
  load_entry: (args: EntryKey) => Promise<boolean>
  begin: (args: string) => Promise<boolean>
  load_unprocessed: (args: null) => Promise<EntryKey[]>
  load_sent: (args: SentArguments) => Promise<SentMessage | null>
  load_originals: (args: OriginalsArguments) => Promise<StoredOriginal[]>
  fetch_file: (args: FileArguments) => Promise<boolean>
}
