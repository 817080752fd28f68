"""A WhatsApp gateway worker: commands in from RabbitMQ, facts out as events, nothing lost in between."""

__version__: str


def __getattr__(name: str) -> str:
    """`__version__`, once somebody wants it: what reads it takes longer to import than a small file to be processed."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version  # noqa: PLC0415 (the processes of files are many, and need none)

    return version("whatsapp-gateway-worker")
