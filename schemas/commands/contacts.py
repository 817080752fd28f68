"""The data of the commands about people: their pictures."""

from typing import Annotated

from pydantic import Field

from schemas.addresses import Address, Jid, jid_of
from schemas.model import StrictModel


class GetPicture(StrictModel):
    """``contact.picture.v1``: the profile picture of a person or a group; `preview` asks for the small one.

    Attributes:
        to: whose: a number in E.164, or the JID of a person or group.
        preview: the small one.
    """

    to: Annotated[Address, Field(repr=False)]
    preview: bool = False

    @property
    def jid(self) -> Jid:
        """`to` as a JID."""
        return jid_of(self.to)
