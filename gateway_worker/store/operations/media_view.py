"""What the contract says of a file. Pure."""

from typing import cast

from gateway_worker.store.records import Json, MediaState


def media_of(state: MediaState, key: str | None, value: Json) -> Json:
    """The contract's `media` of a file."""
    shown = {"object": key, **cast("Json", value["media"]), "state": state.value}
    return {name: each for name, each in shown.items() if each is not None}
