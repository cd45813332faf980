"""What converters need of a recording, whoever wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..record_format import RecordHeader
    from ..record_names import TargetNames
    from ..snapshot import Snapshot


class Recorded(Protocol):
    """A recording of ours, or one of others read as such; its snapshots can be read again."""

    @property
    def header(self) -> RecordHeader: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Snapshot]: ...
    def __getitem__(self, number: int, /) -> Snapshot: ...
    def names(self, number: int = -1, /) -> Sequence[TargetNames]: ...
