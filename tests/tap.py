"""Reads what cmocka's programs print with CMOCKA_MESSAGE_OUTPUT=TAP (the Test Anything Protocol)."""
import re
from typing import NamedTuple


class Results(NamedTuple):
    passed: list  # the tests' names
    failed: list
    skipped: list


def read(output):
    """Sorts the tests of a program's output. A test that was skipped is "not ok" to cmocka 1.1.5."""
    results = Results([], [], [])
    for line in output.splitlines():
        found = re.match(r"(ok|not ok) \d+ (?:(- )|(# SKIP ))(.*)", line)
        if found:
            verdict, _, skip, name = found.groups()
            (results.skipped if skip else results.passed if verdict == "ok" else results.failed).append(name)
    return results
