"""``damon compare`` under the kernels of the lab: what each primitive sees there, and its cost.

    python bench/lab_compare.py --kernel .vm/debian-6.12 --kernel .vm/lab -n 3 -s small-hot \\
        -s writes -o lab.json -o lab.md

Boots each kernel (all of .vm, if none is given) in a VM with two NUMA nodes and runs all contenders
that any kernel can have; one that a kernel lacks is shown with the reason.  Prints a JSON line a
contender; -o keeps everything that damon compare said (.json), or tables (.md).  What stands behind
-- goes to damon compare: other contenders, and intervals.  At its default intervals no window may
fit into a scenario, as emulation makes a look dear, and then nothing is known of accuracy.

Processors are emulated: only figures of one run mean something, and of times only their ratios.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from damon_core.comparison.figures import FIGURES

ROOT = Path(__file__).resolve().parents[1]

CONTENDERS = (
    "accessed_bit:mechanism=bpf",
    "accessed_bit:mechanism=bpf,flush=always",
    "accessed_bit:mechanism=page_idle",
    "accessed_bit:mechanism=cold",
    "accessed_bit:mechanism=smaps",
    "page_fault:mechanism=wp_async,inject=yes",
    "page_fault:mechanism=hint_faults,enable_numa_balancing=yes",
    "page_fault:mechanism=first_touch",
)
"""``flush=always`` is a flush where there are no soft-dirty bits, and dear where there are."""

SCRIPT = """
uname -r
cd /proc/sys
echo 1 >vm/overcommit_memory
[ ! -e kernel/numa_balancing ] || echo 0 >kernel/numa_balancing
exec "$@"
"""


def main() -> int:
    """1 if a kernel could not be asked, 2 if what was asked cannot be."""
    args = parse(sys.argv[1:])
    kernels = args.kernel or sorted(path.parent for path in (ROOT / ".vm").glob("*/vmlinuz"))
    if not kernels:
        skipped = f"no kernel in {ROOT / '.vm'}: tools/vm-kernels fetches some"
        print(json.dumps({"bench": "lab_compare", "skipped": skipped}))
        return 0
    answers = {}
    for kernel in kernels:
        answer = compare(kernel, args)
        if answer is not None:
            answers[kernel.name] = answer
            tell(kernel.name, answer)
            for path in args.output:  # after each kernel: the next may take an hour
                path.write_text(text_of(answers, path.suffix))
    return 0 if len(answers) == len(kernels) else 1


def parse(argv: list[str]) -> argparse.Namespace:
    """What was asked for; ends the program for what cannot be."""
    end = argv.index("--") if "--" in argv else len(argv)
    argv, tail = argv[:end], argv[end + 1 :]
    if not any(word.startswith("--primitive") for word in tail):
        tail = [*(f"--primitive={contender}" for contender in CONTENDERS), *tail]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--kernel", type=Path, action="append", default=[], help="folder of .vm; several may be")
    add("-s", "--scenario", action="append", default=[], help="of damon compare (small-hot)")
    add("-n", "--repetitions", default="1", help="rounds (1)")
    add("-o", "--output", type=Path, action="append", default=[], help=".json or .md")
    add("--numa", default="2", help="NUMA nodes (2)")
    add("--mem", default="3G", help="memory of the guest (3G, which is enough for all scenarios)")
    add("--timeout", default="7200", help="seconds until a guest is ended (7200)")
    args = parser.parse_args(argv)
    for kernel in args.kernel:
        if not (kernel / "vmlinuz").is_file():
            parser.error(f"--kernel {kernel}: no vmlinuz in it: tools/vm-kernels fetches kernels")
    for path in args.output:
        if path.suffix not in (".json", ".md"):
            parser.error(f"-o {path}: expected a name that ends in .json or .md")
        try:
            path.open("a").close()
        except OSError as error:
            parser.error(f"-o {path}: {error.strerror}")
    args.tail = tail
    return args


def compare(kernel: Path, args: argparse.Namespace) -> dict[str, Any] | None:
    """The release and what damon compare said; None, and why on stderr, if it could not."""
    vmrun = [str(ROOT / "tools" / "vmrun"), "--kernel", str(kernel), "--mem", args.mem]
    vmrun += ["--numa", args.numa, "--timeout", args.timeout]
    vmrun += [f"--see={directory}" for directory in (sys.prefix, ROOT)]
    damon = [sys.executable, "-m", "damon_core", "compare", "--json", "-n", args.repetitions]
    damon += [f"--scenario={name}" for name in args.scenario or ["small-hot"]]
    print(f"lab_compare: {kernel.name}", file=sys.stderr, flush=True)
    run = subprocess.run(
        [*vmrun, "--", "sh", "-c", SCRIPT, "sh", *damon, *args.tail],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    release, _, comparison = run.stdout.partition("\n")
    if not comparison:
        print(f"lab_compare: {kernel.name}: not compared, see above", file=sys.stderr)
        return None
    return {"release": release, "nodes": int(args.numa), **json.loads(comparison)}


def tell(kernel: str, answer: dict[str, Any]) -> None:
    """A line for each contender in each scenario: the medians."""
    for scenario in answer["scenarios"]:
        for cell in scenario["contenders"]:
            line = {"bench": "lab_compare", "kernel": kernel, "scenario": scenario["scenario"]}
            line |= {"contender": cell["contender"]}
            line |= {"skipped": cell["skipped"]} if cell["skipped"] else {}
            for key, figure in cell["figures"].items():
                if figure is not None:
                    line[key] = round(figure["median"], 4)
            print(json.dumps(line), flush=True)


def text_of(answers: dict[str, dict[str, Any]], suffix: str) -> str:
    """What a file is to hold."""
    if suffix == ".json":
        return json.dumps(answers, indent=1) + "\n"
    return "\n".join(
        line
        for kernel, answer in answers.items()
        for scenario in answer["scenarios"]
        for line in table(f"{kernel} ({answer['release']})", scenario)
    )


def table(kernel: str, scenario: dict[str, Any]) -> list[str]:
    """A table of one scenario in Markdown: least to largest, where rounds differ."""
    cells = [cell for cell in scenario["contenders"] if cell["trials"]]
    shown = [one for one in FIGURES if any(cell["figures"][one.key] for cell in cells)]
    lines = [f"## {scenario['scenario']} on {kernel}", "", scenario["summary"], ""]
    if cells:
        lines += [f"| contender | {' | '.join(figure.title for figure in shown)} |"]
        lines += [f"|---|{'---|' * len(shown)}"]
    for cell in cells:
        texts = []
        for figure in shown:
            spread = cell["figures"][figure.key]
            ends = {figure.format(spread[end]): None for end in ("low", "high")} if spread else "-"
            texts.append(" to ".join(ends))
        lines.append(f"| {cell['contender']} | {' | '.join(texts)} |")
    lines += [""] if cells else []
    skipped = [cell for cell in scenario["contenders"] if cell["skipped"]]
    lines += [f"- {cell['contender']}: not compared: {cell['skipped']}" for cell in skipped]
    return [*lines, ""]


if __name__ == "__main__":
    sys.exit(main())
