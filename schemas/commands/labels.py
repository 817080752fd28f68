"""The data of the commands about labels: what a business sorts its chats and messages by."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from schemas.addresses import Address, Jid, jid_of
from schemas.commands.chats import AboutOwnView
from schemas.commands.sessions import SessionCommand
from schemas.model import StrictModel, Visible, printable
from schemas.problems import problem_at

MAX_LABEL: Final = 100  # characters
MAX_COLOR: Final = 19  # of WhatsApp's palette

LabelId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,10}$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LABEL), AfterValidator(printable), Visible]
_Color = Annotated[int, Field(ge=0, le=MAX_COLOR)]


def _at_least_two(schema: dict[str, Any]) -> None:
    schema["minProperties"] = 2


class ListLabels(SessionCommand):
    """``label.list.v1``: the labels; WhatsApp is not asked."""


class CreateLabel(StrictModel):
    """``label.create.v1``: a new label; one that is called so already is the answer. ``label.updated`` tells it.

    Attributes:
        name: what it is to be called.
        color: the number of its colour in WhatsApp's palette.
    """

    name: Annotated[_Name, Field(repr=False)]
    color: _Color = 0


class UpdateLabel(StrictModel):
    """``label.update.v1``: change what is given, at least one; ``label.updated`` tells it.

    Attributes:
        label_id: which label.
        name: what it is to be called.
        color: the number of its colour in WhatsApp's palette.
    """

    model_config = ConfigDict(json_schema_extra=_at_least_two)

    label_id: LabelId
    name: Annotated[_Name | None, Field(repr=False)] = None
    color: _Color | None = None

    @model_validator(mode="after")
    def _something(self) -> "UpdateLabel":
        if self.name is None and self.color is None:
            raise problem_at("name", "must be given, or color")
        return self


class DeleteLabel(StrictModel):
    """``label.delete.v1``: there is no such label any more, on no chat and message; ``label.updated`` tells it.

    Attributes:
        label_id: which label.
    """

    label_id: LabelId


class LabelChat(StrictModel):
    """``chat.label.v1``: put a label on a chat, or take it off; ``label.updated`` tells it.

    Attributes:
        chat: the chat: a number in E.164, or the JID of a person or group.
        label_id: which label.
        labelled: whether it is to be on it.
    """

    chat: Annotated[Address, Field(repr=False)]
    label_id: LabelId
    labelled: bool = True

    @property
    def jid(self) -> Jid:
        """`chat` as a JID."""
        return jid_of(self.chat)


class LabelMessage(AboutOwnView):
    """``message.label.v1``: put a label on a message, or take it off; ``label.updated`` tells it.

    Attributes:
        label_id: which label.
        labelled: whether it is to be on it.
    """

    label_id: LabelId
    labelled: bool = True
