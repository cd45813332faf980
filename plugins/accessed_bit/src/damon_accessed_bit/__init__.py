"""The accessed-bit primitive of damon-core."""
