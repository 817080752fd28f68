#!/usr/bin/env bash
# cloudevents 2.2.0 (Python SDK): data of some JSON media types is written as the repr of a Python dict.
# Guess: whatever ends in +json, in any case and with blanks before its parameters (RFC 9110, 8.3.1), is JSON. Seen: only (application|text)/ in small letters,
# without an underscore in the subtype and without a blank before ";" is. Everything else becomes the text {'ok': True}, without an error, and
# only in structured mode: in binary mode the same event has a JSON body.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cloudevents==2.2.0
"$folder/venv/bin/python" - <<'PYTHON'
import json

from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

types = (
    "application/json",
    "application/JSON",
    "application/json ; charset=utf-8",
    "application/vnd.acme_shop+json",
    "model/gltf+json",
)
seen = {}
for each in types:
    event = CloudEvent({"type": "t", "source": "/s", "datacontenttype": each}, {"ok": True})
    seen[each] = json.loads(JSONFormat().write(event))["data"]
    assert json.loads(http.to_binary_event(event).body) == {"ok": True}
    print(f"{each!r}: {seen[each]!r}")
assert seen == {types[0]: {"ok": True}, **dict.fromkeys(types[1:], "{'ok': True}")}
PYTHON
