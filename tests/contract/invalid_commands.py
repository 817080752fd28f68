"""Commands that can never succeed: the body, the code of the rejection, and the path in its detail.

The contract tests parse each; the end-to-end tests publish each to `routing_key` and expect the same answer.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

SESSION: Final = "invalid-commands"
EARLIER: Final = "2026-11-21T00:00:00Z"
LATER: Final = "2026-11-22T00:00:00Z"
_TEXT: Final = {"kind": "text", "text": "Hello"}
_SEND: Final = {"to": "+15550001111", "content": _TEXT}
_CREATE: Final = {"sessionId": SESSION, "userId": "user123", "pairing": {"method": "qr"}}
_QUEUES: Final = {"session.create.v1": "sessions.create", "session.list.v1": "control", "worker.describe.v1": "worker"}
_ALSO_OF_CONTROL: Final = frozenset({"message.describe.v1", "events.replay.v1"})
_OF_CONTROL: Final = {"describe", "qr", "restart", "logout", "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidCommand:
    """`path` is what ``detail.path`` must be; `command_id` what ``commandId`` must be, None where it is unreadable."""

    name: str
    body: bytes
    path: str
    routing_key: str
    command_id: str | None
    code: str = "command.invalid"


_URL: Final = "https://example.com/a.png"


def _media() -> dict[str, tuple[str, Any]]:
    """Files that nobody could fetch, or that belong to nobody."""
    inside = "data.content.media"
    sources: dict[str, tuple[str, Any]] = {
        "none": (f"{inside}.url", {}),
        "two": (f"{inside}.object", {"url": _URL, "object": "uploads/a.png"}),
        "three": (f"{inside}.object", {"url": _URL, "object": "uploads/a.png", "base64": "AAAA"}),
        "unknown": (f"{inside}.path", {"path": "/etc/passwd"}),
        "url-file": (f"{inside}.url", {"url": "file:///etc/passwd"}),
        "url-ftp": (f"{inside}.url", {"url": "ftp://example.com/a"}),
        "url-data": (f"{inside}.url", {"url": "data:image/png;base64,AAAA"}),
        "url-gopher": (f"{inside}.url", {"url": "gopher://example.com/"}),
        "url-relative": (f"{inside}.url", {"url": "/a.png"}),
        "url-no-host": (f"{inside}.url", {"url": "https:///a.png"}),
        "url-space": (f"{inside}.url", {"url": "https://example.com/a b"}),
        "url-line": (f"{inside}.url", {"url": "https://example.com/\r\nHost: x"}),
        "url-backslash": (f"{inside}.url", {"url": "https://example.com\\@127.0.0.1/"}),
        "url-credentials": (f"{inside}.url", {"url": "https://user:password@example.com/"}),
        "url-user": (f"{inside}.url", {"url": "https://user@example.com/"}),
        "url-port": (f"{inside}.url", {"url": "https://example.com:99999/"}),
        "url-port-zero": (f"{inside}.url", {"url": "https://example.com:0/"}),
        "url-brackets": (f"{inside}.url", {"url": "https://[::1/"}),
        "url-long": (f"{inside}.url", {"url": "https://example.com/" + "a" * 2048}),
        "url-null": (f"{inside}.url", {"url": None}),
        "url-number": (f"{inside}.url", {"url": 1}),
        "object-up": (f"{inside}.object", {"object": "uploads/../other/a"}),
        "object-up-first": (f"{inside}.object", {"object": "../a"}),
        "object-here": (f"{inside}.object", {"object": "uploads/./a"}),
        "object-absolute": (f"{inside}.object", {"object": "/uploads/a"}),
        "object-twice": (f"{inside}.object", {"object": "uploads//a"}),
        "object-folder": (f"{inside}.object", {"object": "uploads/"}),
        "object-backslash": (f"{inside}.object", {"object": "uploads\\a"}),
        "object-nul": (f"{inside}.object", {"object": "uploads/a\0"}),
        "object-line": (f"{inside}.object", {"object": "uploads/a\n"}),
        "object-empty": (f"{inside}.object", {"object": ""}),
        "object-long": (f"{inside}.object", {"object": "uploads/" + "é" * 600}),
        "base64-empty": (f"{inside}.base64", {"base64": ""}),
        "base64-garbage": (f"{inside}.base64", {"base64": "§§§§"}),
        "base64-spaces": (f"{inside}.base64", {"base64": "AA AA"}),
        "base64-lines": (f"{inside}.base64", {"base64": "AAAA\nAAAA"}),
        "base64-url-alphabet": (f"{inside}.base64", {"base64": "A-_A"}),
        "base64-unpadded": (f"{inside}.base64", {"base64": "AAA"}),
        "base64-padding": (f"{inside}.base64", {"base64": "A==="}),
        "base64-data-url": (f"{inside}.base64", {"base64": "data:image/png;base64,AAAA"}),
        "mimetype": (f"{inside}.mimetype", {"url": _URL, "mimetype": "image"}),
        "mimetype-line": (f"{inside}.mimetype", {"url": _URL, "mimetype": "image/png\r\nx: y"}),
        "file-name-folder": (f"{inside}.fileName", {"url": _URL, "fileName": "../../a.png"}),
        "file-name-line": (f"{inside}.fileName", {"url": _URL, "fileName": "a\nb"}),
        "file-name-blank": (f"{inside}.fileName", {"url": _URL, "fileName": " "}),
        "text": (inside, "https://example.com/a.png"),
    }
    cases: dict[str, tuple[str, Any]] = {
        f"media-{name}": (path, {**_SEND, "content": {"kind": "document", "media": media}})
        for name, (path, media) in sources.items()
    }
    contents: dict[str, tuple[str, Any]] = {
        "missing": ("media", {"kind": "image"}),
        "sticker-caption": ("caption", {"kind": "sticker", "media": {"url": _URL}, "caption": "x"}),
        "voice-caption": ("caption", {"kind": "voice", "media": {"url": _URL}, "caption": "x"}),
        "audio-caption": ("caption", {"kind": "audio", "media": {"url": _URL}, "caption": "x"}),
        "image-seconds": ("seconds", {"kind": "image", "media": {"url": _URL}, "seconds": 1}),
        "image-gif": ("gif", {"kind": "image", "media": {"url": _URL}, "gif": True}),
        "audio-seconds": ("seconds", {"kind": "audio", "media": {"url": _URL}, "seconds": -1}),
        "voice-seconds": ("seconds", {"kind": "voice", "media": {"url": _URL}, "seconds": 1.5}),
        "gif-note": ("note", {"kind": "video", "media": {"url": _URL}, "gif": True, "note": True}),
        "note-caption": ("caption", {"kind": "video", "media": {"url": _URL}, "note": True, "caption": "x"}),
        "caption-long": ("caption", {"kind": "image", "media": {"url": _URL}, "caption": "x" * 65537}),
    }
    for name, (field, content) in contents.items():
        cases[f"media-{name}"] = (f"data.content.{field}", {**_SEND, "content": content})
    return cases


def _routing_key(command_type: str) -> str:
    """Where the right queue is (or would be) when the subject is `SESSION`."""
    if command_type in _QUEUES:
        return _QUEUES[command_type]
    domain, _, verb = command_type.removesuffix(".v1").partition(".")
    is_control = (domain == "session" and verb in _OF_CONTROL) or command_type in _ALSO_OF_CONTROL
    return f"control.{SESSION}" if is_control else "control"


def _envelope(name: str, command_type: str, data: object, **attributes: object) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"invalid-{name}",
        "source": "/tests/contract",
        "type": command_type,
        "subject": SESSION,
        "data": data,
        **attributes,
    }


def _case(name: str, path: str, command_type: str, data: object, **attributes: object) -> InvalidCommand:
    """A well-formed envelope but for `attributes`; an attribute that is None is left out."""
    envelope = {
        key: value for key, value in _envelope(name, command_type, data, **attributes).items() if value is not None
    }
    return InvalidCommand(
        name=name,
        body=json.dumps(envelope).encode(),
        path=path,
        routing_key=_routing_key(command_type),
        command_id=_readable(envelope.get("id")),
    )


def _readable(command_id: object) -> str | None:
    is_readable = isinstance(command_id, str) and 0 < len(command_id) <= 256 and command_id.isprintable()
    return str(command_id) if is_readable else None


def _raw(name: str, path: str, body: bytes, command_id: str | None = None) -> InvalidCommand:
    return InvalidCommand(name=name, body=body, path=path, routing_key="control", command_id=command_id)


def _unreadable() -> Iterator[InvalidCommand]:
    """Bodies that are no JSON object at all."""
    valid = json.dumps(_envelope("encoding", "message.send.v1", _SEND))
    yield _raw("empty", "", b"")
    yield _raw("spaces", "", b"   ")
    yield _raw("no-json", "", b"hello")
    yield _raw("cut-off", "", valid[:-2].encode())
    yield _raw("trailing-words", "", valid.encode() + b" and more")
    yield _raw("two-documents", "", valid.encode() * 2)
    yield _raw("array", "", f"[{valid}]".encode())
    yield _raw("string", "", b'"message.send.v1"')
    yield _raw("number", "", b"1")
    yield _raw("null", "", b"null")
    yield _raw("not-utf-8", "", b'{"id": "\xff\xfe"}')
    yield _raw("utf-16", "", valid.encode("utf-16"))
    yield _raw("byte-order-mark", "", b"\xef\xbb\xbf" + valid.encode())
    yield _raw("nan", "", valid.replace('"+15550001111"', "NaN").encode())
    yield _raw("infinity", "", valid.replace('"+15550001111"', "-Infinity").encode())
    yield _raw("lone-surrogate", "", valid.replace("Hello", "\\ud83d").encode())
    yield _raw("raw-control-character", "", valid.replace("Hello", "a\x01b").encode())
    yield _raw("deep-arrays", "", b"[" * 100_000)
    yield _raw("deep-objects", "", b'{"a":' * 10_000 + b"1" + b"}" * 10_000)
    yield _raw("endless-number", "", b'{"id": ' + b"9" * 100_000 + b"}")
    yield _raw("nul-bytes", "", b"\0" * 64)
    yield _raw(
        "key-twice", "type", valid.replace('"type"', '"type": "session.qr.v1", "type"').encode(), "invalid-encoding"
    )
    yield _raw("data-key-twice", "to", valid.replace('"to"', '"to": "x", "to"').encode(), "invalid-encoding")


def _envelopes() -> Iterator[InvalidCommand]:
    """Objects that are no envelope of a command."""
    bad: Mapping[str, tuple[str, dict[str, object]]] = {
        "specversion-missing": ("specversion", {"specversion": None}),
        "specversion-old": ("specversion", {"specversion": "0.3"}),
        "specversion-number": ("specversion", {"specversion": 1.0}),
        "id-missing": ("id", {"id": None}),
        "id-empty": ("id", {"id": ""}),
        "id-number": ("id", {"id": 7}),
        "id-too-long": ("id", {"id": "x" * 257}),
        "id-control-character": ("id", {"id": "a\nb"}),
        "source-missing": ("source", {"source": None}),
        "source-empty": ("source", {"source": ""}),
        "source-too-long": ("source", {"source": "/" + "x" * 256}),
        "source-control-character": ("source", {"source": "/a\x00b"}),
        "type-missing": ("type", {"type": None}),
        "type-empty": ("type", {"type": ""}),
        "type-object": ("type", {"type": {}}),
        "time-words": ("time", {"time": "yesterday"}),
        "time-number": ("time", {"time": 1763807400}),
        "time-without-offset": ("time", {"time": "2026-11-22T10:30:00"}),
        "expiresat-date": ("expiresat", {"expiresat": "2026-11-22"}),
        "expiresat-impossible": ("expiresat", {"expiresat": "2026-02-30T10:30:00Z"}),
        "expiresat-number": ("expiresat", {"expiresat": 300}),
        "datacontenttype-xml": ("datacontenttype", {"datacontenttype": "application/xml"}),
        "extension-underscore": ("my_mark", {"my_mark": "x"}),
        "extension-upper-case": ("expiresAt", {"expiresAt": "2026-11-22T10:30:00Z"}),
        "extension-object": ("mark", {"mark": {"a": 1}}),
        "extension-fraction": ("mark", {"mark": 1.5}),
        "extension-large-integer": ("mark", {"mark": 2**31}),
        "data-base64": ("data_base64", {"data_base64": "e30="}),
        "subject-missing": ("subject", {"subject": None}),
        "subject-empty": ("subject", {"subject": ""}),
        "subject-space": ("subject", {"subject": "user 123"}),
        "subject-dot": ("subject", {"subject": "user.123"}),
        "subject-newline": ("subject", {"subject": "user123\n"}),
        "subject-too-long": ("subject", {"subject": "x" * 65}),
        "subject-number": ("subject", {"subject": 5}),
        "subject-of-a-folder": ("subject", {"subject": "uploads"}),
        "subject-of-a-folder-in-capitals": ("subject", {"subject": "Snapshots"}),
    }
    for name, (path, attributes) in bad.items():
        yield _case(name, path, "message.send.v1", _SEND, **attributes)
    no_objects: Mapping[str, object] = {"array": [], "string": "{}", "number": 1, "true": True}
    for name, data in no_objects.items():
        yield _case(f"data-{name}", "data", "message.send.v1", data)
    unknown = ("message.sent.v1", "message.send.v2", "message.send", "MESSAGE.SEND.V1", "session.status.v1", "x")
    for name in unknown:
        yield _case(f"type-{name}", "type", name, _SEND)
    for later in ("channel.list.v1", "session.export.v1"):
        yield _case(f"later-{later}", "type", later, {})


def _sends() -> Iterator[InvalidCommand]:
    bad: Mapping[str, tuple[str, dict[str, object]]] = {
        "to-missing": ("data.to", {"content": _TEXT}),
        "to-null": ("data.to", {**_SEND, "to": None}),
        "to-number": ("data.to", {**_SEND, "to": 15550001111}),
        "to-without-plus": ("data.to", {**_SEND, "to": "15550001111"}),
        "to-formatted": ("data.to", {**_SEND, "to": "+1 (555) 000-1111"}),
        "to-too-short": ("data.to", {**_SEND, "to": "+1555"}),
        "to-too-long": ("data.to", {**_SEND, "to": "+1555000111122223333"}),
        "to-no-country": ("data.to", {**_SEND, "to": "+9995550001111"}),
        "to-other-digits": ("data.to", {**_SEND, "to": "+١٥٥٥٠٠٠١١١١"}),  # noqa: RUF001 (Arabic digits on purpose)
        "to-device": ("data.to", {**_SEND, "to": "15550001111:3@s.whatsapp.net"}),
        "to-newsletter": ("data.to", {**_SEND, "to": "120363041234567890@newsletter"}),
        "to-status": ("data.to", {**_SEND, "to": "status@broadcast"}),
        "to-other-server": ("data.to", {**_SEND, "to": "ana@example.com"}),
        "to-newline": ("data.to", {**_SEND, "to": "+15550001111\n"}),
        "content-missing": ("data.content", {"to": "+15550001111"}),
        "content-string": ("data.content", {**_SEND, "content": "Hello"}),
        "content-without-kind": ("data.content.kind", {**_SEND, "content": {"text": "Hello"}}),
        "content-kind-unknown": ("data.content.kind", {**_SEND, "content": {"kind": "telegram", "text": "Hello"}}),
        "content-kind-later": ("data.content.kind", {**_SEND, "content": {"kind": "event", "name": "Party"}}),
        **_media(),
        "content-unsupported": (
            "data.content.kind",
            {**_SEND, "content": {"kind": "unsupported", "whatsappType": "pollCreationMessage"}},
        ),
        "text-missing": ("data.content.text", {**_SEND, "content": {"kind": "text"}}),
        "text-empty": ("data.content.text", {**_SEND, "content": {"kind": "text", "text": ""}}),
        "text-blank": ("data.content.text", {**_SEND, "content": {"kind": "text", "text": " \n\t"}}),
        "text-number": ("data.content.text", {**_SEND, "content": {"kind": "text", "text": 5}}),
        "text-too-long": ("data.content.text", {**_SEND, "content": {"kind": "text", "text": "x" * 65_537}}),
        "text-nul": ("data.content.text", {**_SEND, "content": {"kind": "text", "text": "a\0b"}}),
        "content-key-unknown": ("data.content.body", {**_SEND, "content": {**_TEXT, "body": "Hello"}}),
        "preview-without-title": (
            "data.content.linkPreview.title",
            {**_SEND, "content": {**_TEXT, "linkPreview": {"url": "https://example.com"}}},
        ),
        "preview-of-a-file": (
            "data.content.linkPreview.url",
            {**_SEND, "content": {**_TEXT, "linkPreview": {"url": "file:///etc/passwd", "title": "x"}}},
        ),
        "quote-string": ("data.quote", {**_SEND, "quote": "3EB0"}),
        "quote-empty": ("data.quote.messageId", {**_SEND, "quote": {}}),
        "quote-spaces": ("data.quote.messageId", {**_SEND, "quote": {"messageId": "3E B0"}}),
        "mentions-string": ("data.mentions", {**_SEND, "mentions": "+15550001111"}),
        "mentions-a-name": ("data.mentions[1]", {**_SEND, "mentions": ["+15550001111", "ana"]}),
        "mentions-a-group": ("data.mentions[0]", {**_SEND, "mentions": ["120363041234567890@g.us"]}),
        "mentions-everyone-of-one": ("data.mentions", {**_SEND, "mentions": "everyone"}),
        "mentions-another-word": ("data.mentions", {**_SEND, "to": "120363041234567890@g.us", "mentions": "all"}),
        "mentions-too-many": ("data.mentions", {**_SEND, "mentions": ["+15550001111"] * 1025}),
        "view-once-document": (
            "data.viewOnce",
            {**_SEND, "content": {"kind": "document", "media": {"url": _URL}}, "viewOnce": True},
        ),
        "view-once-text": ("data.viewOnce", {**_SEND, "viewOnce": True}),
        "view-once-string": ("data.viewOnce", {**_SEND, "viewOnce": "true"}),
        "key-unknown": ("data.viewonce", {**_SEND, "viewonce": True}),
        "key-snake-case": ("data.view_once", {**_SEND, "view_once": False}),
        "session-in-data": ("data.sessionId", {**_SEND, "sessionId": SESSION}),
        "nothing": ("data.to", {}),
    }
    for name, (path, data) in bad.items():
        yield _case(f"send-{name}", path, "message.send.v1", data)


def _bad_contents() -> Iterator[InvalidCommand]:
    place = {"kind": "location", "latitude": 52.5, "longitude": 13.4}
    poll = {"kind": "poll", "question": "When?", "options": ["Now", "Later"]}
    card = {"name": "Ben", "phones": ["+15550002222"]}
    bad: dict[str, tuple[str, dict[str, Any]]] = {
        "location-without-longitude": ("longitude", {"kind": "location", "latitude": 1}),
        "location-beyond-the-pole": ("latitude", {**place, "latitude": 90.5}),
        "location-beyond-the-date-line": ("longitude", {**place, "longitude": -181}),
        "location-in-words": ("latitude", {**place, "latitude": "52.5"}),
        "location-name-too-long": ("name", {**place, "name": "x" * 513}),
        "location-text": ("text", {**place, "text": "here"}),
        "contacts-none": ("contacts", {"kind": "contacts", "contacts": []}),
        "contacts-not-a-list": ("contacts", {"kind": "contacts", "contacts": card}),
        "contacts-too-many": ("contacts", {"kind": "contacts", "contacts": [card] * 101}),
        "contacts-without-name": ("contacts[0].name", {"kind": "contacts", "contacts": [{"phones": card["phones"]}]}),
        "contacts-without-phone": ("contacts[0].phones", {"kind": "contacts", "contacts": [{"name": "Ben"}]}),
        "contacts-phone": ("contacts[0].phones[0]", {"kind": "contacts", "contacts": [{**card, "phones": ["12"]}]}),
        "contacts-email": ("contacts[0].email", {"kind": "contacts", "contacts": [{**card, "email": "ben"}]}),
        "contacts-name-of-two-lines": (
            "contacts[0].name",
            {"kind": "contacts", "contacts": [{**card, "name": "Ben\nTEL:+1"}]},
        ),
        "contacts-vcard-and-fields": (
            "contacts[0].vcard",
            {"kind": "contacts", "contacts": [{**card, "vcard": "BEGIN:VCARD\nEND:VCARD"}]},
        ),
        "contacts-no-vcard": ("contacts[0].vcard", {"kind": "contacts", "contacts": [{"vcard": "Ben"}]}),
        "poll-without-question": ("question", {"kind": "poll", "options": ["Now", "Later"]}),
        "poll-of-one-option": ("options", {**poll, "options": ["Now"]}),
        "poll-of-too-many-options": ("options", {**poll, "options": [str(number) for number in range(13)]}),
        "poll-same-option-twice": ("options", {**poll, "options": ["Now", "Now"]}),
        "poll-blank-option": ("options[1]", {**poll, "options": ["Now", " "]}),
        "poll-selects-none": ("selectable", {**poll, "selectable": 0}),
        "poll-selects-too-many": ("selectable", {**poll, "selectable": 3}),
    }
    for name, (path, content) in bad.items():
        yield _case(f"content-{name}", f"data.content.{path}", "message.send.v1", {**_SEND, "content": content})


def _about_earlier_messages() -> Iterator[InvalidCommand]:
    about = {"to": "+15550001111", "messageId": "3EB0A1B2C3D4E5F6A7B8C9"}
    bad: dict[str, tuple[str, str, dict[str, Any]]] = {
        "edit-without-content": ("message.edit.v1", "data.content", about),
        "edit-to-a-poll": ("message.edit.v1", "data.content.kind", {**about, "content": {"kind": "poll"}}),
        "edit-empty": ("message.edit.v1", "data.content.text", {**about, "content": {**_TEXT, "text": ""}}),
        "revoke-nothing": ("message.revoke.v1", "data.messageId", {"to": "+15550001111"}),
        "revoke-with-text": ("message.revoke.v1", "data.content", {**about, "content": _TEXT}),
        "react-without-emoji": ("message.react.v1", "data.emoji", about),
        "react-with-a-novel": ("message.react.v1", "data.emoji", {**about, "emoji": "👍" * 65}),
        "vote-twice-for-one": ("poll.vote.v1", "data.options", {**about, "options": ["a", "a"]}),
        "vote-for-nothing": ("poll.vote.v1", "data.options[0]", {**about, "options": [""]}),
        "pin-for-two-days": ("message.pin.v1", "data.seconds", {**about, "seconds": 172_800}),
        "react-of-two-lines": ("message.react.v1", "data.emoji", {**about, "emoji": "👍\n"}),
        "forward-to-nobody": ("message.forward.v1", "data.to", {"messageId": about["messageId"]}),
    }
    for name, (command_type, path, data) in bad.items():
        yield _case(name, path, command_type, data)


def _creates() -> Iterator[InvalidCommand]:
    bad: Mapping[str, tuple[str, dict[str, object]]] = {
        "user-missing": ("data.userId", {"userId": None}),
        "user-empty": ("data.userId", {"userId": ""}),
        "user-too-long": ("data.userId", {"userId": "x" * 129}),
        "user-control-character": ("data.userId", {"userId": "a\tb"}),
        "session-number": ("data.sessionId", {"sessionId": 5}),
        "session-other": ("data.sessionId", {"sessionId": "another"}),
        "pairing-missing": ("data.pairing", {"pairing": None}),
        "pairing-string": ("data.pairing", {"pairing": "qr"}),
        "pairing-without-method": ("data.pairing.method", {"pairing": {}}),
        "pairing-unknown": ("data.pairing.method", {"pairing": {"method": "sms"}}),
        "pairing-qr-with-phone": ("data.pairing.phone", {"pairing": {"method": "qr", "phone": "+15550001111"}}),
        "pairing-code-without-phone": ("data.pairing.phone", {"pairing": {"method": "code"}}),
        "pairing-code-bad-phone": ("data.pairing.phone", {"pairing": {"method": "code", "phone": "5550001111"}}),
        "options-array": ("data.options", {"options": []}),
        "options-unknown": ("data.options.markonline", {"options": {"markonline": True}}),
        "options-mark-online-number": ("data.options.markOnline", {"options": {"markOnline": 1}}),
        "options-history-full": ("data.options.history", {"options": {"history": "full"}}),
        "options-typing": ("data.options.typing", {"options": {"typing": True}}),
        "options-proxy-ftp": ("data.options.proxy", {"options": {"proxy": "ftp://proxy:1080"}}),
        "options-proxy-no-host": ("data.options.proxy", {"options": {"proxy": "http://"}}),
        "options-proxy-socks": ("data.options.proxy", {"options": {"proxy": "socks5://proxy.example.com:1080"}}),
        "options-proxy-bad-port": ("data.options.proxy", {"options": {"proxy": "http://proxy:99999"}}),
        "limits-zero": ("data.limits.messagesPerMinute", {"limits": {"messagesPerMinute": 0}}),
        "limits-fraction": ("data.limits.messagesPerDay", {"limits": {"messagesPerDay": 1.5}}),
        "limits-string": ("data.limits.messagesPerDay", {"limits": {"messagesPerDay": "10"}}),
        "limits-unknown": ("data.limits.perHour", {"limits": {"perHour": 10}}),
        "key-unknown": ("data.name", {"name": "Ana"}),
    }
    for name, (path, changes) in bad.items():
        data = {key: value for key, value in {**_CREATE, **changes}.items() if value is not None}
        yield _case(f"create-{name}", path, "session.create.v1", data)
    folder = {**_CREATE, "sessionId": "UPLOADS"}
    yield _case("create-folder", "subject", "session.create.v1", folder, subject="UPLOADS")
    yield _case("create-folder-without-subject", "subject", "session.create.v1", folder, subject=None)


def _others() -> Iterator[InvalidCommand]:
    phones = ["+15550001111"]
    yield _case("describe-unknown-key", "data.verbose", "session.describe.v1", {"verbose": True})
    yield _case("describe-other-session", "data.sessionId", "session.describe.v1", {"sessionId": "another"})
    yield _case("list-limit-zero", "data.limit", "session.list.v1", {"limit": 0})
    yield _case("list-limit-too-large", "data.limit", "session.list.v1", {"limit": 501})
    yield _case("list-cursor", "data.cursor", "session.list.v1", {"cursor": "no such/cursor"})
    yield _case("qr-unknown-key", "data.format", "session.qr.v1", {"format": "png"})
    yield _case("restart-unknown-key", "data.force", "session.restart.v1", {"force": True})
    yield _case("passkey-text", "data.assertion", "session.passkey.v1", {"assertion": "{}"})
    yield _case("passkey-nothing", "data.assertion", "session.passkey.v1", {})
    yield _case("passkey-unsure", "data.confirmed", "session.passkey.confirm.v1", {"confirmed": "yes"})
    yield _case("logout-unknown-key", "data.purge", "session.logout.v1", {"purge": True})
    yield _case("delete-purge-string", "data.purge", "session.delete.v1", {"purge": "yes"})
    yield _case("fetch-nothing", "data.messageId", "media.fetch.v1", {"chat": "+15550001111"})
    yield _case("fetch-from-nowhere", "data.chat", "media.fetch.v1", {"chat": "x", "messageId": "3EB0"})
    yield _case("read-without-chat", "data.chat", "message.read.v1", {"messageIds": ["3EB0"]})
    yield _case("read-none", "data.messageIds", "message.read.v1", {"chat": "+15550001111", "messageIds": []})
    yield _case("read-number", "data.messageIds[0]", "message.read.v1", {"chat": "+15550001111", "messageIds": [1]})
    yield _case(
        "read-too-many", "data.messageIds", "message.read.v1", {"chat": "+15550001111", "messageIds": ["a"] * 257}
    )
    yield _case("presence-state", "data.state", "chat.presence.v1", {"to": "+15550001111", "state": "busy"})
    yield _case("presence-without-to", "data.to", "chat.presence.v1", {"state": "typing"})
    yield _case("check-none", "data.phones", "contact.check.v1", {"phones": []})
    yield _case("check-too-many", "data.phones", "contact.check.v1", {"phones": phones * 1_001})
    yield _case("check-jid", "data.phones[1]", "contact.check.v1", {"phones": [*phones, "1555@s.whatsapp.net"]})
    yield from _groups()
    yield _case(
        "presence-subscribe", "data.subscribe", "chat.presence.v1", {"to": phones[0], "state": "typing", "subscribe": 1}
    )
    yield _case("picture-of-nobody", "data.to", "contact.picture.v1", {})
    yield _case("picture-size", "data.size", "contact.picture.v1", {"to": phones[0], "size": "full"})
    yield _case("picture-preview", "data.preview", "contact.picture.v1", {"to": phones[0], "preview": "yes"})
    yield _case("message-neither-id", "data.messageId", "message.describe.v1", {})
    yield _case("message-both-ids", "data.messageId", "message.describe.v1", {"messageId": "3EB0", "commandId": "c"})
    yield _case("history-of-nobody", "data.chat", "message.history.v1", {})
    yield _case("history-limit", "data.limit", "message.history.v1", {"chat": "+15550001111", "limit": 201})
    yield _case("history-cursor", "data.cursor", "message.history.v1", {"chat": "+15550001111", "cursor": "yesterday"})
    yield _case("stats-backwards", "data.until", "message.stats.v1", {"since": LATER, "until": EARLIER})
    yield _case("stats-a-day", "data.since", "message.stats.v1", {"since": "2026-11-22"})
    yield _case("replay-without-a-beginning", "data.fromSequence", "events.replay.v1", {})
    yield _case("replay-from-zero", "data.fromSequence", "events.replay.v1", {"fromSequence": 0})
    yield _case("replay-from-a-word", "data.fromSequence", "events.replay.v1", {"fromSequence": "the first"})
    yield _case("replay-from-too-far", "data.fromSequence", "events.replay.v1", {"fromSequence": "9" * 20})
    yield _case("replay-backwards", "data.toSequence", "events.replay.v1", {"fromSequence": 5, "toSequence": 4})
    yield _case("worker-unknown-key", "data.deep", "worker.describe.v1", {"deep": True})
    yield _case("worker-subject", "subject", "worker.describe.v1", {}, subject="worker/1")


def _groups() -> Iterator[InvalidCommand]:
    group: dict[str, object] = {"groupId": "120363041234567890@g.us"}
    people = ["+15550001111"]
    bad: Mapping[str, tuple[str, str, dict[str, object]]] = {
        "create-without-subject": ("create", "data.subject", {"participants": people}),
        "create-blank": ("create", "data.subject", {"subject": "  ", "participants": people}),
        "create-long": ("create", "data.subject", {"subject": "x" * 101, "participants": people}),
        "create-alone": ("create", "data.participants", {"subject": "Us", "participants": []}),
        "create-of-groups": ("create", "data.participants[0]", {"subject": "Us", "participants": [group["groupId"]]}),
        "create-too-many": ("create", "data.participants", {"subject": "Us", "participants": people * 1024}),
        "describe-none": ("describe", "data.groupId", {}),
        "describe-a-person": ("describe", "data.groupId", {"groupId": "15550001111@s.whatsapp.net"}),
        "describe-a-number": ("describe", "data.groupId", {"groupId": "+15550001111"}),
        "list-limit": ("list", "data.limit", {"limit": 501}),
        "list-cursor": ("list", "data.cursor", {"cursor": "next"}),
        "people-action": ("participants", "data.action", {**group, "action": "kick", "participants": people}),
        "people-none": ("participants", "data.participants", {**group, "action": "add", "participants": []}),
        "people-number": ("participants", "data.participants[0]", {**group, "action": "add", "participants": [1555]}),
        "update-nothing": ("update", "data.subject", group),
        "update-long": ("update", "data.description", {**group, "description": "x" * 2049}),
        "update-word": ("update", "data.announcement", {**group, "announcement": "on"}),
        "update-unknown-key": ("update", "data.picture", {**group, "subject": "Us", "picture": "x"}),
        "picture-none": ("picture", "data.picture", group),
        "picture-both": (
            "picture",
            "data.picture",
            {**group, "picture": {"object": "uploads/a.jpg"}, "removePicture": True},
        ),
        "picture-of-nowhere": ("picture", "data.picture.object", {**group, "picture": {"object": "../a.jpg"}}),
        "invite-word": ("invite", "data.revoke", {**group, "revoke": "yes"}),
        "join-nothing": ("join", "data.code", {}),
        "join-both": ("join", "data.code", {"code": "AbCdEfGh12", "link": "https://chat.whatsapp.com/AbCdEfGh12"}),
        "join-elsewhere": ("join", "data.link", {"link": "https://example.com/AbCdEfGh12"}),
        "leave-none": ("leave", "data.groupId", {"groupId": ""}),
    }
    for name, (verb, path, data) in bad.items():
        yield _case(f"group-{name}", path, f"group.{verb}.v1", data)


INVALID_COMMANDS: Final = (
    *_unreadable(),
    *_envelopes(),
    *_sends(),
    *_bad_contents(),
    *_about_earlier_messages(),
    *_creates(),
    *_others(),
)
