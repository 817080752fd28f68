"""Labels, as answers tell of them: what a business sorts its chats and messages by."""

from collections.abc import Sequence

from schemas.model import Model


class Label(Model):
    """A label.

    Attributes:
        label_id: WhatsApp's id of it.
        name: what it is called.
        color: the number of its colour in WhatsApp's palette.
    """

    label_id: str
    name: str
    color: int


class LabelList(Model):
    """``label.list.v1``: the labels, in the order of their ids.

    Attributes:
        labels: in the order of their ids.
    """

    labels: Sequence[Label]
