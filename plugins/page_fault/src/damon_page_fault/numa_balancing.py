"""The switch kernel.numa_balancing: on while somebody here needs it, and then as it was before."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from damon_core.errors import PrimitiveError

if TYPE_CHECKING:
    from damon_core.primitive import PrimitiveContext

SYSCTL = Path("/proc/sys/kernel/numa_balancing")
REPAIRED = (
    "kernel.numa_balancing had been left on by a monitor that was killed: "
    "it was turned back to what it was before that"
)
_HINT_FAULTS = 1  # the bit of the sysctl; another one is memory tiering


def state_folder() -> Path:
    """Where the value before is kept: gone after a reboot, as the switch is."""
    if os.geteuid() == 0:
        return Path("/run/damon")
    return Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")) / "damon"


@frozen
class _Before:
    """The value before, and the one that was set in its place."""

    value: int
    ours: int

    def text(self) -> str:
        return f"before {self.value} ours {self.ours}\n"

    @classmethod
    def parse(cls, text: str) -> _Before | None:
        words = text.split()
        if len(words) != 4 or (words[0], words[2]) != ("before", "ours"):
            return None
        try:
            return cls(int(words[1]), int(words[3]))
        except ValueError:
            return None


class NumaBalancing:
    """One user of the switch; any number of them, also in other processes, may share it.

    The value before is on disk before the switch is turned, and users hold a lock that ends with
    their process.  So whoever comes next can tell that somebody was killed while it was on, and
    the last one to let go, or :meth:`repair`, turns it back.  A value that somebody else has set
    in the meantime stays.
    """

    def __init__(self, sysctl: Path = SYSCTL, folder: Path | None = None) -> None:
        self._sysctl = sysctl
        self._folder = folder or state_folder()
        # Opened at the beginning: at the end there may be no more files to be had.
        self._lock_fd = -1
        self._users_fd = -1

    @property
    def is_there(self) -> bool:
        """Whether the kernel has it (CONFIG_NUMA_BALANCING)."""
        return self._sysctl.exists()

    @property
    def is_on(self) -> bool:
        return self.is_there and bool(self._value & _HINT_FAULTS)

    @property
    def may_be_switched(self) -> bool:
        return os.access(self._sysctl, os.W_OK)

    def hold(self) -> None:
        """Switch it on, unless it is, and keep it on until :meth:`release`.

        PrimitiveError if that is not permitted; nothing has changed then.
        """
        if self._users_fd >= 0:
            return
        try:
            self._open()
            try:
                self._begin()
            except BaseException:
                self._close()
                raise
        except OSError as error:
            raise PrimitiveError(
                f"{self._sysctl} cannot be switched on ({error.strerror}: {error.filename}): "
                "run as root, on the host, not in a container"
            ) from error

    def release(self) -> None:
        """Let go; the last one turns it back.  Harmless a second time."""
        if self._users_fd < 0:
            return
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
            is_used = self._is_used()
            fcntl.flock(self._users_fd, fcntl.LOCK_UN)
            self._close_users()  # one file can be opened now, which turning back needs
            if not is_used:
                self._turn_back()
        finally:
            self._close()

    def repair(self) -> bool:
        """Turn it back if those who had switched it on were killed; whether that was so."""
        if self._users_fd >= 0 or not self._state.exists():
            return False
        self._open()
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
            return not self._is_used() and self._turn_back()
        finally:
            self._close()

    @property
    def _state(self) -> Path:
        return self._folder / "numa_balancing.before"

    @property
    def _value(self) -> int:
        return int(self._sysctl.read_text())

    def _begin(self) -> None:
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        is_used = self._is_used()
        if not is_used and self._state.exists():
            self._turn_back()  # left by somebody who was killed
        self._turn_on(is_used)
        fcntl.flock(self._users_fd, fcntl.LOCK_SH)
        fcntl.flock(self._lock_fd, fcntl.LOCK_UN)

    def _is_used(self) -> bool:
        """Whether there are others; only for who has the lock."""
        try:
            fcntl.flock(self._users_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False

    def _turn_on(self, is_used: bool) -> None:
        value = self._value
        if value & _HINT_FAULTS:
            return
        ours = value | _HINT_FAULTS
        if not self._state.exists():  # else somebody has switched it off under those who use it
            self._remember(_Before(value, ours))
        try:
            self._sysctl.write_text(f"{ours}\n")
        except OSError:
            if not is_used:
                self._state.unlink()
            raise

    def _turn_back(self) -> bool:
        """Restore the value before, unless somebody has set another one; whether it did."""
        if not self._state.exists():
            return False
        before = _Before.parse(self._state.read_text())
        is_ours = before is not None and before.ours == self._value
        if before is not None and is_ours:
            self._sysctl.write_text(f"{before.value}\n")
        self._state.unlink()
        return is_ours

    def _remember(self, before: _Before) -> None:
        """On disk before anything is changed, whole or not at all."""
        new = self._state.with_suffix(".new")
        with new.open("w") as file:
            file.write(before.text())
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._state)

    def _open(self) -> None:
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._lock_fd = os.open(self._folder / "numa_balancing.lock", flags, 0o600)
        try:
            self._users_fd = os.open(self._folder / "numa_balancing.users", flags, 0o600)
        except BaseException:
            self._close()
            raise

    def _close_users(self) -> None:
        fd, self._users_fd = self._users_fd, -1
        if fd >= 0:
            os.close(fd)

    def _close(self) -> None:
        self._close_users()
        fd, self._lock_fd = self._lock_fd, -1
        if fd >= 0:
            os.close(fd)


def tell_repaired(switch: NumaBalancing, ctx: PrimitiveContext) -> None:
    """Repair what a killed monitor has left, and say so, if that is permitted."""
    with suppress(OSError):
        if switch.repair():
            ctx.tell(REPAIRED)
