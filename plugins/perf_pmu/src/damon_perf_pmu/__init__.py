"""The PMU primitive of damon-core: accesses that perf events sample."""
