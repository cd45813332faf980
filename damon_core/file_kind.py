"""What a file that is no recording seems to be, by its first bytes, so that errors can say it."""

from __future__ import annotations

_MAGIC = (
    (b"PERFILE2", "a perf.data file"),
    (b"ARROW1", "an Arrow file, not an Arrow stream"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip file: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd file: unpack it first"),
    (b"\xfd7zXZ", "an xz file: unpack it first"),
    (b"PK\x03\x04", "a zip file"),
    (b"\x7fELF", "a program"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
)
_CONVERT = "damon convert FILE reads those"
_ZLIB_LEVELS = b"\x01\x5e\x9c\xda"


def kind_of(head: bytes) -> str:
    """Words for a file that starts with ``head``, some 4 KiB of it."""
    for magic, words in _MAGIC:
        if head.startswith(magic):
            return words
    if len(head) > 1 and head[0] == 0x78 and head[1] in _ZLIB_LEVELS:
        return f"zlib-compressed, as recordings of damo are: {_CONVERT}"
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    if _is_text(head):
        return _kind_of_text(head.lstrip())
    return "of no kind that damon knows"


def _is_text(head: bytes) -> bool:
    try:
        head[: -4 or None].decode()  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return b"\0" not in head


def _kind_of_text(text: bytes) -> str:
    if b"damon:damon_aggregated: target_id=" in text:
        return f"text of perf script, as damo writes it: {_CONVERT}"
    if text.startswith((b"[", b"{")):
        return f"JSON text, perhaps a recording of damo: {_CONVERT}"
    if text.startswith((b"ops:", b"targets:", b"contexts:")):
        return "a configuration: record with it first (damon record FILE)"
    return "text"
