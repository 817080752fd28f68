"""The wheel's copies of our modules."""

import pytest

from deploy.tools.wheel import under_one_name


def test_imports_of_what_moves_in_are_written_so_and_nothing_else_is() -> None:
    before = 'from schemas.envelope import X\n    from consumers import y\nfrom schemas_of import z\n# from "schemas"\n'
    after = (
        "from gateway_worker.schemas.envelope import X\n    from gateway_worker.consumers import y\n"
        'from schemas_of import z\n# from "schemas"\n'
    )
    assert under_one_name(before) == after


def test_an_import_that_cannot_be_moved_is_refused() -> None:
    with pytest.raises(ValueError, match="from schemas import"):
        under_one_name("import schemas.envelope\n")
