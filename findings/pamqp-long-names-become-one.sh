#!/usr/bin/env bash
# pamqp 4.0.1 (under aiormq and aio-pika): names of headers longer than 128 bytes are cut, and two may become one.
# Guess: up to 255 bytes go out (what a short string holds and RabbitMQ takes), more is an error. Seen: a warning in the log at most, and a table that has the same
# name twice; a reader keeps the last.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pamqp==4.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import logging

from pamqp import decode, encode

logging.disable(logging.CRITICAL)
prefix = "x-" + "a" * 126
table = encode.field_table({f"{prefix}-first": 1, f"{prefix}-second": 2})
read = decode.field_table(table)[1]
print({f"{name[:4]}… ({len(name)})": value for name, value in read.items()}, table.count(prefix.encode()))
assert read == {prefix: 2}
assert table.count(prefix.encode()) == 2
PYTHON
