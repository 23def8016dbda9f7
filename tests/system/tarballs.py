"""Tarballs of the runner that are not as they should be."""

import contextlib
import io
import tarfile


def rebuild(source, target, change):
    """Copy a tarball; `change(archive, info)` may add members, or return
    the data that a member is to have, or None to leave it out."""
    with contextlib.ExitStack() as stack:
        old = stack.enter_context(tarfile.open(source))
        new = stack.enter_context(tarfile.open(target, "w:gz"))
        for info in old:
            data = old.extractfile(info).read() if info.isreg() else b""
            data = change(new, info, data)
            if data is None:
                continue
            info.size = len(data) if info.isreg() else 0
            new.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return target


def add_file(archive, name, data=b"", mode=0o755, **more):
    """Add a member."""
    info = tarfile.TarInfo(name)
    info.mode, info.size = mode, len(data)
    for key, value in more.items():
        setattr(info, key, value)
    archive.addfile(info, io.BytesIO(data))


def held(source, target, hold):
    """A runner whose config.sh waits for the test's word (see Hold)."""
    def change(archive, info, data):
        if info.name != "./config.sh":
            return data
        add_file(archive, "./config-held.sh", data)
        return (f"#!/bin/bash\ncd \"$(dirname \"$0\")\"\n{hold.step}\n"
                "exec 3>&-\nexec ./config-held.sh \"$@\"\n").encode()
    return rebuild(source, target, change)


def extended(source, target, **member):
    """A runner with one more member."""
    first = []

    def change(archive, _info, data):
        if not first:
            first.append(True)
            if "linkname" in member or "type" in member:
                member.setdefault("data", b"")
            add_file(archive, **member)
        return data
    return rebuild(source, target, change)


def without(source, target, name):
    """A runner that lacks a member."""
    return rebuild(source, target, lambda _archive, info, data:
                   None if info.name == f"./{name}" else data)
