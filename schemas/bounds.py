"""Limits of what strangers send us: it is cut, for refusing it would lose the message."""

from collections.abc import Sequence
from typing import cast

from pydantic import AfterValidator


def cut(limit: int) -> AfterValidator:
    """Cut a text to `limit` characters."""
    return AfterValidator(lambda text: text if text is None else cast("str", text)[:limit])


def first(limit: int) -> AfterValidator:
    """Keep the first `limit` items."""
    return AfterValidator(lambda items: items if items is None else cast("Sequence[object]", items)[:limit])
