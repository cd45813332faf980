"""The live view: what is remembered of running contexts, and how it looks on a terminal."""
