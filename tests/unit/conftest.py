"""No test depends on how busy the machine is: what hypothesis finds is judged, not how long it took."""

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
