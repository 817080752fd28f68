"""What a received message refers to, beside what it says."""

from typing import Annotated, Final

from pydantic import Field

from schemas.bounds import cut
from schemas.model import Model
from schemas.names import MessageId

_WORD: Final = 128
_TITLE: Final = 512
_TEXT: Final = 2048

_Title = Annotated[str, cut(_TITLE)]
_Prose = Annotated[str, cut(_TEXT)]


class Ad(Model):
    """The advertisement that somebody wrote from, or the link with a picture that stands above a message.

    Attributes:
        title: what stands in bold.
        body: what stands below the title.
        conversion_source: by which of Meta's ways it came, in Meta's word.
        utm_source: the advertiser's `utm_source`.
        utm_campaign: the advertiser's `utm_campaign`.
    """

    title: Annotated[_Title | None, Field(repr=False)] = None
    body: Annotated[_Prose | None, Field(repr=False)] = None
    source_type: Annotated[_Title | None, Field(repr=False, description="`ad`, `post`, or another word of Meta's")] = (
        None
    )
    source_id: Annotated[_Title | None, Field(repr=False, description="the id of the advertisement or the post")] = None
    source_url: Annotated[_Prose | None, Field(repr=False, description="where it stands")] = None
    source_app: Annotated[_Title | None, Field(repr=False, description="`facebook`, `instagram` and the like")] = None
    media_url: Annotated[_Prose | None, Field(repr=False, description="its picture or video; nothing is fetched")] = (
        None
    )
    ctwa_clid: Annotated[
        _Title | None, Field(repr=False, description="Meta's id of the click, for its conversion API")
    ] = None
    ref: Annotated[_Title | None, Field(repr=False, description="what the advertiser put into the link")] = None
    greeting: Annotated[_Prose | None, Field(repr=False, description="what the person was greeted with")] = None
    conversion_source: Annotated[_Title | None, Field(repr=False)] = None
    entry_point: Annotated[
        _Title | None, Field(description="by which way the chat was opened, in WhatsApp's words")
    ] = None
    utm_source: Annotated[_Title | None, Field(repr=False)] = None
    utm_campaign: Annotated[_Title | None, Field(repr=False)] = None


class Association(Model):
    """The message that this one is a part of, or belongs to."""

    type: Annotated[
        str,
        cut(_WORD),
        Field(
            description="WhatsApp's word in lower case: `media_album`, `hd_image_dual_upload`, `hd_video_dual_upload`, "
            "`motion_photo`, `event_cover_image`, `media_poll` … or `unknown`"
        ),
    ]
    message_id: Annotated[MessageId, Field(description="of the album, or of the message in standard quality …")]
    index: Annotated[int | None, Field(description="which part it is, where the phone says it")] = None
