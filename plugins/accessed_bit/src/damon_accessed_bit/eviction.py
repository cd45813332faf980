"""Flushes the TLB where the kernel offers no harmless way: by switching address spaces."""

from __future__ import annotations

import errno
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ._native import ffi, lib

NAME = "damon-tlb-evictor"
_START_TIMEOUT_MS = 5_000
_STOP_TIMEOUT_S = 5.0


class TlbEviction:
    """The processes of ``damon-tlb-evictor``; OSError if they cannot be started."""

    def __init__(self) -> None:
        fd = os.memfd_create("damon-tlb-eviction", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, lib.TLB_EVICTION_SIZE)
            self._shared = _map(fd)
            self._process = subprocess.Popen(
                [_program(), str(fd), str(os.getpid())],
                pass_fds=(fd,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(fd)
        self.flush()
        if not self.wait(_START_TIMEOUT_MS):  # the first interval counts on them already
            self.close()
            raise TimeoutError(errno.ETIMEDOUT, f"{NAME} did not begin its rounds")

    def flush(self) -> None:
        """Order a flush of the TLBs of all CPUs that this process may use; does not wait for it."""
        lib.tlb_eviction_order(self._shared)

    def wait(self, timeout_ms: int) -> bool:
        """Wait until what was ordered is done; False if that takes longer."""
        return bool(lib.tlb_eviction_wait(self._shared, timeout_ms) == 0)

    def close(self) -> None:
        """End the processes; idempotent."""
        if self._shared == ffi.NULL:
            return
        lib.tlb_eviction_stop(self._shared)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        ffi.release(self._shared)
        self._shared = ffi.NULL


def _map(fd: int) -> Any:
    shared = lib.tlb_eviction_map(fd)
    if shared == ffi.NULL:
        raise OSError(ffi.errno, os.strerror(ffi.errno))
    return ffi.gc(shared, lib.tlb_eviction_unmap)


def _program() -> str:
    beside = Path(__file__).with_name(NAME)
    if not beside.exists():  # an editable installation keeps what was built elsewhere
        spec = find_spec(f"{__package__}._native._ffi")
        if spec is not None and spec.origin is not None:
            beside = Path(spec.origin).parents[1] / NAME
    if not os.access(beside, os.X_OK):
        raise FileNotFoundError(f"{beside} is missing: install damon-accessed-bit again")
    return str(beside)
