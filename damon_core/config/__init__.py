"""Configuration files: reads them, checks them, and fits their parts together."""

from __future__ import annotations

from .context import Config, ContextConfig, RecordConfig, TargetConfig, TargetMatch
from .file import ConfigFile, load_config

__all__ = [
    "Config",
    "ConfigFile",
    "ContextConfig",
    "RecordConfig",
    "TargetConfig",
    "TargetMatch",
    "load_config",
]
