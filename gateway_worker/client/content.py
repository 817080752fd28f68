"""What a message may carry, under the names a backend writes: the contract's models, checked where they are made."""

from schemas.content.outgoing import (
    OutgoingContactCard,
    OutgoingContacts,
    OutgoingContent,
    OutgoingLinkPreview,
    OutgoingLocation,
    OutgoingPoll,
    OutgoingText,
)
from schemas.content.outgoing_media import (
    MediaSource,
    OutgoingAudio,
    OutgoingDocument,
    OutgoingImage,
    OutgoingSticker,
    OutgoingVideo,
    OutgoingVoice,
)

Content = OutgoingContent
LinkPreview = OutgoingLinkPreview
Location = OutgoingLocation
ContactCard = OutgoingContactCard
Contacts = OutgoingContacts
Poll = OutgoingPoll
Image = OutgoingImage
Video = OutgoingVideo
Audio = OutgoingAudio
Voice = OutgoingVoice
Document = OutgoingDocument
Sticker = OutgoingSticker
File = MediaSource


class Text(OutgoingText):
    """A text: 1 to 65,536 characters. Raises pydantic's ValidationError for another."""

    def __init__(self, text: str, *, link_preview: OutgoingLinkPreview | None = None) -> None:
        super().__init__(text=text, link_preview=link_preview)
