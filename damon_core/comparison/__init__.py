"""Primitives side by side: the same workload under each, against the truth and unmonitored."""
