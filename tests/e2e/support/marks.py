"""Marks of tests that not every machine can run. A file of its own, because `make demo` has no pytest."""
import pytest

from . import i386

executes_32_bit = pytest.mark.skipif(not i386.EXECUTED, reason=i386.NEEDS_THE_KERNEL)
