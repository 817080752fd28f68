"""Protobuf messages generated from the WAProto definitions of the MIT-licensed `baileys` npm package, 7.0.0-rc14.

Written by `deploy/generate_wire.py`; never edited by hand.
"""
