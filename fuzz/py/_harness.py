"""Runs a check of untrusted bytes under atheris, from its seeds and what was learnt before."""

from __future__ import annotations

import gc
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType
from typing import Any

ROOT = Path(__file__).parents[2]
SEEN = ("damon_core", "yaml")

Check = Callable[[bytes], None]


def fuzz(name: str, check: Check, seeds: Sequence[bytes]) -> None:
    """Look for so many seconds (first argument, 60) for bytes at which ``check`` raises.

    A second argument is a file: only that input is run.  What breaks it is kept in build/fuzz/py.
    """
    try:
        import atheris
    except ImportError:
        sys.exit("fuzz: no atheris: pip install --group fuzz")
    if len(sys.argv) > 2:
        check(Path(sys.argv[2]).read_bytes())
        return
    corpus = ROOT / "build" / "fuzz" / "py" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        check(seed)  # imports what is imported late
        (corpus / f"seed-{number}").write_bytes(seed)
    seconds = sys.argv[1] if len(sys.argv) > 1 else "60"
    arguments = [
        *(sys.argv[0], str(corpus), f"-max_total_time={seconds}", "-max_len=16384"),
        *("-rss_limit_mb=2048", "-timeout=20", "-print_final_stats=1"),
        f"-artifact_prefix={corpus.parent}/{name}-",
    ]
    _instrument(atheris)
    atheris.Setup(arguments, check)
    atheris.Fuzz()


def _instrument(atheris: Any) -> None:
    """Have it see which lines run; its import hook does not see editable installations."""
    for found in gc.get_objects():
        if isinstance(found, FunctionType) and (found.__module__ or "").startswith(SEEN):
            atheris.instrument_func(found)


@contextmanager
def as_file(content: bytes) -> Iterator[tuple[int, str]]:
    """The bytes as a file in memory: a descriptor and a path."""
    fd = os.memfd_create("fuzz", os.MFD_CLOEXEC)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd, f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def mutated(seeds: Sequence[bytes], nr: int, seed: int) -> Iterator[bytes]:
    """Random changes of the seeds, for where there is no atheris."""
    draw = random.Random(seed)
    for _ in range(nr):
        content = bytearray(draw.choice(seeds))
        for _ in range(draw.randint(1, 8)):
            at = draw.randrange(len(content) + 1)
            match draw.randrange(5):
                case 0:
                    content[at:at] = draw.randbytes(draw.randint(1, 8))
                case 1:
                    del content[at : at + draw.randint(1, 64)]
                case 2:
                    content[at : at + 1] = draw.randbytes(1)
                case 3:
                    content[at : at + 4] = draw.choice(
                        (b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff")
                    )
                case _:
                    other = draw.choice(seeds)
                    begin = draw.randrange(len(other) + 1)
                    content[at:at] = other[begin : begin + draw.randint(1, 256)]
        yield bytes(content)
