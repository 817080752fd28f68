/** What we say, written from `channel/messages.py` and `channel/facts.py` by `python -m deploy.tools.bridge_types`. */
import type { Flags } from './flags.ts'

/** When the messages of a chat disappear. `of_new_chats`, of ours: the chat begins with it, as new chats do. */
export interface Timer {
  seconds: number
  changed_at: number | null
  by_me: boolean | null
  of_new_chats?: boolean
}

/** The name of one encrypted part of one incoming stanza. */
export interface EntryKey {
  chat: string
  sender: string
  message_id: string
  index: number
}

/** Who wrote a message, in whichever addressing it used. */
export interface MessageAuthor {
  jid: string
  lid: string | null
  phone: string | null
  push_name?: string | null
  verified_name?: string | null
}

/** Where a file lies, encrypted, at WhatsApp. */
export interface FileLocation {
  file_class: 'image' | 'video' | 'audio' | 'document'
  url: string | null
  direct_path: string | null
  media_key: string
  encrypted_sha256: string | null
}

/** What the sender's phone says of a file, and where it lies. */
export interface Attachment {
  mimetype: string | null
  size: number | null
  sha256: string | null
  file_name: string | null
  lies: FileLocation | null
}

/** What is shown of a link in a text. */
export interface LinkPreview {
  url: string
  title: string
  description: string | null
}

/** A button below a message; `card` is that of a carousel. */
export interface Button {
  type: string
  id: string | null
  text: string
  url: string | null
  phone: string | null
  code: string | null
  card: number | null
}

/** A row of a list to choose from. */
export interface Row {
  id: string | null
  title: string
  description: string | null
  section: string | null
}

/** What a message offers beside its text: absent where it offers nothing. */
export interface Offered {
  buttons?: Button[]
  rows?: Row[]
}

/** What somebody chose of it. */
export interface Selected {
  id: string | null
  text: string | null
  description: string | null
  index: number | null
  card: number | null
  flow: string | null
  data: string | null
}

/** An invitation into a group or a channel. */
export interface Invite {
  chat: string | null
  name: string | null
  code: string | null
  expires_at: number | null
}

/** Where an event is. */
export interface EventPlace {
  latitude: number | null
  longitude: number | null
  name: string | null
  address: string | null
}

/** A text. */
export interface TextContent {
  buttons?: Button[]
  rows?: Row[]
  kind: 'text'
  text: string
  link_preview?: LinkPreview
  selected?: Selected
  invite?: Invite
}

/** A place; `live`: it moves, `caption` is what its sender wrote beside it. */
export interface LocationContent {
  kind: 'location'
  latitude: number
  longitude: number
  name: string | null
  address: string | null
  live?: boolean
  caption?: string | null
}

/** Cards, as vCards. */
export interface ContactsContent {
  kind: 'contacts'
  vcards: string[]
}

/** A poll. */
export interface PollContent {
  kind: 'poll'
  question: string
  options: string[]
  selectable: number
}

/** An event, or a call that is planned. */
export interface EventContent {
  kind: 'event'
  name: string
  description: string | null
  starts_at: number | null
  ends_at: number | null
  place: EventPlace | null
  join_link: string | null
  cancelled: boolean
}

/** How many pictures and videos are to follow. */
export interface AlbumContent {
  kind: 'album'
  images: number
  videos: number
}

/** A picture. */
export interface ImageContent {
  buttons?: Button[]
  rows?: Row[]
  kind: 'image'
  media: Attachment
  caption: string | null
}

/** A film; `note`: a round one, recorded for this chat. */
export interface VideoContent {
  buttons?: Button[]
  rows?: Row[]
  kind: 'video'
  media: Attachment
  caption: string | null
  gif: boolean | null
  note: boolean | null
}

/** Music, or the like. */
export interface AudioContent {
  kind: 'audio'
  media: Attachment
  seconds: number | null
}

/** A voice message. */
export interface VoiceContent {
  kind: 'voice'
  media: Attachment
  seconds: number | null
}

/** Any file. */
export interface DocumentContent {
  buttons?: Button[]
  rows?: Row[]
  kind: 'document'
  media: Attachment
  caption: string | null
}

/** A sticker. */
export interface StickerContent {
  kind: 'sticker'
  media: Attachment
  animated: boolean | null
}

/** By the name of the field of WhatsApp's message that it is. */
export interface UnsupportedContent {
  kind: 'unsupported'
  whatsapp_type: string
}

export type FileContent = ImageContent | VideoContent | AudioContent | VoiceContent | DocumentContent | StickerContent

export type Content =
  | TextContent
  | LocationContent
  | ContactsContent
  | PollContent
  | EventContent
  | AlbumContent
  | ImageContent
  | VideoContent
  | AudioContent
  | VoiceContent
  | DocumentContent
  | StickerContent
  | UnsupportedContent

/** The earlier message that a change is about; `author` as the change says: empty is ours, None unsaid. */
export interface About {
  about: string
  author: string | null
  by_admin: boolean
}

/** It says something else. */
export interface EditedChange {
  about: string
  author: string | null
  by_admin: boolean
  kind: 'edited'
  content: Content
}

/** It is deleted for everybody. */
export interface RevokedChange {
  about: string
  author: string | null
  by_admin: boolean
  kind: 'revoked'
}

/** Somebody reacted; an empty `emoji` takes that back. */
export interface ReactedChange {
  about: string
  author: string | null
  by_admin: boolean
  kind: 'reacted'
  emoji: string
}

/** Somebody voted; None: nobody knows for what. */
export interface VotedChange {
  about: string
  author: string | null
  by_admin: boolean
  kind: 'voted'
  options: string[] | null
  unknown_options: number
}

/** A poll has an option more. */
export interface OptionAddedChange {
  about: string
  author: string | null
  by_admin: boolean
  kind: 'option_added'
  option: string
}

/** Somebody wrote below it; None: nobody knows what. */
export interface CommentedChange {
  about: string
  author: string | null
  by_admin: boolean
  kind: 'commented'
  content: Content | null
}

/** Somebody says whether to come to an event, and with how many. */
export interface AnsweredChange {
  about: string
  author: string | null
  by_admin: boolean
  kind: 'answered'
  response: string | null
  extra_guests: number | null
}

/** It is pinned, or no longer. */
export interface PinnedChange {
  about: string
  author: string | null
  by_admin: boolean
  kind: 'pinned'
  pinned: boolean
  seconds: number | null
}

/** It is kept from disappearing, or no longer. */
export interface KeptChange {
  about: string
  author: string | null
  by_admin: boolean
  kind: 'kept'
  kept: boolean
}

/** Something was done to it that nobody could read. */
export interface OtherChange {
  about: string
  author: string | null
  by_admin: boolean
  kind: 'changed'
  what: 'edit' | 'reaction' | 'poll' | 'other'
  whatsapp_type: string
  is_sealed: boolean
}

export type Change =
  | EditedChange
  | RevokedChange
  | ReactedChange
  | VotedChange
  | OptionAddedChange
  | CommentedChange
  | AnsweredChange
  | PinnedChange
  | KeptChange
  | OtherChange

/** The advertisement that somebody wrote from. */
export interface Ad {
  title: string | null
  body: string | null
  source_type: string | null
  source_id: string | null
  source_url: string | null
  source_app: string | null
  media_url: string | null
  ctwa_clid: string | null
  ref: string | null
  greeting: string | null
  conversion_source: string | null
  entry_point: string | null
  utm_source: string | null
  utm_campaign: string | null
}

/** The message that this one is a part of. */
export interface Association {
  type: string
  message_id: string
  index: number | null
}

/** Whose a message is, where and when it was written. */
export interface MessagePlace {
  message_id: string
  chat: string
  sender: MessageAuthor
  from_me: boolean
  is_group: boolean
  timestamp: number
}

/** A message with a content; what the contract's models check themselves is not checked before. */
export interface ContentMessage {
  message_id: string
  chat: string
  sender: MessageAuthor
  from_me: boolean
  is_group: boolean
  timestamp: number
  content: Content
  flags: Flags
  quoted_id: string | null
  mentions: string[]
  ad: Ad | null
  association: Association | null
  wrappers: string[]
  timer: Timer | null
}

/** A message that does something to an earlier one. */
export interface ChangeMessage {
  message_id: string
  chat: string
  sender: MessageAuthor
  from_me: boolean
  is_group: boolean
  timestamp: number
  change: Change
}

/** A message that sets the timer of its chat. */
export interface TimerMessage {
  message_id: string
  chat: string
  sender: MessageAuthor
  from_me: boolean
  is_group: boolean
  timestamp: number
  timer: Timer
  sets_timer: boolean
}

/** Why nobody could, or may, describe a message. */
export interface SetAside {
  reason: string
  detail: string
  is_encrypted: boolean
}

/** A message of which nothing else is said. */
export interface AsideMessage {
  message_id: string
  chat: string
  sender: MessageAuthor
  from_me: boolean
  is_group: boolean
  timestamp: number
  set_aside: SetAside
}

export type Message = ContentMessage | ChangeMessage | TimerMessage | AsideMessage

/** Somebody, in both addressings as far as they are known. */
export interface Person {
  jid: string
  lid: string | null
  phone: string | null
}

/** A QR to be scanned. */
export interface QrFact {
  fact: 'qr'
  text: string
  expires_in: number
}

/** What is to be typed on the phone. */
export interface PairingCodeFact {
  fact: 'pairing_code'
  code: string
  expires_in: number
}

/** WhatsApp asks for a passkey; `options` is JSON, as WhatsApp wrote it. */
export interface PasskeyRequiredFact {
  fact: 'passkey_required'
  options: string
  expires_in: number
}

/** A code is to be compared with the phone's. */
export interface PasskeyConfirmFact {
  fact: 'passkey_confirm'
  code: string
  expires_in: number
}

/** The phone linked this device. */
export interface PairedFact {
  fact: 'paired'
  jid: string
  lid: string | null
}

/** Logged in and ready. */
export interface ConnectedFact {
  fact: 'connected'
  phone: string | null
  jid: string
  lid: string | null
  push_name: string | null
}

/** What the account calls itself is known, or another than before. */
export interface NamedFact {
  fact: 'named'
  push_name: string
}

/** The connection is over. */
export interface DisconnectedFact {
  fact: 'disconnected'
  cause: string
  code: number | null
  detail: string
}

/** A receipt for messages of ours; `participant` only in groups. */
export interface ReceiptFact {
  fact: 'receipt'
  message_ids: string[]
  chat: string
  kind: 'delivered' | 'read' | 'played' | 'read_elsewhere'
  timestamp: number
  participant: string | null
}

/** WhatsApp's server refused a message after all. */
export interface SendFailedFact {
  fact: 'send_failed'
  message_id: string
  code: string
}

/** People of a group came, went, or are something else; each of them is read by itself. */
export interface PeopleChange {
  kind: 'people'
  action: string
  people: Person[]
  includes_me: boolean
  subject: string | null
  previous?: Person | null
  method?: string | null
}

/** A group is as these say now; what is missing is not said. */
export interface SettingsChange {
  kind: 'changed'
  subject?: string
  description?: string
  announcement?: boolean
  locked?: boolean
  join_approval?: boolean
  members_add?: boolean
  disappearing?: number
  picture?: string
  invite_code?: string | null
  whatsapp_type?: string
}

export type GroupChange = PeopleChange | SettingsChange

/** A notification about a group; `by` did it. */
export interface GroupFact {
  fact: 'group'
  id: string
  group: string
  by: Person | null
  push_name: string | null
  timestamp: number
  changes: GroupChange[]
}

/** The timer of a chat. */
export interface ChatTimer {
  chat: string
  timer: Timer
}

/** Timers that nobody has just set. */
export interface TimersFact {
  fact: 'timers'
  timers: ChatTimer[]
}

/** Messages of the account's new chats go after so many seconds. */
export interface NewChatsFact {
  fact: 'new_chats'
  seconds: number
}

/** What is said of a person: what is missing or None is not said, what is empty is gone. */
export interface ContactReport {
  jid: string
  lid: string | null
  phone: string | null
  push_name?: string | null
  saved_name?: string | null
  verified_name?: string | null
  about?: string
  picture?: string
  blocked?: boolean
  timestamp?: number | null
}

/** News of people; `from_before`: it was so before this device was linked. */
export interface ContactsFact {
  fact: 'contacts'
  contacts: ContactReport[]
  from_before: boolean
}

/** The account has another status text or picture; what is missing is not said, what is empty is gone. */
export interface ProfileFact {
  fact: 'profile'
  about?: string
  picture?: string
  timestamp: number | null
}

/** Somebody calls. */
export interface CallFact {
  fact: 'call'
  call_id: string
  caller: Person
  is_video: boolean
  group: string | null
  is_rejected: boolean
  timestamp: number
  creator: string
}

/** A call rings no longer; `seconds`: how long people talked. */
export interface CallEndedFact {
  fact: 'call_ended'
  call_id: string
  caller: Person
  group: string | null
  outcome: 'missed' | 'rejected' | 'answered'
  seconds: number | null
  timestamp: number
}

/** What somebody does just now. */
export interface PresenceFact {
  fact: 'presence'
  chat: string
  participant: string | null
  state: string
  last_seen: number | null
}

/** A collection of the app state does not fit: why, and what is done about it. */
export interface AppStateFact {
  fact: 'app_state'
  unreadable: string
  payload: string
}

/** A message in the app state: who wrote it, in a group, where that is not us; Unix seconds. */
export interface StateMessage {
  message_id: string
  from_me: boolean
  participant: string | null
  timestamp: number
}

/** Something of the app state that is to be otherwise: as `StateChange` of the port. `until` in milliseconds. */
export interface StateChange {
  kind:
    | 'archived'
    | 'pinned'
    | 'muted'
    | 'read'
    | 'starred'
    | 'message_deleted'
    | 'cleared'
    | 'chat_deleted'
    | 'contact'
    | 'own_name'
    | 'label'
    | 'chat_label'
    | 'message_label'
  chat: string
  on: boolean
  until: number | null
  message: StateMessage | null
  name: string | null
  lid: string | null
  label?: string | null
  color?: number | null
}

/** Something that is otherwise: since when, and up to which message it was made. */
export interface MadeChange {
  kind:
    | 'archived'
    | 'pinned'
    | 'muted'
    | 'read'
    | 'starred'
    | 'message_deleted'
    | 'cleared'
    | 'chat_deleted'
    | 'contact'
    | 'own_name'
    | 'label'
    | 'chat_label'
    | 'message_label'
  chat: string
  on: boolean
  until: number | null
  message: StateMessage | null
  name: string | null
  lid: string | null
  label?: string | null
  color?: number | null
  through: number | null
  at: number
}

/** One that the bridge could not describe: which, why, and what it is. */
export interface UnreadableFact {
  fact: string
  unreadable: string
  payload: string
}

export type Fact =
  | QrFact
  | PairingCodeFact
  | PasskeyRequiredFact
  | PasskeyConfirmFact
  | PairedFact
  | ConnectedFact
  | NamedFact
  | DisconnectedFact
  | ReceiptFact
  | SendFailedFact
  | GroupFact
  | TimersFact
  | NewChatsFact
  | ContactsFact
  | ProfileFact
  | CallFact
  | CallEndedFact
  | PresenceFact
  | AppStateFact

/** Somebody in a group. */
export interface GroupMember {
  jid: string
  lid: string | null
  phone: string | null
  rank: string
}

/** A group as WhatsApp describes it; each of its members is read by itself. */
export interface Group {
  group_id: string
  subject: string
  description: string | null
  owner: Person | null
  created: number | null
  size: number
  announcement: boolean
  locked: boolean
  join_approval: boolean
  members_add: boolean
  disappearing: number | null
  rank: string | null
  members: GroupMember[]
}

/** Somebody who asks to come into a group: how, in WhatsApp's word, and since when. */
export interface JoinRequest {
  jid: string
  lid: string | null
  phone: string | null
  method: string | null
  since: number | null
}
