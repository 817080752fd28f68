"""What the bridge says of messages, as JSON. Pure.

The one source of both sides' types: `bridge/channel/payloads.ts` is written from this module and `facts.py`
(`deploy/tools/bridge_types.py`). How large a field may be, `bridge/channel/schema.ts` says, which has to name each.
Times are Unix seconds; binary is hexadecimal.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from gateway_worker.whatsapp.baileys.channel.decoding import UNCHECKED


class Timer(TypedDict):
    """When the messages of a chat disappear. `of_new_chats`, of ours: the chat begins with it, as new chats do."""

    seconds: int
    changed_at: int | None
    by_me: bool | None
    of_new_chats: NotRequired[bool]


class EntryKey(TypedDict):
    """The name of one encrypted part of one incoming stanza."""

    chat: str
    sender: str
    message_id: str
    index: int


class MessageAuthor(TypedDict):
    """Who wrote a message, in whichever addressing it used."""

    jid: str
    lid: str | None
    phone: str | None
    push_name: NotRequired[str | None]
    verified_name: NotRequired[str | None]


class FileLocation(TypedDict):
    """Where a file lies, encrypted, at WhatsApp."""

    file_class: Literal["image", "video", "audio", "document"]
    url: str | None
    direct_path: str | None
    media_key: str
    encrypted_sha256: str | None


class Attachment(TypedDict):
    """What the sender's phone says of a file, and where it lies."""

    mimetype: str | None
    size: int | None
    sha256: str | None
    file_name: str | None
    lies: FileLocation | None


class LinkPreview(TypedDict):
    """What is shown of a link in a text."""

    url: str
    title: str
    description: str | None


class Button(TypedDict):
    """A button below a message; `card` is that of a carousel."""

    type: str
    id: str | None
    text: str
    url: str | None
    phone: str | None
    code: str | None
    card: int | None


class Row(TypedDict):
    """A row of a list to choose from."""

    id: str | None
    title: str
    description: str | None
    section: str | None


class Offered(TypedDict):
    """What a message offers beside its text: absent where it offers nothing."""

    buttons: NotRequired[list[Button]]
    rows: NotRequired[list[Row]]


class Selected(TypedDict):
    """What somebody chose of it."""

    id: str | None
    text: str | None
    description: str | None
    index: int | None
    card: int | None
    flow: str | None
    data: str | None


class Invite(TypedDict):
    """An invitation into a group or a channel."""

    chat: str | None
    name: str | None
    code: str | None
    expires_at: int | None


class EventPlace(TypedDict):
    """Where an event is."""

    latitude: float | None
    longitude: float | None
    name: str | None
    address: str | None


class TextContent(Offered):
    """A text."""

    kind: Literal["text"]
    text: str
    link_preview: NotRequired[LinkPreview]
    selected: NotRequired[Selected]
    invite: NotRequired[Invite]


class LocationContent(TypedDict):
    """A place; `live`: it moves, `caption` is what its sender wrote beside it."""

    kind: Literal["location"]
    latitude: float
    longitude: float
    name: str | None
    address: str | None
    live: NotRequired[bool]
    caption: NotRequired[str | None]


class ContactsContent(TypedDict):
    """Cards, as vCards."""

    kind: Literal["contacts"]
    vcards: list[str]


class PollContent(TypedDict):
    """A poll."""

    kind: Literal["poll"]
    question: str
    options: list[str]
    selectable: int


class EventContent(TypedDict):
    """An event, or a call that is planned."""

    kind: Literal["event"]
    name: str
    description: str | None
    starts_at: int | None
    ends_at: int | None
    place: EventPlace | None
    join_link: str | None
    cancelled: bool


class AlbumContent(TypedDict):
    """How many pictures and videos are to follow."""

    kind: Literal["album"]
    images: int
    videos: int


class ImageContent(Offered):
    """A picture."""

    kind: Literal["image"]
    media: Attachment
    caption: str | None


class VideoContent(Offered):
    """A film; `note`: a round one, recorded for this chat."""

    kind: Literal["video"]
    media: Attachment
    caption: str | None
    gif: bool | None
    note: bool | None


class AudioContent(TypedDict):
    """Music, or the like."""

    kind: Literal["audio"]
    media: Attachment
    seconds: int | None


class VoiceContent(TypedDict):
    """A voice message."""

    kind: Literal["voice"]
    media: Attachment
    seconds: int | None


class DocumentContent(Offered):
    """Any file."""

    kind: Literal["document"]
    media: Attachment
    caption: str | None


class StickerContent(TypedDict):
    """A sticker."""

    kind: Literal["sticker"]
    media: Attachment
    animated: bool | None


class UnsupportedContent(TypedDict):
    """By the name of the field of WhatsApp's message that it is."""

    kind: Literal["unsupported"]
    whatsapp_type: str


FileContent = ImageContent | VideoContent | AudioContent | VoiceContent | DocumentContent | StickerContent
Content = (
    TextContent
    | LocationContent
    | ContactsContent
    | PollContent
    | EventContent
    | AlbumContent
    | FileContent
    | UnsupportedContent
)


class About(TypedDict):
    """The earlier message that a change is about; `author` as the change says: empty is ours, None unsaid."""

    about: str
    author: str | None
    by_admin: bool


class EditedChange(About):
    """It says something else."""

    kind: Literal["edited"]
    content: Annotated[Content, UNCHECKED]


class RevokedChange(About):
    """It is deleted for everybody."""

    kind: Literal["revoked"]


class ReactedChange(About):
    """Somebody reacted; an empty `emoji` takes that back."""

    kind: Literal["reacted"]
    emoji: str


class VotedChange(About):
    """Somebody voted; None: nobody knows for what."""

    kind: Literal["voted"]
    options: list[str] | None
    unknown_options: int


class OptionAddedChange(About):
    """A poll has an option more."""

    kind: Literal["option_added"]
    option: str


class CommentedChange(About):
    """Somebody wrote below it; None: nobody knows what."""

    kind: Literal["commented"]
    content: Annotated[Content | None, UNCHECKED]


class AnsweredChange(About):
    """Somebody says whether to come to an event, and with how many."""

    kind: Literal["answered"]
    response: str | None
    extra_guests: int | None


class PinnedChange(About):
    """It is pinned, or no longer."""

    kind: Literal["pinned"]
    pinned: bool
    seconds: int | None


class KeptChange(About):
    """It is kept from disappearing, or no longer."""

    kind: Literal["kept"]
    kept: bool


class OtherChange(About):
    """Something was done to it that nobody could read."""

    kind: Literal["changed"]
    what: Literal["edit", "reaction", "poll", "other"]
    whatsapp_type: str
    is_sealed: bool


Change = (
    EditedChange
    | RevokedChange
    | ReactedChange
    | VotedChange
    | OptionAddedChange
    | CommentedChange
    | AnsweredChange
    | PinnedChange
    | KeptChange
    | OtherChange
)


class Ad(TypedDict):
    """The advertisement that somebody wrote from."""

    title: str | None
    body: str | None
    source_type: str | None
    source_id: str | None
    source_url: str | None
    source_app: str | None
    media_url: str | None
    ctwa_clid: str | None
    ref: str | None
    greeting: str | None
    conversion_source: str | None
    entry_point: str | None
    utm_source: str | None
    utm_campaign: str | None


class Association(TypedDict):
    """The message that this one is a part of."""

    type: str
    message_id: str
    index: int | None


class MessagePlace(TypedDict):
    """Whose a message is, where and when it was written."""

    message_id: str
    chat: str
    sender: MessageAuthor
    from_me: bool
    is_group: bool
    timestamp: int


class ContentMessage(MessagePlace):
    """A message with a content; what the contract's models check themselves is not checked before."""

    content: Annotated[Content, UNCHECKED]
    flags: dict[str, bool]
    quoted_id: str | None
    mentions: list[str]
    ad: Annotated[Ad | None, UNCHECKED]
    association: Annotated[Association | None, UNCHECKED]
    wrappers: list[str]
    timer: Timer | None


class ChangeMessage(MessagePlace):
    """A message that does something to an earlier one."""

    change: Annotated[Change, Field(discriminator="kind")]


class TimerMessage(MessagePlace):
    """A message that sets the timer of its chat."""

    timer: Timer
    sets_timer: bool


class SetAside(TypedDict):
    """Why nobody could, or may, describe a message."""

    reason: str
    detail: str
    is_encrypted: bool


class AsideMessage(MessagePlace):
    """A message of which nothing else is said."""

    set_aside: SetAside


Message = ContentMessage | ChangeMessage | TimerMessage | AsideMessage
