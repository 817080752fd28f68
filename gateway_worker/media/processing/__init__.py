"""A process for one file: strangers' bytes are decoded here only, with little memory, little time and no secrets.

``python -m gateway_worker.media.processing '{"kind": …, "mimetype": …, "source": …, "target": …}'`` prints one JSON
object: ``{"made": {…}}``, or ``{"fault": {"code", "reason"}}`` with the code of a media error. It imports nothing of
ours but `limits`.
"""
