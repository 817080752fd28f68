"""Protocol constants generated from the `baileys` npm package, 7.0.0-rc14: protobuf messages and token tables.

Written by `deploy/tools/generate_wire.py`; never edited by hand. The definitions are MIT-licensed: see LICENSE here.
"""
