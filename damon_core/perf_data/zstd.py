"""Records that perf has compressed: one stream of zstd, cut into records of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from ..errors import RecordError

# No input makes more than 16 MiB of so many bytes: a block of 128 KiB takes four of them.
_SLICE = 512


class ZstdStream:
    """Decompresses piece by piece; RecordError if no library for it is installed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._new = _decompressor(path)
        self._stream = self._new()

    def feed(self, payload: bytes) -> Iterator[bytes]:
        """What comes out of the next bytes of the stream; RecordError if they are damaged."""
        for at in range(0, len(payload), _SLICE):
            rest = payload[at : at + _SLICE]
            while rest:
                try:
                    piece = self._stream.decompress(rest)
                except Exception as error:  # each library has its own
                    raise RecordError(
                        f"{self._path}: its compressed records are damaged: {error}"
                    ) from error
                yield piece
                rest = self._stream.unused_data if self._stream.eof else b""
                if self._stream.eof:
                    self._stream = self._new()


def _decompressor(path: str) -> Callable[[], Any]:
    try:
        new: Callable[[], Any] = import_module("compression.zstd").ZstdDecompressor
    except ImportError:
        pass
    else:
        return new
    try:
        zstandard = import_module("zstandard")
    except ImportError:
        raise RecordError(
            f"{path}: is compressed (perf record -z): pip install 'damon-core[zstd]', or write an "
            f"uncompressed one with `perf inject -i {path} -o OUT`"
        ) from None
    return lambda: zstandard.ZstdDecompressor().decompressobj()
