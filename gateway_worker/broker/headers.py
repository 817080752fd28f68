"""What may stand in a header of an AMQP message: the driver's type, named once. Pure."""

from pamqp.common import FieldValue as HeaderValue

__all__ = ["HeaderValue"]
