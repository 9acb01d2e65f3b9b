"""The service: recordings in, results out. HTTP is known in `api.http` alone."""
