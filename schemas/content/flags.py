"""What a message is beside its content, each a mark that is there or not. The one place for such a mark.

The contract's models inherit these, the port's types and the bridge's frames carry them whole, under these names;
`gateway_worker/whatsapp/baileys/bridge/channel/flags.ts` is written from them (`deploy/tools/bridge_types.py`).
"""

from typing import Annotated, Final

from pydantic import Field

from schemas.model import Model, StrictModel


class SendFlags(StrictModel):
    """Of a message that is sent.

    Attributes:
        view_once: the recipient can look at it once.
    """

    view_once: bool = False


class Flags(Model):
    """Of a message that arrived.

    Attributes:
        forwarded: it was passed on from another chat.
        view_once: it can be looked at once.
    """

    mentions_all: Annotated[bool | None, Field(description="it mentions everybody in the group (@all)")] = None
    forwarded: bool | None = None
    view_once: bool | None = None


UNMARKED: Final = Flags()
SENT_UNMARKED: Final = SendFlags()
