"""Who Postgres runs as: it refuses to be root, which may own a directory and see the world through other eyes."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from functools import cache
from pathlib import Path

from embedded.child import Account
from embedded.errors import DataDirectoryUnusable
from embedded.spawning import launched

SEEN_AS = Account(uid=1000, gid=1000, namespace=True)
"""Root inside a user namespace is nobody in particular, and still may do with its files what it likes: so the data
directory stays root's, and the programs may lie in a home that nobody else can enter."""
STANDING_IN = ("postgres", "nobody")
"""Accounts that root steps down to where the kernel allows it no user namespaces, as in most containers."""


def account_for(folder: Path, programs: Path, *, namespaces: bool | None = None) -> Account | None:
    """Who a program that refuses to be root runs as, with its data in `folder`, which exists; None for who asks.

    A folder keeps the owner it got. Where root steps down, `folder` is given to the account that stands in.

    Args:
        folder: holds data, and belongs to whom the program runs as.
        programs: the folder of the programs that will be run.
        namespaces: whether user namespaces can be used; by default that is tried.

    Raises:
        DataDirectoryUnusable: the account that stands in for root cannot enter one of the two.
    """
    if os.geteuid() != 0:
        return None
    owner = folder.stat()
    if owner.st_uid != 0:
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    if namespaces_allowed() if namespaces is None else namespaces:
        return SEEN_AS
    account = _standing_in()
    for place in (folder, programs):
        _check_reachable(place, account)
    os.chown(folder, account.uid, account.gid)
    return account


@cache
def namespaces_allowed() -> bool:
    """Whether the kernel, and what guards it in a container, let this process make a user namespace."""
    done = subprocess.run(launched(["/bin/true"], account=SEEN_AS), capture_output=True, check=False)  # noqa: S603 - fixed
    return done.returncode == 0


def _standing_in() -> Account:
    for name in STANDING_IN:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=found.pw_uid, gid=found.pw_gid)
    message = f"Postgres does not run as root, and this machine has none of the users {', '.join(STANDING_IN)}"
    raise DataDirectoryUnusable(message)


def _check_reachable(place: Path, account: Account) -> None:
    for folder in place.resolve().parents:
        if not folder.stat().st_mode & stat.S_IXOTH:
            message = (
                f"Postgres does not run as root, and the user it would run as (uid {account.uid}) cannot enter "
                f"{folder}, where {place} lies; let others enter it (chmod o+x), or start as another user"
            )
            raise DataDirectoryUnusable(message)
