"""What can be wrong with a file, each with a stable `detail.reason`. Pure."""

from schemas.errors import MediaForbiddenAddress, MediaTooLarge, MediaUnreachable, MediaUnsupported, Unavailable


class SpoolFull(Unavailable):
    """There is no room on the disk for another file just now."""

    sentence = "There is no room for the media at the moment."


def unreachable(reason: str, **detail: object) -> MediaUnreachable:
    """Its source does not give it."""
    return MediaUnreachable(detail={"reason": reason, **detail})


def too_large(reason: str, limit: int | None = None, **detail: object) -> MediaTooLarge:
    """`reason`: of what there is too much (``bytes``, ``pixels``, ``frames`` …); `limit` in that unit."""
    return MediaTooLarge(detail={"reason": reason, **detail} | ({} if limit is None else {"limit": limit}))


def unsupported(reason: str, **detail: object) -> MediaUnsupported:
    """It is not what that kind of message can carry."""
    return MediaUnsupported(detail={"reason": reason, **detail})


def forbidden(reason: str) -> MediaForbiddenAddress:
    """It lies where we do not go."""
    return MediaForbiddenAddress(detail={"reason": reason})
