"""Asks each kernel of .vm what works under it, and keeps the answers in docs/kernels.

``damon primitives --json`` runs in a VM; docs/generate.py makes the table from what is kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "docs" / "kernels"
SCRIPT = "uname -r; exec damon primitives --json"


def main() -> int:
    """Boot each kernel once; 1 if one could not be asked."""
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
    text = json.dumps(answer_of(run.stdout), indent=1, sort_keys=True)
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{kernel.name}.json").write_text(text + "\n")
    print(f"{kernel.name}: kept", file=sys.stderr)
    return 0


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
PMU in these machines. `tox -e vm` runs the live tests under each of them.
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
    lines += ["", *(f"{number}. {text}" for text, number in notes.items()), ""]
    return "\n".join(lines)


def _cell(lack: str | None, notes: dict[str, int]) -> str:
    if lack is None:
        return ""
    if not lack:
        return "yes"
    return f"no ({notes.setdefault(lack, len(notes) + 1)})"


if __name__ == "__main__":
    sys.exit(main())
