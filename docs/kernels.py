"""Asks each kernel of .vm what works under it, and keeps the answers in docs/kernels.

    python docs/kernels.py            # asks: damon primitives --json, in a VM
    python docs/kernels.py --ran XML  # keeps what tox run -e vm -- --junitxml=XML saw pass

docs/generate.py makes the tables from what is kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "docs" / "kernels"
SCRIPT = "uname -r; exec damon primitives --json"


def main() -> int:
    """Boot each kernel once; 1 if one could not be asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ran", type=Path, metavar="XML")
    ran = parser.parse_args().ran
    if ran is not None:
        keep_tests(ran)
        return 0
    kernels = sorted(path.parent for path in (ROOT / ".vm").glob("*/vmlinuz"))
    if not kernels:
        print("no kernels in .vm: tools/vm-kernels fetches some", file=sys.stderr)
        return 1
    return max(ask(kernel) for kernel in kernels)


def ask(kernel: Path) -> int:
    """Keep the answer of one."""
    command = [str(ROOT / "tools" / "vmrun"), "--kernel", str(kernel), "--mem", "1G"]
    command += [f"--see={directory}" for directory in (sys.prefix, str(ROOT))]
    damon = Path(sys.prefix, "bin")
    script = f"PATH={damon}:$PATH; {SCRIPT}"
    run = subprocess.run(
        [*command, "--", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    if run.returncode:
        print(f"{kernel.name}: {run.stdout}{run.stderr}", file=sys.stderr)
        return 1
    keep(kernel.name, {**kept_of(kernel.name), **answer_of(run.stdout)})
    return 0


def keep_tests(report: Path) -> None:
    """Put what passed beside what is known of other tests, by kernel."""
    for case in ET.parse(report).iter("testcase"):
        told = {one.get("name"): one.get("value", "") for one in case.iter("property")}
        if "kernel" not in told or case.find("failure") is not None:
            continue
        known = kept_of(told["kernel"])
        name = f"{told['tests']} {told['options']}".strip()
        counts = {"passed": int(told["passed"]), "skipped": int(told["skipped"])}
        known["tests"] = {**known.get("tests", {}), name: counts}
        keep(told["kernel"], known)


def kept_of(kernel: str) -> dict[str, Any]:
    """What is known of a kernel."""
    path = KEPT / f"{kernel}.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return known


def keep(kernel: str, known: dict[str, Any]) -> None:
    """All that is known of a kernel, anew."""
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{kernel}.json").write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    print(f"{kernel}: kept", file=sys.stderr)


def answer_of(output: str) -> dict[str, Any]:
    """The release, and by primitive and ops what each mechanism lacks, "" for nothing."""
    release, listing = output.split("\n", 1)
    return {
        "release": release,
        "primitives": {
            one["name"]: {
                ops: answer["mechanisms"] or {"": "" if answer["usable"] else answer["missing"]}
                for ops, answer in one["availability"].items()
            }
            for one in json.loads(listing)
        },
    }


HEAD = """# What works on which kernel

<!-- Made by docs/generate.py from docs/kernels, which docs/kernels.py fills; change it there. -->

Each kernel was booted in a virtual machine and asked with `damon primitives`, as root; nothing here
is taken from a version number. `lab` is a kernel built from Debian's linux-source-6.12 with
`CONFIG_IDLE_PAGE_TRACKING`, `CONFIG_MEM_SOFT_DIRTY` and DAMON (`tools/vm-kernels lab`). There is no
PMU in these machines.
"""

TESTS = """
## Tests that ran there

The live tests of the primitives, run under these kernels by `tox run -e vm`: passed, and skipped,
with a reason that names what is missing. None failed. A dash: not run there.
"""


def page() -> str:
    """The reference page: a row a mechanism and ops, a column a kernel."""
    kept = {path.stem: json.loads(path.read_text()) for path in sorted(KEPT.glob("*.json"))}
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for kernel, answer in kept.items():
        for primitive, by_ops in answer["primitives"].items():
            for ops, lacks in by_ops.items():
                for mechanism, lack in lacks.items():
                    rows.setdefault((primitive, mechanism, ops), {})[kernel] = lack
    head = ["primitive", "mechanism", "ops", *(f"{k} ({a['release']})" for k, a in kept.items())]
    lines = [HEAD, f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    notes: dict[str, int] = {}
    for (primitive, mechanism, ops), lacks in sorted(rows.items()):
        cells = [_cell(lacks.get(kernel), notes) for kernel in kept]
        lines.append(f"| {' | '.join([primitive, mechanism or 'itself', ops, *cells])} |")
    lines += ["", *(f"{number}. {text}" for text, number in notes.items())]
    return "\n".join([*lines, *_tests(kept), ""])


def _tests(kept: dict[str, Any]) -> list[str]:
    lines = [TESTS, f"| tests | {' | '.join(kept)} |", f"|---|{'---|' * len(kept)}"]
    for name in sorted({name for answer in kept.values() for name in answer.get("tests", {})}):
        ran = [answer.get("tests", {}).get(name) for answer in kept.values()]
        cells = [f"{one['passed']}, {one['skipped']}" if one else "-" for one in ran]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def _cell(lack: str | None, notes: dict[str, int]) -> str:
    if lack is None:
        return ""
    if not lack:
        return "yes"
    return f"no ({notes.setdefault(lack, len(notes) + 1)})"


if __name__ == "__main__":
    sys.exit(main())
