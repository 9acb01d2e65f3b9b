"""Locks that the decoder's process puts on itself before it reads the first byte of a recording.

In order of strength: no file, socket or pipe can be opened any more (RLIMIT_NOFILE 0, which lets those already open
live on), which takes the network away on every machine, without a namespace; no path can be touched and no other
process signalled or traced (Landlock, whole from Linux 6.12, in parts from 5.13); no rights can be regained
(no_new_privs, and user `nobody` where the worker is root); memory, CPU time and output are bounded. Landlock is not to
be had everywhere (old kernels, some container runtimes), and its absence is no error: the limits alone keep a confused
decoder inside. Only one that runs foreign code is held by it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path

from workers.sandbox.limits import SandboxLimits

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446
"""System call numbers, the same on every architecture."""
LANDLOCK_VERSION = 1
"""Flag that asks for the version instead of making rules."""
FILE_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
"""Bits of every right over files that a version of Landlock knows; later ones know no more."""
NETWORK_SINCE, SCOPES_SINCE = 4, 6
NETWORK_RIGHTS = 0b11
"""Bind and connect TCP."""
SCOPES = 0b11
"""Abstract sockets and signals outside."""
NOBODY = 65_534
GRACE_SECONDS = 5
"""From SIGXCPU, which ends a process that does not catch it, to SIGKILL."""


def confine(limits: SandboxLimits, parent: int) -> None:
    """Give up everything that decoding does not need; all modules have to be imported by now."""
    # Where memory runs out, the kernel is to end this process and not the worker. /proc may be hidden.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    _leave_root()
    LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    # A change of user takes this one back, so it comes after.
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the worker is gone")
    if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        _deny_paths()
    _limit(limits)


def _leave_root() -> None:
    if os.geteuid() != 0:
        return
    # A root without the right to change users, or whose namespace has no `nobody`, stays what it is.
    with suppress(OSError):
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def landlock_version() -> int:
    """Version of Landlock in the running kernel; less than 1 without."""
    return int(LIBC.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), LANDLOCK_VERSION))


def _deny_paths() -> None:
    """Enter a Landlock domain with every right taken and none given (docs.kernel.org/userspace-api/landlock.html)."""
    version = landlock_version()
    if version < 1:
        return
    rights = [FILE_RIGHTS[min(version, max(FILE_RIGHTS))]]
    rights += [NETWORK_RIGHTS] if version >= NETWORK_SINCE else []
    rights += [SCOPES] if version >= SCOPES_SINCE else []
    attributes = struct.pack(f"{len(rights)}Q", *rights)
    rules = LIBC.syscall(LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules >= 0:
        LIBC.syscall(LANDLOCK_RESTRICT_SELF, rules, 0)
        os.close(rules)


def _limit(limits: SandboxLimits) -> None:
    for kind, soft, hard in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + GRACE_SECONDS),
        (resource.RLIMIT_FSIZE, limits.output_bytes, limits.output_bytes),
        (resource.RLIMIT_NPROC, 0, 0),
        (resource.RLIMIT_NOFILE, 0, 0),
    ):
        # A limit that the worker itself lives under cannot be raised.
        ceiling = resource.getrlimit(kind)[1]
        allowed = [value if ceiling == resource.RLIM_INFINITY else min(value, ceiling) for value in (soft, hard)]
        resource.setrlimit(kind, (allowed[0], allowed[1]))
