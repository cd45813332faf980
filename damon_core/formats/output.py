"""A file that is written as a whole or not at all; "-" is standard output."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from ..errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator


class WriteError(RecordError):
    """A file that could not be written to its end."""

    exit_code = 1


@contextmanager
def whole_file(path: str, *, replace: bool = False) -> Iterator[IO[bytes]]:
    """A binary file that appears under its name when all has been written.

    RecordError if the name is taken (unless ``replace``) or cannot be used, WriteError if writing
    fails; nothing is left behind then.  Pipes and devices are written to as they are.
    """
    if path == "-":
        with _telling("standard output"):
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        return
    check_name(path, replace=replace)
    if os.path.exists(path) and not os.path.isfile(path):
        with _telling(path), open(path, "wb") as file:
            yield file
        return
    folder, name = os.path.split(path)
    unfinished = os.path.join(folder, f".{name}.{os.getpid()}")
    try:
        file = open(unfinished, "xb")  # noqa: SIM115 - closed below, on every path
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        with _telling(path):
            with file:
                yield file
            os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished)
        raise


def check_name(path: str, *, replace: bool = False) -> None:
    """RecordError if a file of that name may not be written."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise RecordError(f"{path}: there is no directory {folder}: make it first") from None
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from error
    else:
        if stat.S_ISDIR(mode):
            raise RecordError(f"{path}: is a directory: give the name of a file")
        if stat.S_ISREG(mode) and not replace:
            raise RecordError(f"{path}: exists: give another name, or --force to replace it")


@contextmanager
def _telling(path: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise WriteError(f"{path}: cannot be written ({error.strerror or error})") from error


def _unusable(path: str, error: OSError | ValueError) -> RecordError:
    reason = getattr(error, "strerror", None) or error
    return RecordError(
        f"{path}: cannot be written ({reason}): "
        "give the name of a file in a directory that exists and is yours"
    )
