"""What is tried when the kernel refuses an event, for every error that it can refuse with."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from damon_core.perf_attr import AttrFlag, PerfAttr, SampleType
from damon_core.perf_event import PerfError
from damon_perf_pmu.events import resolve_on
from damon_perf_pmu.ladder import Found, find_opening
from damon_perf_pmu.layout import layout_of
from damon_perf_pmu.machine import Machine

from .kernels import Kernel, Rule

Build = Callable[[str], Machine]

AUXILIARY = 0x8203


@pytest.fixture
def climb(build: Build) -> Callable[..., tuple[Found, Kernel]]:
    """Opens an event of a machine under a kernel that refuses by a rule."""

    def climbed(
        machine: str, text: str, rule: Rule, cpus: range = range(2), physical: bool = False
    ) -> tuple[Found, Kernel]:
        kernel = Kernel(rule)
        (event,) = resolve_on(build(machine), text)
        layout = layout_of(event, physical=physical)
        return find_opening(layout, cpus, opener=kernel), kernel

    return climbed


Climb = Callable[..., tuple[Found, Kernel]]


@pytest.mark.parametrize("error", [errno.EOPNOTSUPP, errno.EINVAL])
@pytest.mark.parametrize("most", [3, 2, 1])
def test_precision_is_lowered_to_what_the_processor_has_and_told(
    climb: Climb, error: int, most: int
) -> None:
    def rule(attr: PerfAttr, pid: int, cpu: int) -> int:
        return error if attr.precise_ip > most else 0

    found, kernel = climb("Haswell", "cpu/mem-loads/P", rule)
    assert found.layout.attr.precise_ip == most
    assert found.steps == (f"precision {most}",)
    assert len(kernel.asked) == 3 - most + 1


@pytest.mark.parametrize("error", [errno.EOPNOTSUPP, errno.EINVAL])
def test_precision_is_never_so_low_that_there_is_no_address(climb: Climb, error: int) -> None:
    asked: list[int] = []

    def rule(attr: PerfAttr, pid: int, cpu: int) -> int:
        asked.append(attr.precise_ip)
        return error

    with pytest.raises(PerfError, match="event 'cpu/mem-stores/P' cannot be opened") as caught:
        climb("Haswell", "cpu/mem-stores/P", rule)
    assert asked == [3, 2, 1]
    assert caught.value.errno == error


def test_a_precision_that_was_named_is_kept(climb: Climb) -> None:
    with pytest.raises(PerfError) as caught:
        climb("Haswell", "cpu/mem-stores/pp", lambda attr, pid, cpu: errno.EOPNOTSUPP)
    assert caught.value.errno == errno.EOPNOTSUPP
    found, _ = climb("Haswell", "cpu/mem-stores/pp", lambda attr, pid, cpu: 0)
    assert (found.layout.attr.precise_ip, found.steps) == (2, ())


def test_loads_get_the_leader_that_their_processor_asks_for(climb: Climb) -> None:
    found, kernel = climb("Sapphire Rapids", "cpu/mem-loads/P", lambda attr, pid, cpu: 0)
    (leader, _, _, none), (member, _, _, group) = kernel.asked
    assert (leader.config, none, group) == (AUXILIARY, -1, 99)
    assert leader.sample_period == 0
    assert found.layout.leader == leader
    assert member.config & 0xFFFF == 0x1CD


def test_loads_whose_kernel_does_not_name_their_leader_get_it_when_it_asks(climb: Climb) -> None:
    tries: list[int] = []

    def rule(attr: PerfAttr, pid: int, cpu: int) -> int:
        tries.append(attr.config & 0xFFFF)
        return errno.ENODATA if attr.config & 0xFFFF == 0x1CD and AUXILIARY not in tries else 0

    found, _ = climb("Haswell", "cpu/mem-loads/P", rule)
    assert tries == [0x1CD, AUXILIARY, 0x1CD]
    assert found.layout.leader is not None
    assert any("auxiliary event" in step for step in found.steps)


def test_processors_that_cannot_count_are_passed_over_and_listed(climb: Climb) -> None:
    found, _ = climb(
        "Haswell",
        "cpu/mem-loads/P",
        lambda attr, pid, cpu: errno.ENODEV if cpu < 3 else 0,
        range(5),
    )
    assert found.unable == {0, 1, 2}


def test_where_no_processor_can_count_that_is_an_error_that_lists_them(climb: Climb) -> None:
    with pytest.raises(PerfError, match=r"no processor that runs can count it \(0, 1\)"):
        climb("Haswell", "cpu/mem-loads/P", lambda attr, pid, cpu: errno.ENODEV)
    with pytest.raises(PerfError, match="there is none"):
        climb("Haswell", "cpu/mem-loads/P", lambda attr, pid, cpu: 0, range(0))


def test_ibs_that_cannot_leave_out_the_kernel_samples_it_and_says_so(climb: Climb) -> None:
    def rule(attr: PerfAttr, pid: int, cpu: int) -> int:
        return errno.EINVAL if attr.flags & AttrFlag.EXCLUDE_KERNEL else 0

    found, _ = climb("Zen 4", "cycles:pu", rule)
    assert not found.layout.attr.flags & AttrFlag.EXCLUDE_KERNEL
    (step,) = found.steps
    assert "addresses of the kernel are dropped" in step


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errno.EACCES, "not permitted|Permission denied"),
        (errno.EPERM, "Operation not permitted"),
        (errno.EMFILE, "too many open files"),
        (errno.ENFILE, "too many open files"),
        (errno.ENOENT, "no such event"),
        (errno.E2BIG, "too old"),
        (errno.EBUSY, "exclusively"),
        (errno.ENOSPC, "no room"),
        (errno.ENOSYS, "CONFIG_PERF_EVENTS"),
        (errno.ENOMEM, "memory"),
        (errno.ESRCH, "process"),
    ],
)
def test_what_nothing_less_would_help_with_is_an_error_at_once(
    climb: Climb, error: int, said: str
) -> None:
    nr = 0

    def rule(attr: PerfAttr, pid: int, cpu: int) -> int:
        nonlocal nr
        nr += 1
        return error

    with pytest.raises(PerfError, match=said) as caught:
        climb("Haswell", "cpu/mem-loads/P", rule)
    assert (caught.value.errno, nr) == (error, 1)
    assert str(caught.value).startswith("event 'cpu/mem-loads/P' cannot be opened: ")
    assert "\n" not in str(caught.value)


def test_enodata_of_what_is_no_load_is_an_error(climb: Climb) -> None:
    with pytest.raises(PerfError, match="auxiliary event"):
        climb("Haswell", "cpu/mem-stores/P", lambda attr, pid, cpu: errno.ENODATA)


def test_a_group_that_the_kernel_does_not_take_is_explained(build: Build) -> None:
    events = resolve_on(build("Haswell"), "{cpu/mem-stores/p,minor-faults}")
    (faults,) = [event for event in events if event.name == "minor-faults"]
    with pytest.raises(PerfError, match=r"one group .* write them without braces"):
        find_opening(
            layout_of(faults, physical=False),
            range(1),
            opener=Kernel(lambda attr, pid, cpu: errno.EINVAL if attr.type == 1 else 0),
        )


def test_a_frequency_that_has_become_too_high_names_the_sysctl(climb: Climb) -> None:
    with pytest.raises(PerfError, match="sysctl kernel"):
        climb("Haswell", "cpu/mem-stores,freq=5000/pp", lambda attr, pid, cpu: errno.EINVAL)


def test_a_physical_address_is_never_given_up(climb: Climb) -> None:
    def rule(attr: PerfAttr, pid: int, cpu: int) -> int:
        return errno.EACCES if SampleType.PHYS_ADDR in attr.sample_type else 0

    with pytest.raises(PerfError) as caught:
        climb("Haswell", "cpu/mem-stores/P", rule, physical=True)
    assert caught.value.errno == errno.EACCES
    found, _ = climb("Haswell", "cpu/mem-stores/P", rule)
    assert SampleType.PHYS_ADDR not in found.layout.attr.sample_type
