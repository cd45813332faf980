"""A page of HTML with everything in it: the heatmap to zoom into, without any network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from .colors import ON_DARK, ON_LIGHT
from .packing import pack
from .plates import Plates
from .text import printable, target_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..record_names import TargetNames
    from .measure import Measure
    from .outline import Snapshots
    from .plates import Plate

_WEB = Path(__file__).parent / "web"
_SCRIPTS = ("data", "axis", "view", "paint", "frame", "input", "lines", "main")
_MAX_NAMES = 2000


@frozen
class Page:
    """The page as text; a notebook shows it in a frame of its own."""

    html: str = field(repr=False)

    def save(self, path: str | Path) -> None:
        """Write it as a file that any browser opens."""
        Path(path).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        source = html.escape(self.html, quote=True)
        return (
            f'<iframe srcdoc="{source}" sandbox="allow-scripts" title="heatmap" '
            'style="width:100%;height:760px;border:0"></iframe>'
        )


def page_of(
    snapshots: Snapshots,
    names: Sequence[TargetNames] = (),
    *,
    title: str = "Heatmap",
    about: str = "",
    measure: str = "samples",
    nr_rows: int = 2000,
    nr_columns: int = 1000,
    fold: bool = True,
) -> Page:
    """The page of a recording that has snapshots.

    At most ``nr_rows`` of time and about ``nr_columns`` of addresses, those shared out to the
    targets.  ``about``: a line below the title.  ``measure``: what it shows first.  LookupError if
    no snapshot has a region, or the measure.
    """
    plates = Plates.of(snapshots, names, nr_rows=nr_rows, nr_columns=nr_columns, fold=fold)
    first = plates.number_of(measure)
    for snapshot in snapshots:
        plates.add(snapshot)
    return page_with({**page_data(plates, title, about), "first": first})


def page_data(plates: Plates, title: str, about: str = "") -> dict[str, Any]:
    """What the page's script reads, as JSON has it; addresses are hexadecimal, as too large."""
    return {
        "title": printable(title),
        "about": printable(about),
        "by": plates.caption.by,
        "pace": plates.caption.pace,
        "startMs": plates.rows.start_ns / 1e6,
        "rowS": plates.rows.row_ns / 1e9,
        "nrRows": plates.rows.nr,
        "nrLeftOut": plates.nr_left_out,
        "first": 0,
        "ramps": {"dark": ON_DARK, "light": ON_LIGHT},
        "measures": [_measure_data(measure) for measure in plates.measures],
        "targets": [_plate_data(plates, plate) for plate in plates.plates],
    }


def _measure_data(measure: Measure) -> dict[str, Any]:
    return {
        "key": printable(measure.key),
        "label": printable(measure.label),
        "unit": measure.unit,
        "percent": measure.percent,
        "power": measure.power,
    }


def _plate_data(plates: Plates, plate: Plate) -> dict[str, Any]:
    grids = []
    for measure in plates.measures:
        packed = pack(plates.heat(plate, measure), 2 if measure.percent else 4)
        hidden = round(plates.hidden(plate, measure), 4)
        grids.append({**asdict(packed), "hidden": hidden})
    labels = plate.axis.labels(plate.names)[:_MAX_NAMES]
    return {
        "index": plate.target.index,
        "name": target_text(plate.target),
        "nrColumns": len(plate.columns),
        "bands": [
            [
                f"{band.range.start:x}",
                f"{band.range.end:x}",
                int(band.folded),
                band.first,
                band.nr,
                round(band.low, 7),
                round(band.high, 7),
            ]
            for band in plate.axis.bands
        ],
        "labels": [[round(label.low, 7), round(label.high, 7), label.text] for label in labels],
        "grids": grids,
    }


def page_with(data: dict[str, Any]) -> Page:
    """The page that shows such data."""
    style = (_WEB / "page.css").read_text("utf-8")
    script = "\n".join((_WEB / f"{name}.js").read_text("utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}\n}})();\n'
    # Names come from strangers; no text of theirs may end the element it stands in.
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    parts = {
        "@title@": html.escape(data["title"]),
        "@style@": style,
        "@style-hash@": _hash(style),
        "@script@": script,
        "@script-hash@": _hash(script),
        "@data@": text,
    }
    page = (_WEB / "page.html").read_text("utf-8")
    return Page(re.sub(r"@[a-z-]+@", lambda mark: parts[mark.group()], page))


def _hash(text: str) -> str:
    """As a content security policy names an inline script or style."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
