/** What Python asks, written from `channel/calls.py` by `python -m deploy.tools.bridge_types`. */
import type { Attachment, Group, JoinRequest, StateChange, Timer } from './payloads.ts'

/** Of all connections that are opened from now on; None leaves what Baileys has. */
export interface Settings {
  url: string | null
  root_key: string | null
  media_certificate: string | null
  version: [number, number, number] | null
  ack_deadline: number
  store_deadline: number
  qr_timeout: number | null
  passkey_answer_timeout: number
  passkey_handoff_lifetime: number
  keep_alive: number
}

/** How a bridge is. The lag is the longest since it was asked last; both times in seconds. */
export interface Health {
  rss: number
  heap_mb: number
  cpu_seconds: number
  event_loop_lag: number
  connections: number
  unhandled_rejections: number
}

/**
 * A connection of one session; its credentials, where it is paired, are the blob.
 *
 * `careful`: the process that held the session's last connection died: what waited is counted before it is handled.
 */
export interface OpenArguments {
  paired: boolean
  pair_with: string | null
  mark_online: boolean
  read_receipts: boolean
  reject_calls: boolean
  history: string
  proxy: string | null
  careful: boolean
}

/** The stored message that another quotes, or is about; its plaintext is the blob. */
export interface OriginalMessage {
  message_id: string
  sender: string
  from_me: boolean
  edited: string | null
}

/** A message. `content` by its `kind`; `timer` None: as the chat's messages do, as far as is known here. */
export interface SendArguments {
  message_id: string
  to: string
  content: unknown
  original: OriginalMessage | null
  mentions: string[]
  mentions_all: boolean
  flags: Record<string, boolean>
  timer: Timer | null
}

/** WhatsApp's server has a message: its clock, Unix seconds, and milliseconds since the message was encrypted. */
export interface Acknowledgement {
  timestamp: number
  wire_ms: number
}

/** A file; `patience`: the host may be silent for so long. */
export interface UploadArguments {
  path: string
  file_class: 'image' | 'video' | 'audio' | 'document' | 'sticker'
  patience: number
}

/** Where a file lies at WhatsApp. Binary in base64: it is small, and travels beside much else. */
export interface FileReference {
  url: string
  direct_path: string
  media_key: string
  sha256: string
  encrypted_sha256: string
  size: number
  timestamp: number
}

/** A message whose file its phone is to put at WhatsApp again; the key in hexadecimal. */
export interface FileRequest {
  message_id: string
  chat: string
  participant: string | null
  from_me: boolean
  media_key: string
}

/** A message in a receipt. */
export interface MessageReference {
  message_id: string
  chat: string
  participant: string | null
}

/** What another is to see of us. */
export interface PresenceArguments {
  to: string
  state: 'available' | 'unavailable' | 'typing' | 'recording' | 'paused'
}

/** What WhatsApp says of a number. */
export interface Contact {
  phone: string
  exists: boolean
  jid: string | null
  lid: string | null
}

/** Whose picture, and in which size. */
export interface PictureArguments {
  jid: string
  preview: boolean
}

/** A picture, or why there is none. */
export interface Picture {
  state: 'shown' | 'none' | 'hidden'
  id: string | null
  url: string | null
}

/** How the account shows itself; `about` is empty where there is none. */
export interface Profile {
  jid: string
  lid: string | null
  phone: string | null
  push_name: string | null
  about: string
  picture: Picture
}

/** Who sees something of the account: both in the contract's words, the name as Python writes it. */
export interface PrivacySetting {
  name: string
  value: string
}

/** A call, and how WhatsApp names in it who calls. */
export interface CallReference {
  call_id: string
  creator: string
}

/** A person that is to be blocked, or no longer. */
export interface BlockArguments {
  jid: string
  on: boolean
}

/** What a passkey signed: the credential as JSON, and its id in base64url. */
export interface Proof {
  assertion: string
  credential_id: string
}

/** A group. */
export interface GroupReference {
  group_id: string
}

/** A group that is to be made. */
export interface NewGroupArguments {
  subject: string
  people: string[]
}

/** What is to be done with people of a group, or who want to be. */
export interface PeopleArguments {
  group_id: string
  action: 'add' | 'remove' | 'promote' | 'demote' | 'approve' | 'reject'
  people: string[]
}

/** A group's subject, or its description. */
export interface TextArguments {
  group_id: string
  text: string
}

/** Who may write, or change it. */
export interface SettingArguments {
  group_id: string
  setting: 'announcement' | 'not_announcement' | 'locked' | 'unlocked'
}

/** After how long a group's messages disappear; 0: they stay. */
export interface SecondsArguments {
  group_id: string
  seconds: number
}

/** Whether something holds in a group. */
export interface SwitchArguments {
  group_id: string
  on: boolean
}

/** The code of a group's link, or a new one. */
export interface InviteArguments {
  group_id: string
  revoke: boolean
}

/** A code of a group's link. */
export interface JoinArguments {
  code: string
}

/** What became of one person; `code` is WhatsApp's. */
export interface MemberOutcome {
  asked: string
  jid: string | null
  code: string
}

/** A group that was made. */
export interface NewGroup {
  group_id: string
  members: MemberOutcome[]
}

/** A group that was joined, or waits for its admins. */
export interface Joining {
  group_id: string
  pending: boolean
}

/** Each call's arguments and answer. */
export interface Calls {
  configure: (args: Settings) => Promise<void>
  describe: (args: null) => Promise<Health>
  open: (args: OpenArguments) => Promise<void>
  send: (args: SendArguments) => Promise<Acknowledgement>
  upload: (args: UploadArguments) => Promise<FileReference>
  holds: (args: string) => Promise<boolean>
  ask_for_file: (args: FileRequest) => Promise<string>
  file_in: (args: null) => Promise<Attachment | null>
  mark_read: (args: MessageReference[]) => Promise<void>
  presence: (args: PresenceArguments) => Promise<void>
  check: (args: string[]) => Promise<Contact[]>
  picture: (args: PictureArguments) => Promise<Picture>
  subscribe: (args: string) => Promise<void>
  prove: (args: Proof) => Promise<void>
  confirm_code: (args: boolean) => Promise<void>
  change_state: (args: StateChange[]) => Promise<void>
  profile: (args: null) => Promise<Profile>
  set_about: (args: string) => Promise<void>
  set_picture: (args: string | null) => Promise<void>
  privacy: (args: null) => Promise<PrivacySetting[]>
  set_privacy: (args: PrivacySetting) => Promise<void>
  reject_call: (args: CallReference) => Promise<void>
  block: (args: BlockArguments) => Promise<void>
  logout: (args: null) => Promise<void>
  close: (args: null) => Promise<void>
  group_create: (args: NewGroupArguments) => Promise<NewGroup>
  group_describe: (args: GroupReference) => Promise<Group>
  group_list: (args: null) => Promise<Group[]>
  group_people: (args: PeopleArguments) => Promise<MemberOutcome[]>
  group_subject: (args: TextArguments) => Promise<void>
  group_description: (args: TextArguments) => Promise<void>
  group_setting: (args: SettingArguments) => Promise<void>
  group_disappearing: (args: SecondsArguments) => Promise<void>
  group_join_approval: (args: SwitchArguments) => Promise<void>
  group_members_add: (args: SwitchArguments) => Promise<void>
  group_requests: (args: GroupReference) => Promise<JoinRequest[]>
  group_answer: (args: PeopleArguments) => Promise<MemberOutcome[]>
  group_invite: (args: InviteArguments) => Promise<string>
  group_join: (args: JoinArguments) => Promise<Joining>
  group_leave: (args: GroupReference) => Promise<void>
}
