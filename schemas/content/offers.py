"""What a message offers to choose from, and what somebody chose. Of received messages: no command sends these."""

from typing import Annotated, Final

from pydantic import Field

from schemas.bounds import cut
from schemas.model import Instant, Model

MAX_CHOICE_ID: Final = 512
MAX_CHOICE: Final = 512
MAX_CHOICE_DESCRIPTION: Final = 2048
MAX_FLOW_DATA: Final = 8192
MAX_BUTTONS: Final = 32
MAX_ROWS: Final = 128
_WORD: Final = 128

_Id = Annotated[str, cut(MAX_CHOICE_ID)]
_Words = Annotated[str, cut(MAX_CHOICE)]
_Prose = Annotated[str, cut(MAX_CHOICE_DESCRIPTION)]


class Button(Model):
    """A button below a message."""

    type: Annotated[
        str,
        cut(_WORD),
        Field(description="`quick_reply`, `url`, `call`, `list`, `shop`, `collection`, or the name of a native flow"),
    ]
    id: Annotated[_Id | None, Field(description="comes back in `selected.id` of the answer")] = None
    text: Annotated[_Words, Field(repr=False, description="what stands on it; maybe nothing")]
    url: Annotated[_Prose | None, Field(repr=False, description="what it opens")] = None
    phone: Annotated[_Words | None, Field(repr=False, description="whom it calls, as the sender wrote it")] = None
    code: Annotated[
        _Words | None, Field(repr=False, description="what it copies: a one-time password, a coupon, a key to pay")
    ] = None
    card: Annotated[int | None, Field(description="the card of a carousel that it is on, from 0")] = None


class Row(Model):
    """A row of a list to choose from; also a product, an order.

    Attributes:
        title: what stands on it.
    """

    id: Annotated[_Id | None, Field(description="comes back in `selected.id`; of a product or an order: its own")] = (
        None
    )
    title: Annotated[_Words, Field(repr=False)]
    description: Annotated[
        _Prose | None, Field(repr=False, description="what stands below the title; a price, a total")
    ] = None
    section: Annotated[_Words | None, Field(repr=False, description="the title of its part of the list")] = None


class Selected(Model):
    """What somebody chose of the message that `quote` names."""

    id: Annotated[_Id | None, Field(description="of the button or the row")] = None
    text: Annotated[_Words | None, Field(repr=False, description="what stands on it")] = None
    description: Annotated[_Prose | None, Field(repr=False, description="what stands below it")] = None
    index: Annotated[int | None, Field(description="which of the buttons, from 0, where the phone says it")] = None
    card: Annotated[int | None, Field(description="on which card of a carousel, from 0")] = None
    flow: Annotated[str | None, cut(_WORD), Field(description="the native flow that was gone through")] = None
    data: Annotated[
        str | None, cut(MAX_FLOW_DATA), Field(repr=False, description="what the flow gave: JSON, as the phone wrote it")
    ] = None


class Invite(Model):
    """An invitation to a group or a channel."""

    chat: Annotated[str | None, Field(description="its JID")] = None
    name: Annotated[_Words | None, Field(repr=False, description="what it is called")] = None
    code: Annotated[str | None, cut(_WORD), Field(repr=False, description="with which one joins a group")] = None
    expires_at: Annotated[Instant | None, Field(description="when it is worth nothing any more")] = None
