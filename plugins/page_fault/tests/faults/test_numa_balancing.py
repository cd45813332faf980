"""The switch kernel.numa_balancing is as it was before, whoever used it, however they ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from attrs import define, field

from damon_core.errors import PrimitiveError
from damon_core.testing.open_files import no_more_files, open_files
from damon_page_fault.numa_balancing import SYSCTL, NumaBalancing

# Obeys one word a line, and answers each.
USER = """
import sys
from pathlib import Path
from damon_page_fault.numa_balancing import NumaBalancing
switch = NumaBalancing(Path(sys.argv[1]), Path(sys.argv[2]))
for line in sys.stdin:
    print(getattr(switch, line.strip())(), flush=True)
"""


@define
class Users:
    """Processes that use a switch; they end with the test."""

    sysctl: Path
    folder: Path
    _stack: ExitStack = field(factory=ExitStack)

    def new(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", USER, self.sysctl, self.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._stack.callback(process.communicate)
        self._stack.callback(process.kill)
        return process

    def switch(self) -> NumaBalancing:
        return NumaBalancing(self.sysctl, self.folder)

    @property
    def value(self) -> int:
        return int(self.sysctl.read_text())

    def end(self) -> None:
        self._stack.close()


def tell(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdin
    assert process.stdout
    print(word, file=process.stdin, flush=True)
    return process.stdout.readline().strip()


@pytest.fixture(params=[0, 2])
def users(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Users]:
    """Of a switch in a file, which has the kernel's syntax and none of its effects."""
    sysctl = tmp_path / "numa_balancing"
    sysctl.write_text(f"{request.param}\n")
    users = Users(sysctl, tmp_path / "run" / "damon")
    yield users
    users.end()


@pytest.fixture
def real() -> Iterator[NumaBalancing]:
    """The kernel's switch, as it was found; what was left of it by others is no longer there."""
    switch = NumaBalancing()
    if not switch.is_there:
        pytest.skip("needs a kernel with CONFIG_NUMA_BALANCING=y")
    switch.repair()
    before = SYSCTL.read_text()
    if switch.is_on:
        pytest.skip("kernel.numa_balancing is on already: switch it off (sysctl)")
    yield switch
    switch.release()
    assert SYSCTL.read_text() == before


def test_it_is_on_while_held_and_then_as_before(users: Users) -> None:
    before, switch = users.value, users.switch()
    assert not switch.is_on
    switch.hold()
    assert users.value == before | 1
    assert switch.is_on
    switch.hold()
    switch.release()
    switch.release()
    assert users.value == before
    assert not (users.folder / "numa_balancing.before").exists()


def test_a_switch_that_was_on_stays_on(users: Users) -> None:
    users.sysctl.write_text("1\n")
    switch = users.switch()
    switch.hold()
    switch.release()
    assert users.value == 1


def test_the_last_of_several_users_turns_it_back(users: Users) -> None:
    before, one, two = users.value, users.new(), users.new()
    tell(one, "hold")
    tell(two, "hold")
    tell(one, "release")
    assert users.value == before | 1
    tell(two, "release")
    assert users.value == before


def test_two_users_in_one_process_share_it_too(users: Users) -> None:
    before, one, two = users.value, users.switch(), users.switch()
    one.hold()
    two.hold()
    one.release()
    assert users.value == before | 1
    two.release()
    assert users.value == before


def test_the_next_one_repairs_what_a_killed_user_left(users: Users) -> None:
    before, user = users.value, users.new()
    tell(user, "hold")
    user.kill()
    user.wait()
    assert users.value == before | 1
    assert users.switch().repair()
    assert users.value == before
    assert not users.switch().repair()


def test_nothing_is_repaired_while_somebody_uses_it(users: Users) -> None:
    before, killed, user = users.value, users.new(), users.new()
    tell(killed, "hold")
    tell(user, "hold")
    killed.kill()
    killed.wait()
    assert not users.switch().repair()
    assert users.value == before | 1
    tell(user, "release")
    assert users.value == before


def test_a_user_that_comes_after_a_killed_one_leaves_it_as_it_was_before_both(
    users: Users,
) -> None:
    before, killed = users.value, users.new()
    tell(killed, "hold")
    killed.kill()
    killed.wait()
    switch = users.switch()
    switch.hold()
    assert users.value == before | 1
    switch.release()
    assert users.value == before


def test_what_somebody_else_has_set_in_the_meantime_stays(users: Users) -> None:
    switch = users.switch()
    switch.hold()
    users.sysctl.write_text("4\n")
    switch.release()
    assert users.value == 4
    assert not users.switch().repair()


def test_one_killed_before_it_had_turned_the_switch_left_nothing(users: Users) -> None:
    before = users.value
    users.folder.mkdir(parents=True)
    (users.folder / "numa_balancing.before").write_text(f"before {before} ours {before | 1}\n")
    assert not users.switch().repair()
    assert users.value == before
    assert not (users.folder / "numa_balancing.before").exists()


@pytest.mark.parametrize("text", ["", "before", "before x ours y\n", "before 0 ours 1 more\n"])
def test_a_state_that_cannot_be_read_changes_nothing(users: Users, text: str) -> None:
    before = users.value
    users.folder.mkdir(parents=True)
    (users.folder / "numa_balancing.before").write_text(text)
    assert not users.switch().repair()
    assert users.value == before


def test_it_is_turned_back_also_when_files_have_run_out(users: Users) -> None:
    before, switch = users.value, users.switch()
    opened = open_files()
    switch.hold()
    with no_more_files():
        switch.release()
    assert users.value == before
    assert open_files() == opened


def test_what_cannot_be_switched_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    opened = open_files()
    switch = NumaBalancing(tmp_path / "none", tmp_path)
    assert not switch.is_on
    with pytest.raises(PrimitiveError, match=r"none cannot be switched on .*run as root"):
        switch.hold()
    with (
        no_more_files(),
        pytest.raises(PrimitiveError, match="Too many open files"),
    ):
        switch.hold()
    assert open_files() == opened
    assert not (tmp_path / "numa_balancing.before").exists()


@pytest.mark.live
def test_the_kernels_switch_is_turned_and_turned_back(real: NumaBalancing) -> None:
    real.hold()
    assert real.is_on
    real.release()
    assert not real.is_on


@pytest.mark.live
def test_the_kernels_switch_is_repaired_after_a_kill(real: NumaBalancing) -> None:
    users = Users(SYSCTL, Path("/run/damon"))
    user = users.new()
    tell(user, "hold")
    assert real.is_on
    os.kill(user.pid, signal.SIGKILL)
    user.wait()
    users.end()
    assert real.is_on
    assert real.repair()
    assert not real.is_on


@pytest.mark.live
def test_not_everybody_may_switch() -> None:
    source = (
        "import os\n"
        "from damon_page_fault.numa_balancing import NumaBalancing, PrimitiveError\n"
        "os.setuid(65534)\n"
        "try:\n"
        "    NumaBalancing().hold()\n"
        "except PrimitiveError as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "XDG_RUNTIME_DIR": "/proc"},
    ).stdout
    assert "cannot be switched on" in said
