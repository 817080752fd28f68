"""What keeps a worker from starting."""


class Misconfigured(Exception):  # noqa: N818 (reads as the fact it is)
    """Settings that cannot work here. The text is one line, names the setting and holds no secret."""
