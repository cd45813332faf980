"""Programs of known memory accesses, as targets whose truth is known."""
