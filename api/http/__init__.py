"""The HTTP edge, the only part of the service that knows HTTP."""
