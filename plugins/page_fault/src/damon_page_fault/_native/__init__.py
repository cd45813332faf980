"""The C half of the primitive, through cffi; the sources lie beside this file."""

from ._ffi import ffi, lib

__all__ = ["ffi", "lib"]
