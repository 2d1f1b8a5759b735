"""Checks that only trusted users can change a path: this process's user, root, and the members of its groups."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

FOLDER, FILE = "folder", "file"
_IS_KIND: dict[str, Callable[[int], bool]] = {FOLDER: stat.S_ISDIR, FILE: stat.S_ISREG}
ROOT_UID = 0
UNTRUSTED = (
    "the certificate authority in {folder} is not trusted, because {reason}. Remove it, or correct owner and "
    "permissions, or choose another folder with --authority-folder, for `ringback serve` and `ringback env` alike"
)


class CertificateAuthorityUnavailable(Exception):
    """The certificate authority cannot be read or created, or is not trusted; the message is for the user."""


def check_folder(folder: Path) -> None:
    """Raise CertificateAuthorityUnavailable unless only trusted users can change or move a folder.

    `folder` must be resolved: the owner of a symbolic link could change it. A parent may belong to any user, and all
    users may write to it if it is sticky, as /tmp is: then nobody else can move the folder.
    """
    if sys.platform == "win32":  # Windows does not have such owners and modes
        return
    reason = _reason_against(folder, FOLDER)
    parents = (_reason_against_parent(parent) for parent in folder.parents)
    if reason := next(filter(None, [reason, *parents]), None):
        raise CertificateAuthorityUnavailable(UNTRUSTED.format(folder=folder, reason=reason))


def check_entry(path: Path, kind: str) -> None:
    """Raise CertificateAuthorityUnavailable if an entry of the authority's folder is not safe.

    An entry is not safe if it is a symbolic link, or if untrusted users can change it. A missing entry is accepted.
    `kind` is FILE or FOLDER.
    """
    if sys.platform == "win32" or not os.path.lexists(path):
        return
    if reason := _reason_against(path, kind):
        raise CertificateAuthorityUnavailable(UNTRUSTED.format(folder=path.parent, reason=reason))


def _reason_against(path: Path, kind: str) -> str | None:
    status = path.lstat()
    if not _IS_KIND[kind](status.st_mode):
        return f"{path} is not a {kind}"
    if status.st_uid not in (os.geteuid(), ROOT_UID):
        return f"{path} belongs to another user (uid {status.st_uid})"
    return _reason_against_mode(path, status)


def _reason_against_parent(parent: Path) -> str | None:
    status = parent.lstat()
    return None if status.st_mode & stat.S_ISVTX else _reason_against_mode(parent, status)


def _reason_against_mode(path: Path, status: os.stat_result) -> str | None:
    if status.st_mode & stat.S_IWOTH:
        return f"all users can change {path}"
    if status.st_mode & stat.S_IWGRP and status.st_gid not in (os.getegid(), *os.getgroups()):
        return f"a group that this process does not belong to (gid {status.st_gid}) can change {path}"
    return None
