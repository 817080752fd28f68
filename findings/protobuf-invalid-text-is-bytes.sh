#!/usr/bin/env bash
# protobuf 7.36.2 (Python, upb): a proto2 string field that holds no valid UTF-8 reads as bytes, not as str.
# Guess: parsing fails, or the access raises, or U+FFFD stands for what cannot be read (as protobufjs does with the same bytes). Seen: nothing is raised, and a field
# that is typed str gives bytes: a comparison is False, .split(':') and f-strings go wrong later. WhatsApp's schema is proto2, and texts cut in the middle of an emoji
# by a peer are such bytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check protobuf==7.36.2
"$folder/venv/bin/python" - <<'PYTHON'
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

field = descriptor_pb2.FieldDescriptorProto


def message_class(syntax):
    file = descriptor_pb2.FileDescriptorProto(name=f"{syntax}.proto", package=syntax, syntax=syntax)
    file.message_type.add(name="Text").field.add(name="text", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{syntax}.Text"))


half_an_emoji = "Hi 😀".encode()[:-2]
wire = bytes([0x0A, len(half_an_emoji)]) + half_an_emoji
text = message_class("proto2").FromString(wire).text
print("proto2:", type(text).__name__, repr(text))
assert isinstance(text, bytes)
assert text == half_an_emoji
try:
    message_class("proto3").FromString(wire)
except Exception as error:
    print("proto3:", type(error).__name__)
else:
    raise AssertionError("proto3 took it")
PYTHON
