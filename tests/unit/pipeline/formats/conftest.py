"""Property tests here build whole transcripts: no deadline an example, as a busy machine would break any."""

from hypothesis import HealthCheck, settings

settings.register_profile("whole-transcripts", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whole-transcripts")
