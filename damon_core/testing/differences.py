"""Where the engine does not do as kernels, or the patches it started from, do; and why.

docs/generate.py makes docs/reference/differences.md of the table.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Difference:
    """One deliberate difference; ``vectors`` are the names of test vectors that show it."""

    subject: str
    kernel: str
    ours: str
    why: str
    vectors: tuple[str, ...] = ()


DELIBERATE_DIFFERENCES = (
    Difference(
        "Reports over a border",
        "A report that spans two regions is credited to none; one of size 0 on a border to both.",
        "A report is credited to every region that it overlaps; size 0 counts as no address.",
        "No access is lost because of where a border happens to be.",
        ("report_zero_size_trap",),
    ),
    Difference(
        "A full report buffer",
        "RFC v3 forgets all reports with the one that fills the array.",
        "Reports are drained once a sample; what a full ring refuses is counted as lost.",
        "No report is lost silently.",
        ("report_array_reset",),
    ),
    Difference(
        "Growth of a report ring",
        "The seed leaves one slot free and grows after an interval with size - 1 reports.",
        "Every slot is used; a ring grows after an interval in which it had to refuse a report.",
        "The same sizes, without a wasted slot.",
        ("seed_ring_growth", "seed_ring_growth_decision"),
    ),
    Difference(
        "Sample filters",
        "RFC v3: a rejecting filter decides at once, otherwise the last filter's allow does.",
        "The first filter that applies decides; if none does, the opposite of the last one's "
        "allow. A filter never applies to a report that cannot tell what it asks for.",
        "As DAMOS filters do; an unknown direction is not a read.",
        (
            "sample_filter_none",
            "sample_filter_allow_cpu0",
            "sample_filter_reject_all_but_cpu0",
            "sample_filter_allow_tid100",
            "sample_filter_read_only",
            "sample_filter_reject_tid200_then_write_only",
            "sample_filter_empty_tids_allow",
        ),
    ),
    Difference(
        "Primitives of a context",
        "RFC v3: exactly one of page table and page fault.",
        "One to eight, in any combination; a region is accessed when any of them says so.",
        "Primitives see different things.",
        ("primitives_valid",),
    ),
    Difference(
        "An event that cannot be opened",
        "The seed drops it silently, and falls back to page tables if none is left.",
        "The primitive's error keeps the context from starting.",
        "A recording must not be of something else than what was asked for.",
        ("seed_init_errno",),
    ),
    Difference(
        "Changing primitives online",
        "The seed's commit closes all events and opens the new ones.",
        "A commit changes attributes, filters and ranges; primitives stay for the run.",
        "Nothing unchanged is reopened, so no samples and no grown rings are lost.",
        ("seed_commit_order",),
    ),
    Difference(
        "Hits per source",
        "Probe hits are averaged when regions merge, and copied when one is split.",
        "Hits are reports: they add up, and are shared out by size.",
        "Their sum is the number of credited reports, whatever regions do.",
        ("merge_two", "split_at"),
    ),
    Difference(
        "Limits of weighted hits",
        "7.2: at most 255 samples a window, and sums of weights that fit into 32 bits.",
        "Hits are counted in 64 bits, without a limit.",
        "Memory for it is cheap in user space.",
        ("probe_params",),
    ),
    Difference(
        "Moving sum",
        "Kernels to 7.1 keep a running sum in basis points, which drifts.",
        "It is computed when it is asked for, as in newest kernels.",
        "Nothing is left over when a window ends.",
        ("moving_sum_v6", "moving_sum_v6_rounding_residue"),
    ),
    Difference(
        "First regions",
        "Kernels before 7.1 split ranges evenly at the start.",
        "Regions above the size limit of min_nr_regions are cut, at the start and after each "
        "merge, as in 7.1.",
        "min_nr_regions holds all the time.",
        ("split_evenly_0_100_0", "split_evenly_5_59_5", "split_evenly_4_6_1", "split_evenly_5_6_2"),
    ),
    Difference(
        "Processes with fewer than two gaps",
        "Without three ranges that do not touch, a process is not monitored at all.",
        "It is monitored as the one or two ranges that it has.",
        "Static and small programs, and large minimum regions, are real.",
        ("three_regions_no_gap", "three_regions_seed_exact_touch"),
    ),
    Difference(
        "Impossible minimum region size of a target",
        "The seed takes it as unset, with a message in the debug log.",
        "It is refused; leaving it out means the page size.",
        "A granularity that was asked for is kept or refused, never replaced.",
        ("seed_target_min_region_sz",),
    ),
    Difference(
        "Unit of addresses",
        "addr_unit multiplies physical addresses on some 32-bit machines.",
        "Addresses are bytes, in 64 bits, everywhere.",
        "Nothing is gained by another unit in user space.",
        ("paddr_addr_unit",),
    ),
    Difference(
        "Update interval",
        "Ranges of a process are looked at every 60 s by default.",
        "Every second, as damo asks for.",
        "New mappings and processes are to be seen soon.",
        ("defaults",),
    ),
    Difference(
        "Operations sets",
        "They are registered while the kernel runs, each once.",
        "There are three, built in.",
        "What can be added is how accesses are seen: primitives.",
    ),
    Difference(
        "Schemes",
        "DAMOS acts on regions, with quotas, address filters and apply intervals of its own.",
        "There are none; a snapshot comes at the end of each window, addresses are chosen by "
        "fixed ranges.",
        "This is a monitor: it leaves memory as it is.",
        ("addr_filter", "commit_quota_goal_metric_change", "selftest_apply_interval"),
    ),
    Difference(
        "Pausing",
        "A context can be paused by a commit.",
        "It is ended and started again.",
        "A recording has no holes that a reader must know of.",
        ("commit_ctx_pause",),
    ),
    Difference(
        "Removing targets",
        "A commit marks targets as obsolete.",
        "Targets are processes that a selector finds; they leave by ending.",
        "Which processes there are is for the machine to say.",
        ("commit_targets_obsolete",),
    ),
    Difference(
        "Stale reports",
        "Older than the nominal sampling interval, counted from now.",
        "Older than the previous drain, if the report carries an exact time.",
        "Real intervals are longer than nominal ones; early reports would be lost.",
        ("report_staleness",),
    ),
    Difference(
        "Targets that have ended",
        "A zombie is a valid target; a dead target ages among live ones until the end.",
        "A target ends with its process, is shown in one more snapshot, and is then dropped.",
        "Its memory is gone, and its pid may soon be somebody else's.",
        ("dead_target_among_live",),
    ),
    Difference(
        "When a commit takes effect",
        "At a window's end before the snapshot is taken, with counts converted.",
        "After the snapshot.",
        "A snapshot never mixes intervals.",
    ),
)


def page() -> str:
    """docs/reference/differences.md."""
    lines = [
        "# Where damon-core differs from the kernel's DAMON",
        "",
        "<!-- Made by docs/generate.py from damon_core/testing/differences.py;"
        " change it there. -->",
        "",
        "The rules are those of the newest kernels, with these deliberate differences.",
    ]
    for each in DELIBERATE_DIFFERENCES:
        lines += [
            f"## {each.subject}",
            "",
            f"- Kernel: {each.kernel}",
            f"- damon-core: {each.ours}",
            f"- Why: {each.why}",
        ]
        if each.vectors:
            lines.append(f"- Vectors: {', '.join(f'`{name}`' for name in each.vectors)}")
        lines.append("")
    return "\n".join(lines)
