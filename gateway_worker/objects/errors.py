"""What S3 can say, in our words; all of them are `OSError`s, for who only asks whether it went well.

::

    ConnectionError          not reachable, or overloaded
    └── S3AwayError               with the reason
    FileNotFoundError        no such bucket or object
    └── S3MissingError
    PermissionError          refused
    └── S3RefusedError            with the right that is missing
    TimeoutError             it does not answer
"""

from dataclasses import dataclass
from typing import Final

from aiohttp import ServerDisconnectedError

from schemas.topology.absence import HUNG_UP, absence

_CA: Final = "GATEWAY_S3_CA_FILE"
_KEY: Final = frozenset({"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"})
_SECRET: Final = frozenset({"SignatureDoesNotMatch"})
_REGION: Final = frozenset({"AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "Redirect"})
_CLOCK: Final = frozenset({"RequestTimeTooSkewed", "RequestExpired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked: the right that it needs, by S3's name, and in which bucket."""

    right: str
    bucket: str

    def __str__(self) -> str:
        return f"{self.right} in {self.bucket}" if self.bucket else self.right


class S3AwayError(ConnectionError):
    """Not reachable, or overloaded. The text is the reason."""


class S3MissingError(FileNotFoundError):
    """No such bucket or object. Its text is S3's code."""

    def __init__(self, code: str, request: Request | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.request = request


class S3RefusedError(PermissionError):
    """S3 does not let us. Its text is S3's code, then ": " and what was asked."""

    def __init__(self, code: str, request: Request | None = None) -> None:
        super().__init__(code if request is None else f"{code}: {request}")
        self.code = code
        self.request = request


def complaint(error: OSError, endpoint: str) -> str:
    """What a person is told, in one line, of an S3 server that cannot be used; it shows no secret."""
    match error:
        case S3RefusedError():
            return f"S3 at {endpoint} {_refusal(error)}"
        case S3MissingError(code="NoSuchBucket", request=Request(bucket=bucket)):
            return f"S3 at {endpoint} has no bucket {bucket}: see GATEWAY_SESSIONS_BUCKET, GATEWAY_MEDIA_BUCKET"
        case S3MissingError(code=code):
            return f"S3 at {endpoint}: {code}"
        case S3AwayError():
            return f"S3 at {endpoint} is not available: {error} (GATEWAY_S3_ENDPOINT, GATEWAY_S3_SECURE)"
        case _:
            words = absence(error, ca=_CA) or type(error).__name__
            return f"S3 at {endpoint} is not available: {words} (GATEWAY_S3_ENDPOINT)"


def why_away(error: BaseException) -> str:
    """Of an error of the driver that is no answer of S3's."""
    if isinstance(error, ServerDisconnectedError):
        return HUNG_UP
    return absence(error, ca=_CA) or "what answers there is not S3, or wants it with TLS (or without)"


def _refusal(error: S3RefusedError) -> str:
    code = error.code
    if code in _KEY:
        return f"does not know the access key ({code}): see GATEWAY_S3_ACCESS_KEY"
    if code in _SECRET:
        return f"finds the secret key wrong ({code}): see GATEWAY_S3_SECRET_KEY"
    if code in _REGION:
        return f"has the bucket in another region ({error}): see GATEWAY_S3_REGION"
    if code in _CLOCK:
        return f"finds the time of this machine wrong ({code}): see to its clock"
    if error.request is None:
        return f"refuses ({code})"
    instead = ", and with GATEWAY_S3_REGION this one is not" if error.request.right == "GetBucketLocation" else ""
    return f"does not allow {error.request} ({code}): the rights that are needed are in .env.example{instead}"
