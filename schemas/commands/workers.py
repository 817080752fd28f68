"""The data of the commands to one worker. ``workerId`` may stand in `data` too, as ``sessionId`` in a session's."""

from pydantic import ConfigDict

from schemas.commands.sessions import named_by_subject
from schemas.model import StrictModel, WorkerIdField


class WorkerCommand(StrictModel):
    """Data of a command to one worker. Abstract.

    Attributes:
        worker_id: the worker, as the envelope's `subject` names it; it may be left out here.
    """

    model_config = ConfigDict(json_schema_extra=named_by_subject)

    worker_id: WorkerIdField


class DescribeWorker(WorkerCommand):
    """``worker.describe.v1``: what the worker holds."""


class DrainWorker(WorkerCommand):
    """``worker.drain.v1``: hand every session over and take no new ones."""
