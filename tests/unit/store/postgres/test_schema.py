from pathlib import Path

from alembic.script import ScriptDirectory

from gateway_worker.store import migrations
from gateway_worker.store.postgres.schema import revisions


def test_the_files_of_the_revisions_are_named_as_alembic_knows_them() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert revisions() == [script.revision for script in scripts.walk_revisions()][::-1]
    assert revisions()[-1] == scripts.get_current_head()
