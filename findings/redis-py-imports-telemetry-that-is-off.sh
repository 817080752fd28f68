#!/usr/bin/env bash
# redis-py 8.1.0 with opentelemetry-sdk 1.45.2: `import redis` imports OpenTelemetry's metrics SDK wherever it is installed, though nobody turned telemetry on.
# Guess: an integration that is off by default imports what it needs when it is turned on (`redis.observability` has an `init`). Seen: the connection module imports the
# providers, which try the SDK at import. A process that traces with OpenTelemetry and only speaks to Redis pays for the metrics SDK too: here more than 50 modules beside
# those that `import redis` needs alone, and about half as much time again. Without the SDK installed nothing is missed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0
cat > "$folder/look.py" <<'PYTHON'
import sys
import time

began = time.process_time()
import redis.asyncio

spent = time.process_time() - began
sdk = [name for name in sys.modules if name.startswith("opentelemetry.sdk.metrics")]
print(len(sys.modules), len([name for name in sys.modules if name.startswith("opentelemetry")]), len(sdk), f"{spent * 1000:.0f}")
PYTHON
look() { "$folder/venv/bin/python" "$folder/look.py" > /dev/null; "$folder/venv/bin/python" "$folder/look.py"; }
without=$(look)
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2
with=$(look)
echo "modules, of OpenTelemetry, of its metrics SDK, ms of CPU; without the SDK: $without; with it: $with"
set -- $without
[ "$2" -eq 0 ]
set -- $with
[ "$2" -gt 50 ] && [ "$3" -gt 5 ]
