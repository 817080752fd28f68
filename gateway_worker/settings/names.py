"""Which ``GATEWAY_…`` names are settings of ours, and which are misspelt."""

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Final

PREFIX: Final = "GATEWAY_"
# What Kubernetes puts into every container for a Service called gateway, gateway-worker, …: addresses that nobody chose
_SERVICE_LINK: Final = re.compile(
    r"^GATEWAY_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$"
)
_LINKED_PORT: Final = re.compile(r"^(tcp|udp|sctp)://")


def misspelt(variables: Mapping[str, str | None], known: Collection[str]) -> Mapping[str, str]:
    """Names in `variables` that look like a setting and are none → what to write instead.

    Args:
        variables: of the environment, or of an ``.env`` file.
        known: the settings, in capitals and with the prefix.
    """
    found = {name.upper(): value or "" for name, value in variables.items() if name.upper().startswith(PREFIX)}
    return {
        name: _advice(name, known)
        for name, value in found.items()
        if name not in known and not _is_service_link(name, value)
    }


def _is_service_link(name: str, value: str) -> bool:
    if not _SERVICE_LINK.match(name):
        return False
    return bool(_LINKED_PORT.match(value)) if name.endswith("_PORT") and "SERVICE" not in name else True


def _advice(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    return "there is no such setting" + (f"; did you mean {close[0]}?" if close else ": see .env.example")
