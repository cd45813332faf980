"""The same words for the same text as perf itself, which looks at the same copies of sysfs."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable

import pytest

from damon_core.perf_attr import AttrFlag
from damon_perf_pmu.events import resolve_on
from damon_perf_pmu.machine import Machine
from damon_perf_pmu.pmu import Pmu

Build = Callable[[object], Machine]
Words = tuple[int, int, int, int, bool, bool]

# A sanitizer that the tests run under is not for perf.
ALONE = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
PERF = shutil.which("perf")
SHOWN = re.compile(r"^perf_event_attr:\n((?:  \S.*\n)+)", re.MULTILINE)
LINE = re.compile(r"^  (\{ .*? \}|\w+) +(\w+)", re.MULTILINE)
NAMED = {
    "Haswell": [
        *(
            "minor-faults",
            "page-faults:u",
            "major-faults:k",
            "cpu-clock",
            "cycles",
            "instructions:u",
        ),
        *("L1-dcache-load-misses", "LLC-loads", "dTLB-stores", "r81d0:p", "r20d1:ppu"),
        *("mem:0x7f0012345678/8:w", "mem:0x1000/4:rw:u", "cpu/mem-stores/P", "cpu/mem-loads/"),
        *("cpu/mem-stores,inv,cmask=0x3/u", "cpu/r1cd/", "cpu/config=0x1cd,config1=0x1e/"),
    ],
    "Sapphire Rapids": ["cpu/mem-stores/P", "cpu/event=0xcd,umask=0x1,ldlat=30/pp"],
    "Alder Lake": ["cycles:u", "cpu_core/mem-stores/P", "cpu_atom/mem-stores/P"],
    "Alder Lake, caches": ["LLC-loads"],  # perf looks by itself whether such an event opens
    "Lunar Lake": ["cpu_core/event=0xd0,umask=0x1281/P"],
    "Zen 4": ["ibs_op//", "ibs_op/cnt_ctl,l3missonly/", "cpu/event=0x1c1/", "r076:p"],
    "Zen 5": ["ibs_op/ldlat=128/"],
}

# Of those who are not root perf asks again for less, and shows that too.
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(PERF is None, reason="needs perf (apt install linux-perf)"),
]


def of_perf(machine: Machine, texts: Iterable[str]) -> set[Words]:
    """What perf would open; it opens the events of one processor after those of all."""
    events = [word for text in texts for word in ("-e", text)]
    run = subprocess.run(
        [PERF or "", "stat", "-vv", *events, "true"],
        env={**ALONE, "SYSFS_PATH": str(machine.sysfs), "LC_ALL": "C"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    shown = [dict(LINE.findall(block)) for block in SHOWN.findall(run.stderr)]
    assert shown, run.stderr
    return {words_of(attr) for attr in shown}


def words_of(attr: dict[str, str]) -> Words:
    def number(name: str) -> int:
        return int(attr.get(name, "0"), 0)

    return (
        number("type"),
        number("config"),
        number("{ bp_addr, config1 }"),
        number("{ bp_len, config2 }"),
        bool(number("exclude_user")),
        bool(number("exclude_kernel")),
    )


def of_ours(machine: Machine, texts: Iterable[str]) -> set[Words]:
    return {
        (
            event.type,
            event.config,
            event.config1,
            event.config2,
            AttrFlag.EXCLUDE_USER in event.flags,
            AttrFlag.EXCLUDE_KERNEL in event.flags,
        )
        for text in texts
        for event in resolve_on(machine, [text])
    }


def some_terms(pmu: Pmu, draws: random.Random) -> str:
    """Terms whose fields do not share bits: of those that do perf takes the bits of both."""
    names = list(pmu.formats)
    draws.shuffle(names)
    used = [0, 0, 0, 0]
    terms = []
    for name in names[: draws.randint(1, 6)]:
        field = pmu.formats[name]
        if field.word == 3 or used[field.word] & field.mask:
            continue
        used[field.word] |= field.mask
        value = draws.randint(0, min(field.maximum, (1 << 63) - 1))
        is_bare = field.maximum == 1 and draws.random() < 0.5
        terms.append(name if is_bare else f"{name}={draws.choice((str, hex))(value)}")
    return ",".join(terms)


@pytest.mark.parametrize("name", NAMED)
def test_perf_would_open_the_same(build: Build, name: str) -> None:
    machine = build(name.split(",")[0])
    assert of_ours(machine, NAMED[name]) == of_perf(machine, NAMED[name])


@pytest.mark.parametrize("name", ["Haswell", "Alder Lake", "Lunar Lake", "Arm SPE"])
def test_any_terms_have_the_same_words_as_perf_gives_them(build: Build, name: str) -> None:
    machine = build(name)
    draws = random.Random(name)
    pmus = [pmu for pmu in machine.pmus.values() if "event" in pmu.formats or pmu.is_spe]
    texts = []
    for _ in range(60):
        pmu = draws.choice(pmus)
        terms = some_terms(pmu, draws)
        if terms and pmu.name != "msr":
            texts.append(f"{pmu.name}/{terms}/{draws.choice(('', 'u', 'k', 'uk'))}")
    assert len(texts) > 20
    assert of_ours(machine, texts) == of_perf(machine, texts)
