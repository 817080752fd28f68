"""Logs: structlog for us and for the libraries, one line an event, with phone numbers and JIDs redacted."""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Literal, cast

import structlog
from aiohttp.http_exceptions import HttpProcessingError
from structlog.typing import EventDict, Processor, WrappedLogger

_JID = re.compile(r"[\w.+:-]+@(?:s\.whatsapp\.net|c\.us|lid|g\.us|broadcast|newsletter)\b")
_PHONE = re.compile(r"(?<![\w.:+-])\+?\d{8,15}(?![\w:-]|\.\d)")
_URL_PASSWORD = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")
_NEVER_TEXT = frozenset({"timestamp", "level", "logger", "event"})
_LOUD_LIBRARIES = (
    "aio_pika",
    "aiohttp.access",
    "aiohttp_retry",
    "redis",
    "sqlalchemy",
    "alembic",
    "asyncio",
    "urllib3",
)
_MAX_VALUE = 2_000  # characters of one value; a log is no place for bodies


def redact(text: str) -> str:
    """`text` without JIDs, phone numbers and the credentials of addresses."""
    return _PHONE.sub("[phone]", _JID.sub("[jid]", _URL_PASSWORD.sub("[credentials]", text)))


def _redacted(value: object, depth: int = 0) -> object:
    match value:
        case str():
            return redact(value[:_MAX_VALUE])
        case Mapping() if depth < 4:  # noqa: PLR2004 (deep enough for any value of ours)
            pairs = cast("Mapping[object, object]", value).items()
            return {str(key): _redacted(item, depth + 1) for key, item in pairs}
        case list() | tuple() if depth < 4:  # noqa: PLR2004 (as above)
            return [_redacted(item, depth + 1) for item in cast("Sequence[object]", value)]
        case bool() | int() | float() | None:
            return value
        case _:
            return redact(str(value)[:_MAX_VALUE])


def redaction(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The structlog processor that redacts every value of an event, exception texts included."""
    return {key: value if key in _NEVER_TEXT - {"event"} else _redacted(value) for key, value in event.items()}


def is_ours(record: logging.LogRecord) -> bool:
    """Whether anybody can do something about it. What is no HTTP is answered so; aiohttp makes a trace of each."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def configure(
    level: Literal["debug", "info", "warning", "error"], style: Literal["json", "console"], *, worker_id: str
) -> None:
    """Send our events and the libraries' records to standard error, in one format.

    Libraries are heard from WARNING on: aio-pika and friends tell connection addresses below that.
    """

    def name_worker(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**event, "worker_id": worker_id}

    shared: list[Processor] = [
        name_worker,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redaction,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(is_ours)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _LOUD_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # a trace for each lost connection; ours say `broker.lost`
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # What is below the level is a method that does nothing: debug lines stand on the way of every message
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
