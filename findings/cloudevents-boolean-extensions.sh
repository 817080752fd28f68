#!/usr/bin/env bash
# cloudevents 2.2.0 (Python SDK): a Boolean extension attribute leaves as "True" in the binary modes of HTTP, Kafka and RabbitMQ.
# The canonical text of a Boolean is true or false, in small letters (CloudEvents 1.0.2, Type System). Receivers of other languages that check it refuse
# the event, others take it for a text; read back by the SDK itself it is the text "True", so that false is truthy.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cloudevents==2.2.0
"$folder/venv/bin/python" - <<'PYTHON'
from cloudevents.core.bindings import http, kafka, rabbitmq
from cloudevents.core.v1.event import CloudEvent

event = CloudEvent({"type": "t", "source": "/s", "replayed": False}, {"ok": True})
seen = {
    "http": http.to_binary_event(event).headers["ce-replayed"],
    "kafka": kafka.to_binary_event(event).headers["ce_replayed"],
    "rabbitmq": rabbitmq.to_binary_event(event).headers["ce-replayed"],
}
back = rabbitmq.from_binary_event(rabbitmq.to_binary_event(event)).get_extension("replayed")
print(seen, "and back:", repr(back), bool(back))
assert seen == {"http": "False", "kafka": b"False", "rabbitmq": "False"}
assert back == "False"
PYTHON
