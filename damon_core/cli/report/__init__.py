"""``damon report``: what a recording says, on the terminal."""

from __future__ import annotations

import click

from ..lazy_group import LazyGroup

_KINDS = {
    "access": "Regions of a snapshot: address, size, access rate, age, accessed bytes, hits.",
    "diff": "What became hotter or colder from one recording to another.",
    "footprint": "Resident memory beside the working set, as percentiles over the snapshots.",
    "heatmap": "Time by address, with the access rate as shades.",
    "holistic": "One page of everything: heatmap, memory in use and held, hottest mappings.",
    "nr_regions": "How many regions there were, and how large, as percentiles.",
    "record_info": "What was recorded: when, of whom, by what, at which cost, with which losses.",
    "wss": "Working set size: how many bytes were in use, as percentiles.",
}


@click.group(cls=LazyGroup, package=__name__, modules=_KINDS)
def report() -> None:
    """Show what a recording says."""
