"""Packs the inputs of a harness into its archive, and unpacks them.

``python fuzz/corpus.py pack|unpack TARGET FOLDER``
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
THE_PAST = (1980, 1, 1, 0, 0, 0)  # the same inputs give the same archive


def pack(target: str, folder: Path) -> None:
    """All files of a folder, once each, named after what is in them."""
    contents = {path.read_bytes() for path in folder.iterdir()}
    CORPUS.mkdir(exist_ok=True)
    with zipfile.ZipFile(CORPUS / f"{target}.zip", "w", zipfile.ZIP_LZMA) as archive:
        for content in sorted(contents, key=lambda one: (len(one), one)):
            name = hashlib.sha256(content).hexdigest()[:12]
            archive.writestr(zipfile.ZipInfo(name, THE_PAST), content, zipfile.ZIP_LZMA)


def unpack(target: str, folder: Path) -> None:
    """One file for each input."""
    with zipfile.ZipFile(CORPUS / f"{target}.zip") as archive:
        archive.extractall(folder)


def main() -> None:
    """Do what the arguments say."""
    verb, target, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    {"pack": pack, "unpack": unpack}[verb](target, folder)


if __name__ == "__main__":
    main()
