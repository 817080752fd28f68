"""What was set aside, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway_worker.store.operations.set_aside import BeginStanza, EndStanzas, SetAside
from schemas.names import SessionId


@dataclass
class FakeSetAsides:
    """`kept` and `counts` are what a person would find in the tables."""

    kept: dict[tuple[SessionId, str], SetAside] = field(default_factory=dict[tuple[SessionId, str], SetAside])
    counts: dict[tuple[SessionId, str], int] = field(default_factory=dict[tuple[SessionId, str], int])

    async def attempts(self, session_id: SessionId) -> Mapping[str, int]:
        return {name: count for (owner, name), count in self.counts.items() if owner == session_id}

    def apply(self, session_id: SessionId, operation: SetAside | BeginStanza | EndStanzas) -> bool | None:
        match operation:
            case SetAside():
                is_new = (session_id, operation.id) not in self.kept
                self.kept.setdefault((session_id, operation.id), operation)
                return is_new
            case BeginStanza():
                key = session_id, operation.name
                self.counts[key] = self.counts.get(key, 0) + 1
            case EndStanzas():
                for name in operation.names:
                    self.counts.pop((session_id, name), None)
        return None
