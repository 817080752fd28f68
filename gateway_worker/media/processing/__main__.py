"""The program: one order, one answer, the end."""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gateway_worker.media.limits import CPU_SECONDS, MOVING
from gateway_worker.media.processing.faults import Fault

_MIB: Final = 1024 * 1024
_MEMORY: Final = 1024 * _MIB
_LIMITS: Final = (
    (resource.RLIMIT_AS, _MEMORY),
    (resource.RLIMIT_CPU, CPU_SECONDS),
    (resource.RLIMIT_FSIZE, 80 * _MIB),
    (resource.RLIMIT_NOFILE, 64),
    (resource.RLIMIT_CORE, 0),
)


def _pool(kind: str, mimetype: str) -> Callable[[Path, Path, str, bool], dict[str, Any]]:
    """What is done with a kind. Each library is loaded only where it is needed: it takes a tenth of a second."""
    match kind:
        case "image":
            from gateway_worker.media.processing.pictures import make_image as make  # noqa: PLC0415
        case "profile_picture":
            from gateway_worker.media.processing.profile_pictures import make_profile_picture as make  # noqa: PLC0415
        case "sticker":
            from gateway_worker.media.processing.stickers import make_sticker as make  # noqa: PLC0415
        case "gif" if mimetype in MOVING:
            from gateway_worker.media.processing.moving import make_moving as make  # noqa: PLC0415
        case "video" | "gif":
            from gateway_worker.media.processing.films import make_video as make  # noqa: PLC0415
        case "voice":
            from gateway_worker.media.processing.sounds import make_voice as make  # noqa: PLC0415
        case _:
            from gateway_worker.media.processing.sounds import make_audio as make  # noqa: PLC0415
    return lambda source, target, mimetype, keep: make(source, target, mimetype, keep_metadata=keep)


def _work(order: dict[str, Any]) -> dict[str, Any]:
    try:
        make = _pool(order["kind"], order["mimetype"])
        made = make(Path(order["source"]), Path(order["target"]), order["mimetype"], order.get("keep_metadata", False))
    except Fault as fault:
        return {"fault": {"code": fault.code, "reason": fault.reason, "detail": fault.detail}}
    except MemoryError:
        return {"fault": {"code": "too_large", "reason": "memory", "detail": {"limit": _MEMORY}}}
    except Exception:  # noqa: BLE001 (whatever a decoder raises says the same: it is not what it seems to be)
        return {"fault": {"code": "unsupported", "reason": "unreadable", "detail": {}}}
    return {"made": made}


def main() -> None:
    """Limit ourselves, then look at the file."""
    for kind, most in _LIMITS:
        resource.setrlimit(kind, (most, most))
    print(json.dumps(_work(json.loads(sys.argv[1]))))  # noqa: T201 (this is how we are heard)


if __name__ == "__main__":
    main()
