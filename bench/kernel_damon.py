"""The kernel's own DAMON beside accessed_bit, for processes and for physical memory, in a VM.

Usage: kernel_damon.py [--kernel NAME] [--ops vaddr|paddr ...] [CASE ...].  On the host it boots a
kernel of .vm that has DAMON, once for each case and ops, and runs itself there; never on a host,
whose DAMON belongs to somebody else.  Emulated processors: only the ratios of one run mean much.

"regions": 16 MiB hot of 128 MiB, moved once; all at the same intervals, numbers of regions and
ranges (of paddr: the largest System RAM), in turns; precision and recall of the accessed regions of
the process in the second half of each phase, and the share of a CPU.  Of accessed_bit each
mechanism: bpf looks at every page, cold and page_idle at one page a region, as the kernel does.
"pages": what one look at every page costs per GiB, in CPU time: the kernel's with a region a page,
and in two parts by the clock, prepare_access_checks and check_accesses; a prepare and a check of
accessed_bit.  Of paddr, bpf sees all processes, so its cost is shared by what all have resident.
``of_series``: times 7 s and 5 s for 100 GB, which is what the kernel series on perf events reports
of its author's machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from _kernel_pages import pages
from _kernel_regions import regions
from _vm import in_guest, run_in_guest

from damon_core.model import Ops

TIMEOUT_S = 600


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", default="debian-6.12")
    parser.add_argument("--ops", nargs="+", choices=["vaddr", "paddr"], default=["vaddr", "paddr"])
    parser.add_argument("--rounds", type=int, default=1, help="of regions")
    parser.add_argument("--mib", type=int, default=64, help="of pages")
    parser.add_argument("cases", nargs="*", default=["regions", "pages"])
    args = parser.parse_args()
    if unknown := sorted({*args.cases} - {"regions", "pages"}):
        parser.error(f"no case {unknown[0]}: there are regions and pages")
    status = 0
    for case in args.cases:
        for ops in map(Ops, args.ops):
            if not in_guest():
                sizes = ["--rounds", str(args.rounds), "--mib", str(args.mib)]
                options = [case, "--ops", ops.value, *sizes]
                status |= run_in_guest(__file__, args.kernel, options, timeout_s=TIMEOUT_S)
                continue
            with tempfile.TemporaryDirectory() as name:
                if case == "regions":
                    regions(ops, Path(name), args.rounds)
                else:
                    pages(ops, Path(name), args.mib)
    return status


if __name__ == "__main__":
    sys.exit(main())
