"""What was imported is no garbage: Python need not look through it again and again.

A worker's modules are 136,000 objects that the cyclic collector knows. Each of its full collections stopped the event
loop for 120 to 140 ms (CPython 3.11, one core of a small server), and the imports themselves cost a tenth more by it.
"""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def imports() -> Generator[None]:
    """Import in this block what a program consists of; what is alive at its end is left alone by all later collections.

    What is cyclic garbage at that moment stays until the process ends (`gc.freeze`).
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
