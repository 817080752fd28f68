#!/usr/bin/env bash
# pika 1.4.4: a float in the headers is read as a whole number.
# Guess: AMQP's 'f' and 'd' are read as Python's float, as py-amqp, pamqp, amqplib and RabbitMQ itself do. Seen: they are unpacked and then made an int, so 0.9 is 0, 1.5 is 1
# and a time in seconds loses its milliseconds, without a word; what is infinite raises OverflowError out of the reader. To send a float raises UnsupportedAMQPFieldException, so that a
# program in which only pika writes and reads never meets it: it is met when another client joins. Whole numbers of 64 bits print as '3000000000L', as in Python 2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pika==1.4.4 amqp==5.4.2 pamqp==4.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import amqp.serialization
import pamqp.decode
import pamqp.encode
import pika.data

sent = {"share": 0.9, "price": 1.5, "at": 1790000000.25}
doubles = amqp.serialization.dumps("F", [sent])
print("py-amqp reads", amqp.serialization.loads("F", doubles, 0)[0][0])
print("pamqp reads  ", pamqp.decode.field_table(doubles)[1])
read, _ = pika.data.decode_table(doubles, 0)
print("pika reads   ", read)
assert pamqp.decode.field_table(doubles)[1] == sent
assert read == {"share": 0, "price": 1, "at": 1790000000}
assert all(isinstance(each, int) for each in read.values())

singles, _ = pika.data.decode_table(pamqp.encode.field_table({"price": 1.5}), 0)
assert singles == {"price": 1}
try:
    pika.data.encode_table([], {"price": 1.5})
    raise AssertionError("pika writes floats")
except pika.exceptions.UnsupportedAMQPFieldException as error:
    print("pika writes  ", type(error).__name__)
PYTHON
