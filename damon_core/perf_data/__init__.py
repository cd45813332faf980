"""Recordings of perf: reads perf.data files and the text of ``perf script``, and trusts neither."""
