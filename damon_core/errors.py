"""The errors a user can meet; each names the thing, what came, what was wanted, what next."""

from typing import ClassVar


class DamonError(Exception):
    """Base of every error that the command line prints as one line."""

    exit_code: ClassVar[int] = 2


class ConfigError(DamonError):
    """A configuration file or option that does not say what it must."""


class PrimitiveError(DamonError):
    """A primitive that is missing, broken, or not usable for what was asked."""


class TargetError(DamonError):
    """A target that does not exist, may not be seen, or has no user memory."""


class RecordError(DamonError):
    """A recording that cannot be read, or could not be written."""


class WorkloadError(DamonError):
    """A workload description that cannot be run."""


class PlotError(DamonError):
    """A picture that cannot be made: a library is missing, or its kind or place is wrong."""


class RunError(DamonError):
    """A run that started well and failed on the way."""

    exit_code = 1


def one_line(error: BaseException) -> str:
    """The error's type and message in one line of at most 300 characters; never raises."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its message cannot be shown)"
    name = type(error).__name__
    text = f"{name}: {text}" if text else name
    return text if len(text) <= 300 else text[:297] + "..."
