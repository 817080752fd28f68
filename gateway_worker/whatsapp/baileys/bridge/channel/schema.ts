/**
 * All that leaves the bridge towards Python, field by field, with its limit: the one place that knows them.
 *
 * Nothing a stranger can fill is told but through one of these; a field that is missing here is refused as a mistake of
 * ours. So what one stanza makes us tell has a largest size, whichever of its fields is large: `MAX_TOLD_BYTES`.
 */
import { FLAGS } from './flags.ts'
import type * as calls from './calls.ts'
import type * as said from './payloads.ts'
import {
  address,
  type Bound,
  byKind,
  count,
  flag,
  hex,
  id,
  isId,
  isJid,
  jid,
  list,
  MAX_ABOUT,
  MAX_BUTTONS,
  MAX_CARD,
  MAX_CARDS,
  MAX_CARDS_BYTES,
  MAX_CHOICE_ID,
  MAX_DESCRIPTION,
  MAX_EMOJI,
  MAX_FLOW_DATA,
  MAX_MENTIONS,
  MAX_MIMETYPE,
  MAX_NAME,
  MAX_OFFERED_BYTES,
  MAX_OPTIONS,
  MAX_OWN_NAME,
  MAX_PEOPLE,
  MAX_ROWS,
  MAX_TEXT,
  MAX_TITLE,
  MAX_URL,
  MAX_WRAPPERS,
  moment,
  nullable,
  object,
  otherJid,
  phone,
  real,
  reference,
  seconds,
  size,
  text,
  whole,
  word
} from '../words/limits.ts'

/** Bytes in JSON of the largest message or fact; an event of it stays below the contract's 1 MiB. */
export const MAX_FACT_BYTES = 1_000_000

const MAX_RECEIPT_IDS = 2_000
const MAX_GROUP_CHANGES = 32
/** Of a fact that is several events. */
const MAX_LIST_BYTES = 900_000
const MAX_CONTACTS = 200
const MAX_QR = 4_096
const MAX_PASSKEY_OPTIONS = 65_536

/** A limit for each field of a type: none is missing, and none is of nothing. */
type Bounds<T> = { [K in keyof T]-?: Bound }
/** The same of a union, whose kinds the field `K` tells apart. */
type Kinds<T, K extends keyof T> = { [N in Extract<T[K], string>]: Bounds<Omit<Extract<T, Record<K, N>>, K>> }

const ownName = nullable(text(MAX_OWN_NAME))
const PERSON = { jid, lid: otherJid, phone: nullable(phone) } satisfies Bounds<said.Person>
const MEMBER = { ...PERSON, rank: word } satisfies Bounds<said.GroupMember>
/** Of thousands, who has no address is nobody: a hash in its place for each would take long. */
const isSomebody = (item: unknown): boolean => isJid((item as { jid?: unknown }).jid)

const PLACE = {
  file_class: word,
  url: nullable(address),
  direct_path: nullable(address),
  media_key: hex,
  encrypted_sha256: nullable(hex)
} satisfies Bounds<said.FileLocation>
const attachment = object({
  mimetype: nullable(text(MAX_MIMETYPE)),
  size: nullable(size),
  sha256: nullable(hex),
  file_name: nullable(text(MAX_NAME)),
  lies: nullable(object(PLACE))
} satisfies Bounds<said.Attachment>)
const caption = nullable(text(MAX_TEXT))
const preview = object({
  url: text(MAX_URL),
  title: text(MAX_TITLE),
  description: nullable(text(MAX_DESCRIPTION))
} satisfies Bounds<said.LinkPreview>)

const choiceId = nullable(text(MAX_CHOICE_ID))
const title = nullable(text(MAX_TITLE))
const url = nullable(address)
const button = object({
  type: word,
  id: choiceId,
  text: text(MAX_TITLE),
  url,
  phone: title,
  code: title,
  card: nullable(count)
} satisfies Bounds<said.Button>)
const row = object({
  id: choiceId,
  title: text(MAX_TITLE),
  description: nullable(text(MAX_DESCRIPTION)),
  section: title
} satisfies Bounds<said.Row>)
const OFFERED = {
  buttons: list(button, MAX_BUTTONS, undefined, MAX_OFFERED_BYTES),
  rows: list(row, MAX_ROWS, undefined, MAX_OFFERED_BYTES)
} satisfies Bounds<said.Offered>
const selected = object({
  id: choiceId,
  text: title,
  description: nullable(text(MAX_DESCRIPTION)),
  index: nullable(count),
  card: nullable(count),
  flow: nullable(word),
  data: nullable(text(MAX_FLOW_DATA))
} satisfies Bounds<said.Selected>)
const invite = object({
  chat: nullable(jid),
  name: title,
  code: nullable(word),
  expires_at: nullable(moment)
} satisfies Bounds<said.Invite>)
const place = object({
  latitude: real,
  longitude: real,
  name: nullable(text(MAX_NAME)),
  address: nullable(text(MAX_DESCRIPTION))
} satisfies Bounds<said.EventPlace>)

const content = byKind('kind', {
  text: { text: text(MAX_TEXT), link_preview: preview, selected, invite, ...OFFERED },
  location: {
    latitude: real,
    longitude: real,
    name: nullable(text(MAX_NAME)),
    address: nullable(text(MAX_DESCRIPTION)),
    live: flag,
    caption
  },
  event: {
    name: text(MAX_TITLE),
    description: nullable(text(MAX_DESCRIPTION)),
    starts_at: nullable(moment),
    ends_at: nullable(moment),
    place: nullable(place),
    join_link: url,
    cancelled: flag
  },
  album: { images: whole, videos: whole },
  contacts: { vcards: list(text(MAX_CARD), MAX_CARDS, undefined, MAX_CARDS_BYTES) },
  poll: { question: text(MAX_TITLE), options: list(text(MAX_TITLE), MAX_OPTIONS), selectable: whole },
  image: { media: attachment, caption, ...OFFERED },
  video: { media: attachment, caption, gif: nullable(flag), note: nullable(flag), ...OFFERED },
  audio: { media: attachment, seconds: nullable(count) },
  voice: { media: attachment, seconds: nullable(count) },
  document: { media: attachment, caption, ...OFFERED },
  sticker: { media: attachment, animated: nullable(flag) },
  unsupported: { whatsapp_type: word }
} satisfies Kinds<said.Content, 'kind'>)

/** Empty for ourselves. */
const author: Bound = (value) => (value === '' || isJid(value) ? value : null)
const ABOUT = { about: id, author: nullable(author), by_admin: flag } satisfies Bounds<said.About>
const change = byKind('kind', {
  edited: { ...ABOUT, content },
  revoked: ABOUT,
  reacted: { ...ABOUT, emoji: text(MAX_EMOJI) },
  voted: { ...ABOUT, options: nullable(list(text(MAX_TITLE), MAX_OPTIONS)), unknown_options: whole },
  option_added: { ...ABOUT, option: text(MAX_TITLE) },
  commented: { ...ABOUT, content: nullable(content) },
  answered: { ...ABOUT, response: nullable(word), extra_guests: nullable(count) },
  pinned: { ...ABOUT, pinned: flag, seconds: nullable(count) },
  kept: { ...ABOUT, kept: flag },
  changed: { ...ABOUT, what: word, whatsapp_type: word, is_sealed: flag }
} satisfies Kinds<said.Change, 'kind'>)

const ad = object({
  title,
  body: nullable(text(MAX_DESCRIPTION)),
  source_type: title,
  source_id: title,
  source_url: url,
  source_app: title,
  media_url: url,
  ctwa_clid: nullable(text(MAX_CHOICE_ID)),
  ref: title,
  greeting: nullable(text(MAX_DESCRIPTION)),
  conversion_source: title,
  entry_point: title,
  utm_source: title,
  utm_campaign: title
} satisfies Bounds<said.Ad>)
const association = object({ type: word, message_id: id, index: nullable(count) } satisfies Bounds<said.Association>)
const timer = object({
  seconds: whole,
  changed_at: nullable(moment),
  by_me: nullable(flag),
  of_new_chats: flag
} satisfies Bounds<said.Timer>)
const chatTimer = object({ chat: jid, timer } satisfies Bounds<said.ChatTimer>)

const message = object({
  message_id: id,
  chat: jid,
  sender: object({ ...PERSON, push_name: ownName, verified_name: ownName } satisfies Bounds<said.MessageAuthor>),
  from_me: flag,
  is_group: flag,
  timestamp: seconds,
  content,
  flags: object(Object.fromEntries(FLAGS.map((name) => [name, flag]))),
  quoted_id: nullable(reference),
  mentions: list(jid, MAX_MENTIONS, isJid),
  ad: nullable(ad),
  association: nullable(association),
  wrappers: list(word, MAX_WRAPPERS),
  timer: nullable(timer),
  sets_timer: flag,
  change
} satisfies Bounds<said.ContentMessage & Omit<said.TimerMessage, 'timer'> & said.ChangeMessage>)

/** Of the people of one notification: several may name them. */
const people: Bound = list(object(PERSON), MAX_PEOPLE, isSomebody)
const changes = byKind('kind', {
  people: {
    action: word,
    people,
    includes_me: flag,
    subject: nullable(text(MAX_TITLE)),
    previous: nullable(object(PERSON)),
    method: nullable(word)
  },
  changed: {
    subject: text(MAX_TITLE),
    description: text(MAX_DESCRIPTION),
    announcement: flag,
    locked: flag,
    join_approval: flag,
    members_add: flag,
    disappearing: whole,
    picture: word,
    invite_code: nullable(word),
    whatsapp_type: word
  }
} satisfies Kinds<said.GroupChange, 'kind'>)

const contact = object({
  ...PERSON,
  push_name: ownName,
  saved_name: ownName,
  verified_name: ownName,
  about: text(MAX_ABOUT),
  picture: word,
  blocked: flag,
  timestamp: nullable(seconds)
} satisfies Bounds<said.ContactReport>)

const stateMessage = object({ message_id: id, from_me: flag, participant: nullable(jid), timestamp: seconds })
const stateChange = object({
  kind: word,
  chat: jid,
  on: flag,
  until: nullable(size),
  message: nullable(stateMessage),
  name: nullable(text(MAX_OWN_NAME)),
  lid: nullable(otherJid),
  label: nullable(word),
  color: nullable(count),
  through: nullable(moment),
  at: seconds
})

const fact = byKind('fact', {
  app_state: { unreadable: word, payload: text(MAX_NAME) },
  qr: { text: text(MAX_QR), expires_in: real },
  pairing_code: { code: word, expires_in: real },
  passkey_required: { options: text(MAX_PASSKEY_OPTIONS), expires_in: real },
  passkey_confirm: { code: word, expires_in: real },
  paired: { jid, lid: nullable(jid) },
  connected: { phone: nullable(phone), jid, lid: nullable(jid), push_name: ownName },
  named: { push_name: text(MAX_OWN_NAME) },
  disconnected: { cause: word, code: nullable(count), detail: text(MAX_NAME) },
  receipt: { message_ids: list(id, MAX_RECEIPT_IDS, isId), chat: jid, kind: word, timestamp: seconds, participant: nullable(jid) },
  send_failed: { message_id: id, code: word },
  group: {
    id,
    group: jid,
    by: nullable(object(PERSON)),
    push_name: ownName,
    timestamp: seconds,
    changes: list(changes, MAX_GROUP_CHANGES, undefined, MAX_LIST_BYTES)
  },
  timers: { timers: list(chatTimer, MAX_CONTACTS) },
  new_chats: { seconds: whole },
  contacts: { contacts: list(contact, MAX_CONTACTS, undefined, MAX_LIST_BYTES), from_before: flag },
  profile: { about: text(MAX_ABOUT), picture: word, timestamp: nullable(seconds) },
  call: {
    call_id: id,
    caller: object(PERSON),
    is_video: flag,
    group: nullable(jid),
    is_rejected: flag,
    timestamp: seconds,
    creator: jid
  },
  call_ended: {
    call_id: id,
    caller: object(PERSON),
    group: nullable(jid),
    outcome: word,
    seconds: nullable(count),
    timestamp: seconds
  },
  presence: { chat: jid, participant: nullable(jid), state: word, last_seen: nullable(moment) }
} satisfies Kinds<said.Fact, 'fact'>)

const group = object({
  group_id: jid,
  subject: text(MAX_TITLE),
  description: nullable(text(MAX_DESCRIPTION)),
  owner: nullable(object(PERSON)),
  created: nullable(moment),
  size: whole,
  announcement: flag,
  locked: flag,
  join_approval: flag,
  members_add: flag,
  disappearing: nullable(count),
  rank: nullable(word),
  members: list(object(MEMBER), MAX_PEOPLE, isSomebody)
} satisfies Bounds<said.Group>)

const check = object({ phone: text(MAX_OWN_NAME), exists: flag, jid: nullable(jid), lid: nullable(jid) } satisfies Bounds<calls.Contact>)
const picture = object({ state: word, id: nullable(word), url: nullable(address) } satisfies Bounds<calls.Picture>)
const profile = object({
  jid,
  lid: nullable(jid),
  phone: nullable(phone),
  push_name: ownName,
  about: text(MAX_ABOUT),
  picture
} satisfies Bounds<calls.Profile>)
const outcome = object({ asked: jid, jid: nullable(jid), code: word } satisfies Bounds<calls.MemberOutcome>)

/** A message as `ReceivedMessage` or `ReceivedChange` of the port; null when no backend sees it. */
export const boundMessage = message as (described: said.Message) => said.Message
export const boundFact = fact as (described: said.Fact) => said.Fact
/** Somebody whom the history names. */
export const boundContact = contact as (described: said.ContactReport) => said.ContactReport
/** What the app state says that is new. */
export const boundChange = stateChange as (described: said.MadeChange) => said.MadeChange
/** The timer of a chat that the history names. */
export const boundChatTimer = chatTimer as (described: said.ChatTimer) => said.ChatTimer
export const boundGroup = group as (described: said.Group) => said.Group
/** Who asks to come into a group. */
export const boundRequests = list(
  object({ ...PERSON, method: nullable(word), since: nullable(moment) } satisfies Bounds<said.JoinRequest>),
  MAX_PEOPLE,
  isSomebody
) as (described: said.JoinRequest[]) => said.JoinRequest[]
export const boundCheck = check as (described: calls.Contact) => calls.Contact
export const boundPicture = picture as (described: calls.Picture) => calls.Picture
export const boundProfile = profile as (described: calls.Profile) => calls.Profile
export const boundOutcome = outcome as (described: calls.MemberOutcome) => calls.MemberOutcome
export const boundAttachment = nullable(attachment) as (described: said.Attachment | null) => said.Attachment | null
