#!/usr/bin/env bash
# cloudevents 2.2.0 (Python SDK): reading an event that has no time gives it one, that of reading.
# time is OPTIONAL. Guess: absent stays absent. Seen: the constructor that fills in defaults for a new event also serves reading, so the same bytes read twice are
# two events with different times, and what passes an event on writes a time that its producer never said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cloudevents==2.2.0
"$folder/venv/bin/python" - <<'PYTHON'
import time

from cloudevents.core.formats.json import JSONFormat

wire = b'{"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}'
first = JSONFormat().read(None, wire)
time.sleep(0.01)
second = JSONFormat().read(None, wire)
print(first.get_time(), second.get_time(), JSONFormat().write(first))
assert first.get_time() is not None
assert first.get_time() != second.get_time()
assert b'"time"' in JSONFormat().write(first)
PYTHON
