"""The page-fault primitive of damon-core; ``cooperate()`` lets monitors watch this process."""

from .cooperation import cooperate

__all__ = ["cooperate"]
