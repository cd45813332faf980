"""The page-fault primitive of damon-core."""
