"""Configuration files: any bytes are a configuration, which its own text says again, or an error.

python fuzz/py/config.py [SECONDS [FILE]]
"""

from __future__ import annotations

from contextlib import suppress

from _harness import ROOT, as_file, fuzz

from damon_core.config import ConfigFile
from damon_core.config.damo import read_damo
from damon_core.config.text import config_text
from damon_core.errors import ConfigError

KDAMONDS = b"""{"kdamonds": [{"contexts": [{"ops": "vaddr", "targets": [{"pid": 42, "regions": []}],
"intervals": {"sample_us": "5 ms", "aggr_us": "100 ms", "ops_update_us": "1 s"},
"nr_regions": {"min": "10", "max": "1,000"}, "schemes": []}]}]}"""


def check(content: bytes) -> None:
    try:
        config = ConfigFile.parse(content, "f.yaml").resolve()
    except ConfigError as error:
        assert str(error).startswith("f.yaml"), str(error)
    else:
        text = config_text(config)
        again = ConfigFile.parse(text.encode(), "again.yaml").resolve()
        assert config_text(again) == text
    with as_file(content) as (_, path), suppress(ConfigError):
        read_damo(path)


def seeds() -> list[bytes]:
    return [KDAMONDS, *(path.read_bytes() for path in sorted(ROOT.glob("examples/*.yaml")))]


if __name__ == "__main__":
    fuzz("config", check, seeds())
