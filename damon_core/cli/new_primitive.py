"""``damon new-primitive``: a package with a primitive that works, to be made into another."""

from __future__ import annotations

import re
from pathlib import Path

import click

from ..errors import ConfigError

TEMPLATE = Path(__file__).parent.parent / "template"
"""A whole distribution, of the primitive ``first_touch``; its name is written in three ways."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def spellings(name: str) -> dict[str, str]:
    """How the template's name is written, and how a primitive's name is written there instead."""
    words = name.split("_")
    return {
        "first_touch": name,
        "first-touch": "-".join(words),
        "FirstTouch": "".join(word.capitalize() for word in words),
    }


def check_name(name: str) -> None:
    """ConfigError for a name that YAML, Python and pip could not all use, or that is taken."""
    from ..catalogue import DISTRIBUTIONS, declarations

    if not _NAME.fullmatch(name) or len(name) > 50:
        raise ConfigError(
            f"name {name!r}: wanted are small letters, digits and single underscores, "
            "such as my_eyes, at most 50"
        )
    cls = spellings(name)["FirstTouch"]
    taken = {"core", *DISTRIBUTIONS, *(declared.name for declared in declarations())}
    if name in taken or (name != "first_touch" and re.search(rf"\b{cls}\b", _source())):
        raise ConfigError(f"name {name} is taken, or the name of its class, {cls}: choose another")


def write_package(name: str, folder: Path) -> list[Path]:
    """Write the package of the primitive ``name`` into a new folder; its files. ConfigError."""
    check_name(name)
    if folder.exists():
        raise ConfigError(f"{folder} is there already: choose another folder with --output")
    written = []
    for source in sorted(TEMPLATE.rglob("*")):
        inside = source.relative_to(TEMPLATE)
        if source.is_dir() or "__pycache__" in inside.parts:
            continue
        path = folder / _renamed(str(inside), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_renamed(source.read_text(), name))
        written.append(path)
    return written


def _source() -> str:
    return (TEMPLATE / "damon_first_touch.py").read_text()


def _renamed(text: str, name: str) -> str:
    for old, new in spellings(name).items():
        text = text.replace(old, new)
    return text


@click.command("new-primitive")
@click.argument("name")
@click.option(
    "-o", "--output", metavar="FOLDER", type=Path, help="The folder to make; default: damon-NAME."
)
def new_primitive(name: str, output: Path | None) -> None:
    """Make a package with a new primitive, which works and keeps the contract.

    NAME is its name in YAML. It is made of small letters, digits and underscores. The package has
    the primitive in one file of Python, its tests, a README to be filled in, and what pip and tox
    need.
    """
    check_name(name)
    folder = output or Path(f"damon-{spellings(name)['first-touch']}")
    for path in write_package(name, folder):
        click.echo(path)
    click.echo(
        f"damon: {folder} is a primitive that works: make its _look see what yours shall see, and "
        f"say in README.md what it does not see. Test it: pip install -e '{folder}[test]' && "
        f"pytest {folder}",
        err=True,
    )
