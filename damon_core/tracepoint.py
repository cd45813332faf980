"""Tracepoints of the kernel: their numbers, and where their fields lie, as tracefs tells."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from ._native import lib
from .errors import PrimitiveError
from .process import read_small

USUAL_PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")

_FIELD = re.compile(r"\tfield:(?P<type>[^;]+?)(?P<name>\w+)(?:\[\w*\])?;\t*(?P<rest>.*)")
_NUMBER = re.compile(r"(offset|size|signed):(\d+);")


@frozen
class TraceField:
    """Where a field lies in the raw data of a sample; in bytes."""

    offset: int
    size: int
    signed: bool


@frozen
class Tracepoint:
    """A tracepoint of this kernel; ``id`` is the ``config`` of a perf event of type TRACEPOINT."""

    name: str
    id: int
    fields: dict[str, TraceField]

    def field(self, name: str, size: int) -> TraceField:
        """The field of this size (bytes); PrimitiveError if this kernel's has none like that."""
        field = self.fields.get(name)
        if field is None or field.size != size:
            has = ", ".join(f"{name} ({field.size} bytes)" for name, field in self.fields.items())
            raise PrimitiveError(
                f"tracepoint {self.name} of this kernel has no field {name} of {size} bytes: "
                f"it has {has}"
            )
        return field


def parse_format(text: str) -> Tracepoint:
    """What the file ``format`` of a tracepoint says; PrimitiveError if that is no such file."""
    name, number = (_value_of(key, text) for key in ("name", "ID"))
    if not name or not number.isdigit():
        raise PrimitiveError("the format of a tracepoint has no name and no ID")
    fields = {}
    for line in text.splitlines():
        found = _FIELD.match(line)
        if found is None:
            continue
        numbers = {key: int(value) for key, value in _NUMBER.findall(found["rest"])}
        if {"offset", "size"} <= numbers.keys():
            fields[found["name"]] = TraceField(
                numbers["offset"], numbers["size"], bool(numbers.get("signed"))
            )
    return Tracepoint(name, int(number), fields)


def read_tracepoint(system: str, name: str) -> Tracepoint:
    """The tracepoint ``system:name``; PrimitiveError says what is missing and how to get it.

    Where tracefs is not mounted it is looked at without mounting it, which needs CAP_SYS_ADMIN.
    """
    path = f"events/{system}/{name}/format"
    with _tracefs() as directory:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
        except OSError as error:
            raise PrimitiveError(_why_not(f"{system}:{name}", error)) from error
    with open(fd) as file:
        return parse_format(file.read())


@contextmanager
def _tracefs() -> Iterator[int]:
    directory = _open_mounted()
    if directory < 0:
        directory = lib.damon_tracefs_open()
    if directory < 0:
        raise PrimitiveError(_why_no_tracefs(-directory))
    try:
        yield directory
    finally:
        os.close(directory)


def _open_mounted() -> int:
    """Tracefs where it is mounted; negative if it is not, or not for us."""
    mounts = read_small("/proc/self/mounts").decode(errors="replace").splitlines()
    found = [words[1] for words in (line.split() for line in mounts) if words[2] == "tracefs"]
    for place in (*USUAL_PLACES, *found):
        try:
            directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            continue
        if os.access("events", os.X_OK, dir_fd=directory):
            return directory
        os.close(directory)
    return -1


def _why_no_tracefs(error: int) -> str:
    if error == errno.ENODEV:
        return "the kernel has no tracefs: it needs CONFIG_FTRACE=y and CONFIG_TRACEPOINTS=y"
    if error in (errno.EMFILE, errno.ENFILE):
        return "tracefs: too many open files: raise the limit (ulimit -n)"
    return (
        f"tracefs cannot be read ({os.strerror(error)}): run as root, or have it mounted readable: "
        "mount -t tracefs -o gid=GROUP,mode=750 tracefs /sys/kernel/tracing"
    )


def _why_not(name: str, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return f"the kernel has no tracepoint {name}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"the format of tracepoint {name} may not be read: run as root"
    return f"the format of tracepoint {name} cannot be read: {error.strerror}"


def _value_of(key: str, text: str) -> str:
    found = re.search(rf"^{key}: *(\S+)$", text, re.MULTILINE)
    return found[1] if found else ""
