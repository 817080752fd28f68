#!/usr/bin/env bash
# cloudevents 2.2.0 (Python SDK): an attribute that is null in JSON is not "unset".
# CloudEvents' JSON format 1.0.2, section 2.2, says that a null MUST be treated as unset or omitted. JSONFormat.read refuses such an event when the
# attribute is one that it knows (TypeError for time, a validation error for the rest), and hands on None when it is an extension. A sender whose
# serialiser writes every field (Jackson, System.Text.Json by default) is not readable.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cloudevents==2.2.0
"$folder/venv/bin/python" - <<'PYTHON'
import json

from cloudevents.core.formats.json import JSONFormat

event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


def outcome(attribute):
    try:
        read = JSONFormat().read(None, json.dumps({**event, attribute: None}))
    except Exception as error:
        return type(error).__name__
    return repr(read.get_attributes()[attribute])


seen = {each: outcome(each) for each in ("subject", "datacontenttype", "dataschema", "time", "traceparent")}
print(seen)
refused = "CloudEventValidationError"
assert seen == {
    "subject": refused,
    "datacontenttype": refused,
    "dataschema": refused,
    "time": "TypeError",
    "traceparent": "None",
}
PYTHON
