"""Why nobody can be talked to at an address: what the network or TLS raised, as a few words. Pure.

Every driver wraps what the operating system said in errors of its own, some more than once; so causes are looked
through, and the first one that says something is told.
"""

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final

_MOST_CAUSES: Final = 8
_OTHER_NAME: Final = frozenset({62, 64})  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH, …_IP_ADDRESS_MISMATCH
_NO_ROUTE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EHOSTDOWN})
_REFUSED: Final = re.compile(rf"\[Errno {errno.ECONNREFUSED}\]")  # asyncio joins what several addresses said
HUNG_UP: Final = "it hangs up: it is starting or stopping, it wants TLS, or it is another service"
SILENT: Final = "it does not answer"
_NO_TLS: Final = "what listens there does not speak TLS"


def absence(error: BaseException | None, *, ca: str) -> str | None:
    """What keeps us from whoever should be there; None when neither the network nor TLS does.

    Args:
        error: of a driver, with its causes.
        ca: where a person names the CA that signs the server's certificate.
    """
    for each in _causes(error):
        if isinstance(each, ssl.SSLError) and type(each).__module__ == ssl.__name__:  # drivers derive theirs from these
            return _of_tls(each, ca)
        if (words := _of_network(each)) is not None:
            return words
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_MOST_CAUSES):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _of_tls(error: ssl.SSLError, ca: str) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        alert = error.reason or ""
        if "ALERT" in alert:
            return (
                f"TLS fails ({alert.lower().replace('_', ' ')}): it may want a certificate of ours, or another version"
            )
        return _NO_TLS
    if error.verify_code in _OTHER_NAME:
        return f"its certificate is another host's ({error.verify_message.rstrip('.')})"
    return f"its certificate is not trusted ({error.verify_message}): name its CA in {ca}"


def _of_network(error: BaseException) -> str | None:  # noqa: PLR0911 (one line a kind)
    match error:
        case socket.gaierror(errno=socket.EAI_AGAIN):
            return "its host name cannot be resolved now: the name server does not answer"
        case socket.gaierror():
            return "its host name is not known"
        case ConnectionRefusedError():
            return "nothing listens there (connection refused)"
        case ConnectionResetError() | BrokenPipeError() | EOFError():
            return HUNG_UP
        case TimeoutError():
            return SILENT
        case OSError(errno=number) if number in _NO_ROUTE:
            return "there is no route to it"
        case OSError() if _REFUSED.search(str(error)):
            return "nothing listens there (connection refused)"
        case _:
            return None
