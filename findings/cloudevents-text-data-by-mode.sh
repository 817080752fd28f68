#!/usr/bin/env bash
# cloudevents 2.2.0 (Python SDK): the same text as data is a text in structured mode and a number in binary mode.
# Guess: data "15550001111" with datacontenttype application/json (or none, which means JSON) comes back as that text in both modes. Seen: binary mode writes a text
# without quotes and reads it as JSON, so a phone number arrives as an int, "true" as True, and "null" as None, while structured mode keeps them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cloudevents==2.2.0
"$folder/venv/bin/python" - <<'PYTHON'
from cloudevents.core.bindings import rabbitmq
from cloudevents.core.v1.event import CloudEvent


def both(text):
    def event():
        return CloudEvent({"type": "t", "source": "/s", "datacontenttype": "application/json"}, text)

    return (
        rabbitmq.from_rabbitmq_event(rabbitmq.to_structured_event(event())).get_data(),
        rabbitmq.from_rabbitmq_event(rabbitmq.to_binary_event(event())).get_data(),
    )


seen = {each: both(each) for each in ("15550001111", "true", "null", "hello")}
print(seen)
assert seen == {
    "15550001111": ("15550001111", 15550001111),
    "true": ("true", True),
    "null": ("null", None),
    "hello": ("hello", "hello"),
}
PYTHON
