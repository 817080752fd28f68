"""The data of the commands to one worker. ``workerId`` may stand in `data` too, as ``sessionId`` in a session's."""

from pydantic import ConfigDict

from schemas.model import StrictModel, WorkerIdField
from schemas.session_commands import named_by_subject


class DescribeWorker(StrictModel):
    """``worker.describe.v1``: what the worker holds."""

    model_config = ConfigDict(json_schema_extra=named_by_subject)

    worker_id: WorkerIdField
