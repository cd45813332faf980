"""Fields of perf_event_attr, as the kernel's DAMON takes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from damon_core.errors import ConfigError, DamonError
from damon_core.perf_attr import AttrFlag
from damon_perf_pmu.events import resolve_on
from damon_perf_pmu.machine import Machine
from damon_perf_pmu.pmu_event import PmuEvent, RawAddress

Build = Callable[[object], Machine]


def one(machine: Machine, **fields: object) -> PmuEvent:
    (event,) = resolve_on(machine, [fields])  # type: ignore[list-item]
    return event


def test_all_fields_arrive(build: Build) -> None:
    event = one(
        build("Zen 5"),
        type=11,
        config="0x80000",
        config1=256,
        config2="1",
        sample_period=262144,
        sample_phys_addr=True,
    )
    assert (event.pmu, event.type, event.config_words) == ("ibs_op", 11, (0x80000, 256, 1, 0))
    assert (event.period, event.freq, event.physical) == (262144, 0, True)
    assert event.name == "type=11,config=0x80000,config1=0x100,config2=0x1"


def test_misses_of_the_last_cache_as_the_kernel_series_samples_them(build: Build) -> None:
    event = one(
        build("Sapphire Rapids"),
        type=4,
        config=0x20D1,
        sample_freq=5003,
        precise_ip=2,
        exclude_kernel=1,
        exclude_hv=True,
        exclude_user=0,
    )
    assert (event.pmu, event.freq, event.period, event.precise) == ("cpu", 5003, 0, 2)
    assert event.flags == AttrFlag.EXCLUDE_KERNEL | AttrFlag.EXCLUDE_HV


def test_precision_0_is_not_the_same_as_none_said(build: Build) -> None:
    machine = build("Haswell")
    assert one(machine, type=4, config=0x1CD, precise_ip=0).precise == 0
    assert one(machine, type=4, config=0x1CD).precise is None


def test_a_type_may_be_the_name_of_a_pmu(build: Build) -> None:
    assert one(build("Zen 4"), type="ibs_op").type == 11


def test_the_kind_of_core_is_read_from_the_upper_half_of_config(build: Build) -> None:
    event = one(build("Alder Lake"), type=0, config=10 << 32)
    assert (event.pmu, event.cpus) == ("cpu_atom", frozenset((16, 17, 18, 19, 22)))


def test_who_is_left_out_is_in_the_name(build: Build) -> None:
    machine = build("Haswell")
    both = [{"type": 1, "config": 5, f"exclude_{mode}": True} for mode in ("user", "kernel")]
    names = [event.name for event in resolve_on(machine, both)]
    assert names == ["minor-faults,exclude_user", "minor-faults,exclude_kernel"]


def test_software_events_and_tracepoints_are_known_by_their_numbers(build: Build) -> None:
    machine = build("Haswell")
    faults = one(machine, type=1, config=5)
    assert (faults.name, faults.pmu, faults.period) == ("minor-faults", "software", 1)
    tracepoint = one(machine, type=2, config=102)
    assert tracepoint.raw == RawAddress(offset=8, write_offset=24, write_mask=2)
    assert one(machine, type=2, config=7).raw is None


def test_breakpoints_have_fields_of_their_own_or_share_config1_and_config2(build: Build) -> None:
    machine = build("Haswell")
    for fields in ({"bp_addr": 0x1000, "bp_len": 8}, {"config1": "0x1000", "config2": 8}):
        event = one(machine, type=5, bp_type=2, **fields)
        assert (event.name, event.config1, event.config2) == ("mem:0x1000/8:w", 0x1000, 8)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"typ": 4},
            "event {typ: 4}: unknown field typ; did you mean 'type'?; expected type, config, "
            "config1, config2, config3, sample_period, sample_freq, precise_ip, exclude_user, "
            "exclude_kernel, exclude_hv, exclude_idle, exclude_host, exclude_guest, pinned, "
            "sample_phys_addr, bp_addr, bp_len, bp_type, or event with period or freq",
        ),
        (
            {"config": 4},
            "event {config: 4}: field type is missing: expected a number, such as 4 for raw events",
        ),
        (
            {"type": 4, "config": "r1cd"},
            "event {type: 4, config: r1cd}: config: got 'r1cd', "
            "expected a whole number such as 1,000",
        ),
        (
            {"type": 4, "config": -1},
            "event {type: 4, config: -1}: config: got -1, expected a number that is not negative",
        ),
        (
            {"type": 4, "config": 1.5},
            "event {type: 4, config: 1.5}: config is 1.5: expected a number such as 4 or 0x1cd",
        ),
        (
            {"type": 1 << 32},
            "event {type: 4294967296}: type is 4294967296: expected at most 4294967295",
        ),
        (
            {"type": 99},
            "event {type: 99}: type is 99: this machine has no such PMU; it has 5 (breakpoint), "
            "4 (cpu), 9 (msr), 1 (software), 2 (tracepoint), 20 (uncore_imc_0)",
        ),
        (
            {"type": 4, "precise_ip": 4},
            "event {type: 4, precise_ip: 4}: precise_ip is 4: expected at most 3",
        ),
        (
            {"type": 4, "exclude_user": "yes"},
            "event {type: 4, exclude_user: yes}: exclude_user is 'yes': expected true or false",
        ),
        (
            {"type": 4, "bp_len": 8},
            "event {type: 4, bp_len: 8}: field bp_len is for breakpoints (type 5), the type is 4",
        ),
        (
            {"type": 5, "bp_addr": 8, "bp_len": 8},
            "event {type: 5, bp_addr: 8, bp_len: 8}: a breakpoint on accesses of kind 0: "
            "expected 1 (r), 2 (w) or 3 (rw)",
        ),
        (
            {"type": 4, "sample_period": 3, "sample_freq": 4},
            "event {type: 4, sample_period: 3, sample_freq: 4}: both period 3 and freq 4: a sample "
            "is taken every so many events, or so often a second; say one of them",
        ),
        (
            {"type": "cpuu"},
            "event {type: cpuu}: this machine has no PMU cpuu; did you mean 'cpu'?; "
            "it has breakpoint, cpu, msr, software, tracepoint, uncore_imc_0",
        ),
    ],
)
def test_fields_that_are_wrong_are_told(
    build: Build, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(DamonError) as raised:
        resolve_on(build("Haswell"), [fields])  # type: ignore[list-item]
    assert str(raised.value) == message


def test_a_type_of_several_pmus_is_refused(build: Build) -> None:
    with pytest.raises(
        ConfigError, match="type cpu is of several PMUs: write cpu_atom or cpu_core"
    ):
        one(build("Alder Lake"), type="cpu")
