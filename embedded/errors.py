"""What can go wrong with servers on this machine."""

from __future__ import annotations

from pipeline.errors import PermanentError, TransientError


class DataDirectoryInUse(PermanentError):
    """Another process runs its servers in this data directory."""

    slug = "data-directory-in-use"


class DataDirectoryUnusable(PermanentError):
    """The data directory cannot hold what it has to."""

    slug = "data-directory-unusable"


class NotReady(TransientError):
    """A server does not yet do what it is there for; raised by readiness checks, which are then asked again."""

    slug = "not-ready"


class ChildFailed(TransientError):
    """A child process did not start, or ended or ran out of time before it was ready."""

    slug = "child-failed"


class NotStarted(PermanentError):
    """This server was left out when the others were started."""

    slug = "not-started"


class PortTaken(PermanentError):
    """Another process listens on the port that the API was to have."""

    slug = "port-taken"


class DemoFailed(PermanentError):
    """The demonstration did not come to its end."""

    slug = "demo-failed"
