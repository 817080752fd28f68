#!/usr/bin/env bash
# pamqp 4.0.1 (under aiormq and aio-pika): a float in the headers is written with 32 bits.
# Guess: AMQP's 'd', as Python's float is a double. Seen: 'f'. 0.1 arrives as 0.10000000149, time.time() up to 64 s off, 16,777,217.0 one less; what no 32-bit float
# holds raises a bare OverflowError of struct. amqplib (npm) writes 'd'.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pamqp==4.0.1
"$folder/venv/bin/python" - <<'PYTHON'
from pamqp import decode, encode

MOMENT = 1795343450.25  # Unix seconds, as time.time() gives them


def arrived(value):
    table = encode.field_table({"v": value})
    return table[6:7], decode.field_table(table)[1]["v"]


seen = {each: arrived(each) for each in (0.5, 0.1, 16777217.0, MOMENT)}
print(seen)
assert seen[0.5] == (b"f", 0.5)
assert seen[0.1] == (b"f", 0.10000000149011612)
assert seen[16777217.0] == (b"f", 16777216.0)
assert 20 < abs(seen[MOMENT][1] - MOMENT) <= 64, seen[MOMENT]
try:
    encode.field_table({"v": 1e39})
except OverflowError as error:
    print("1e39:", error)
else:
    raise AssertionError("1e39 was encoded")
PYTHON
