"""Machines as their kernels describe them in sysfs and procfs, to be written below a folder."""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen

from damon_core.errors import PrimitiveError
from damon_core.tracepoint import TraceField, Tracepoint
from damon_perf_pmu.machine import Machine


@frozen
class FakePmu:
    """The files of one PMU; folders as mappings of names to what is in the files."""

    type: int
    format: dict[str, str] = field(factory=dict)
    events: dict[str, str] = field(factory=dict)
    caps: dict[str, str] = field(factory=dict)
    files: dict[str, str] = field(factory=dict)

    def write(self, path: Path) -> None:
        for folder in ("format", "events", "caps"):
            for name, text in getattr(self, folder).items():
                (path / folder).mkdir(parents=True, exist_ok=True)
                (path / folder / name).write_text(f"{text}\n")
        path.mkdir(parents=True, exist_ok=True)
        for name, text in {"type": str(self.type), **self.files}.items():
            (path / name).write_text(f"{text}\n")


@frozen(eq=False)
class FakeMachine:
    vendor: str
    pmus: dict[str, FakePmu]
    family: int = 6
    model: int = 0
    max_sample_rate: str = "100000"
    tracepoints: bool = True

    def write(self, root: Path) -> Machine:
        for name, pmu in {**KERNEL, **self.pmus}.items():
            pmu.write(root / "sys/bus/event_source/devices" / name)
        (root / "proc/sys/kernel").mkdir(parents=True)
        (root / "proc/cpuinfo").write_text(
            f"processor\t: 0\nvendor_id\t: {self.vendor}\ncpu family\t: {self.family}\n"
            f"model\t\t: {self.model}\nmodel name\t: of a test\n"
        )
        rate = root / "proc/sys/kernel/perf_event_max_sample_rate"
        rate.write_text(f"{self.max_sample_rate}\n")
        return Machine(
            root / "sys", root / "proc", _tracepoint if self.tracepoints else _no_tracepoint
        )


def _tracepoint(system: str, name: str) -> Tracepoint:
    numbers = {"page_fault_user": 101, "page_fault_kernel": 102, "sched_switch": 300}
    if name not in numbers:
        raise PrimitiveError(f"the kernel has no tracepoint {system}:{name}")
    fields = {
        "address": TraceField(8, 8, False),
        "ip": TraceField(16, 8, False),
        "error_code": TraceField(24, 8, False),
    }
    return Tracepoint(name, numbers[name], fields)


def _no_tracepoint(system: str, name: str) -> Tracepoint:
    raise PrimitiveError("tracefs cannot be read: run as root")


KERNEL = {
    "software": FakePmu(1),
    "tracepoint": FakePmu(2),
    "breakpoint": FakePmu(5),
}

CORE_FORMAT = {
    "event": "config:0-7",
    "umask": "config:8-15",
    "edge": "config:18",
    "pc": "config:19",
    "inv": "config:23",
    "cmask": "config:24-31",
    "in_tx": "config:32",
    "in_tx_cp": "config:33",
    "ldlat": "config1:0-15",
    "offcore_rsp": "config1:0-63",
    "frontend": "config1:0-23",
}
WIDE_UMASK = {**CORE_FORMAT, "umask": "config:8-15,40-47"}
COMMON = {
    "cpu-cycles": "event=0x3c",
    "instructions": "event=0xc0",
    "cache-misses": "event=0x2e,umask=0x41",
}
LOADS = {"mem-loads": "event=0xcd,umask=0x1,ldlat=3"}
AUXILIARY = {"mem-loads-aux": "event=0x03,umask=0x82"}
STORES_OF_HASWELL = {"mem-stores": "event=0xd0,umask=0x82"}
STORES = {"mem-stores": "event=0xcd,umask=0x2"}
ATOM = {"mem-loads": "event=0xd0,umask=0x5,ldlat=3", "mem-stores": "event=0xd0,umask=0x6"}
PRECISE = {"max_precise": "3", "branches": "32"}
UNCORE = FakePmu(
    20,
    {"event": "config:0-7", "umask": "config:8-15"},
    {
        "cas_count_read": "event=0x04,umask=0x03",
        "cas_count_read.scale": "6.103515625e-5",
        "cas_count_read.unit": "MiB",
    },
    files={"cpumask": "0"},
)


def _beside_the_cores() -> dict[str, FakePmu]:
    return {"uncore_imc_0": UNCORE, "msr": FakePmu(9, {"event": "config:0-63"}, {"tsc": "event=0"})}


def _intel(events: dict[str, str], *, model: int, precise: int = 3) -> FakeMachine:
    cpu = FakePmu(4, CORE_FORMAT, {**COMMON, **events}, {"max_precise": str(precise)})
    return FakeMachine("GenuineIntel", {"cpu": cpu, **_beside_the_cores()}, model=model)


def _hybrid(core: dict[str, str], *, model: int, wide: bool) -> FakeMachine:
    layout = WIDE_UMASK if wide else CORE_FORMAT
    big = FakePmu(4, layout, {**COMMON, **core}, PRECISE, {"cpus": "0-15"})
    small = FakePmu(10, layout, {**COMMON, **ATOM}, PRECISE, {"cpus": "16-19,22"})
    pmus = {"cpu_core": big, "cpu_atom": small, **_beside_the_cores()}
    return FakeMachine("GenuineIntel", pmus, model=model)


def _amd(ibs_op: dict[str, str], caps: dict[str, str]) -> FakeMachine:
    core_format = {"event": "config:0-7,32-35", "umask": "config:8-15", "edge": "config:18"}
    pmus = {
        "cpu": FakePmu(4, core_format, {"cpu-cycles": "event=0x76"}),
        "ibs_fetch": FakePmu(10, {"rand_en": "config:57", "l3missonly": "config:59"}),
        "ibs_op": FakePmu(11, {"cnt_ctl": "config:19", **ibs_op}, caps=caps),
        "amd_df": FakePmu(12, {"event": "config:0-7"}, files={"cpumask": "0,32"}),
    }
    return FakeMachine("AuthenticAMD", pmus, family=25)


_SPE_FORMAT = {
    "ts_enable": "config:0",
    "pa_enable": "config:1",
    "load_filter": "config:33",
    "store_filter": "config:34",
    "event_filter": "config1:0-63",
    "min_latency": "config2:0-11",
    "inv_event_filter": "config3:0-63",
}
_ARM_CORE = FakePmu(
    8, {"event": "config:0-15"}, {"mem_access": "event=0x0013"}, files={"cpus": "0-3"}
)

NEHALEM = _intel({"mem-loads": "event=0x0b,umask=0x10,ldlat=3"}, model=0x1A, precise=2)
IVY_BRIDGE = _intel({**LOADS, **STORES}, model=0x3E)
HASWELL = _intel({**LOADS, **STORES_OF_HASWELL}, model=0x3F)
SAPPHIRE_RAPIDS = _intel({**LOADS, **STORES, **AUXILIARY}, model=0x8F)
ALDER_LAKE = _hybrid({**LOADS, **STORES, **AUXILIARY}, model=0x97, wide=False)
LUNAR_LAKE = _hybrid({**LOADS, **STORES}, model=0xBD, wide=True)
ZEN4 = _amd({"l3missonly": "config:16"}, {"zen4_ibs_extensions": "1"})
ZEN5 = _amd(
    {"l3missonly": "config:16", "swfilt": "config2:0", "ldlat": "config1:0-11"},
    {"zen4_ibs_extensions": "1", "ldlat": "1"},
)
ARM = FakeMachine(
    "",
    {
        "armv8_pmuv3_0": _ARM_CORE,
        "arm_spe_0": FakePmu(12, _SPE_FORMAT, files={"cpumask": "0-3"}),
    },
)
GUEST = FakeMachine("GenuineIntel", {}, model=0x8F)
GUEST_WITHOUT_PEBS = FakeMachine(
    "GenuineIntel",
    {"cpu": FakePmu(4, CORE_FORMAT, COMMON, {"max_precise": "0"})},
    model=0x8F,
)

MACHINES = {
    "Nehalem": NEHALEM,
    "Ivy Bridge": IVY_BRIDGE,
    "Haswell": HASWELL,
    "Sapphire Rapids": SAPPHIRE_RAPIDS,
    "Alder Lake": ALDER_LAKE,
    "Lunar Lake": LUNAR_LAKE,
    "Zen 4": ZEN4,
    "Zen 5": ZEN5,
    "Arm SPE": ARM,
    "guest": GUEST,
    "guest without PEBS": GUEST_WITHOUT_PEBS,
}
