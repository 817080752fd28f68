import pytest

from tests.bench.builds import BuildError, resolved


@pytest.mark.parametrize("revision", ["", "no-such-revision", "--all"])
def test_a_revision_that_git_does_not_know_is_told(revision: str) -> None:
    with pytest.raises(BuildError, match="git knows no revision"):
        resolved(revision)
