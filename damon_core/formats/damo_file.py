"""Reads a recording of damo: compressed or plain JSON, or the text of perf script."""

from __future__ import annotations

import codecs
import os
import stat
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from ..errors import RecordError
from ..file_kind import kind_of
from .damo_json import read_json
from .json_stream import JsonStream
from .perf_script import is_perf_script, read_perf_script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .damo_series import DamoSeries

MAX_TEXT = 2**36
"""Bytes of text in a file, unpacked; more is taken for an attack."""

_CHUNK = 1 << 18
_HEAD = 4096


def is_damo(path: str) -> bool:
    """Whether a file begins as one of damo or perf does; RecordError if it cannot be read."""
    with _naming(path), _opened(path) as file:
        return _kind(file.read(_HEAD)) is not None


def read_damo_record(path: str) -> list[DamoSeries]:
    """The series of windows in a file; RecordError says what is wrong with it."""
    with _naming(path), _opened(path) as file:
        head = file.read(_HEAD)
        file.seek(0)
        kind = _kind(head)
        if kind == "perf.data":
            text = f"perf script --force -i {path}"
            raise RecordError(f"is a perf.data file: convert the text that this prints: {text}")
        if kind is None:
            what = kind_of(head) if head else "empty"
            raise RecordError(f"is not a recording of damo; it seems to be {what}")
        chunks = _decoded(_unpacked(file) if kind == "zlib" else _plain(file))
        if kind == "perf":
            return read_perf_script(chunks)
        return read_json(JsonStream(chunks))


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Errors inside begin with the path."""
    try:
        yield
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


def _opened(path: str) -> IO[bytes]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecordError(f"cannot be read ({reason})") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise RecordError("is not a regular file: save the recording to one first")
    return os.fdopen(fd, "rb")


def _kind(head: bytes) -> str | None:
    if head.startswith(b"PERFILE2"):
        return "perf.data"
    if is_perf_script(head):
        return "perf"
    if head.lstrip()[:1] in (b"[", b"{"):
        return "json"
    if len(head) > 1 and head[0] & 0x8F == 8 and (head[0] << 8 | head[1]) % 31 == 0:
        return "zlib"  # RFC 1950
    return None


def _plain(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _unpacked(file: IO[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    rest = b""
    while not unpacker.eof:
        rest = rest or file.read(_CHUNK)
        if not rest:
            raise RecordError("breaks off in the middle: its compressed data end early")
        try:
            chunk = unpacker.decompress(rest, _CHUNK)
        except zlib.error as error:
            raise RecordError(f"is damaged: it cannot be unpacked ({error})") from error
        rest = unpacker.unconsumed_tail
        if chunk:
            yield chunk
    if unpacker.unused_data or rest or file.read(1):
        raise RecordError("is damaged: something follows after its end")


def _decoded(chunks: Iterator[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_TEXT:
            raise RecordError(f"unpacks to more than {MAX_TEXT >> 30} GiB: it is no recording")
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError:
            raise RecordError("is damaged: its text is no UTF-8") from None
        if text:
            yield text
