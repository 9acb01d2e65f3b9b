"""Become another program, after the steps that have to happen in the child itself.

Run as a script of the standard library alone, `launch.py PARENT DEATH_SIGNAL ACCOUNT PROGRAM [ARGUMENT...]`, since
code between fork and exec of a process with threads may hang; it costs about 20 ms. ACCOUNT is `uid:gid:namespace`, or
empty.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
COULD_NOT_START = 127
"""As shells have it."""


def main(parent: int, death_signal: int, account: str, command: list[str]) -> None:
    """Never returns. What goes wrong is said on standard error, with status 127."""
    try:
        if account:
            uid, gid, namespace = (int(part) for part in account.split(":"))
            (_enter_namespace if namespace else _become)(uid, gid)
        # After the change of account, which clears it.
        die_with(parent, death_signal)
        os.execv(command[0], command)  # noqa: S606 - no shell is what it is about
    except OSError as error:
        sys.exit(_said(f"{command[0]} cannot be started: {error}"))


def die_with(parent: int, death_signal: int) -> None:
    """Have this process sent a signal when its parent dies; ends it where that has happened already.

    Raises:
        OSError: the kernel knows no such signal.
    """
    _check(ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0))
    if os.getppid() != parent:
        sys.exit(COULD_NOT_START)


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _enter_namespace(uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _check(ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER))
    # The kernel wants this before a map of groups (user_namespaces(7)).
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {outer_uid} 1")
    _write("/proc/self/gid_map", f"{gid} {outer_gid} 1")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode("ascii"))
    os.close(descriptor)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _said(message: str) -> int:
    sys.stderr.write(message + "\n")
    return COULD_NOT_START


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
