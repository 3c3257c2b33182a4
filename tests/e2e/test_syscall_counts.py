"""System calls cost more than anything else that the relay does. Their number per round trip, per MiB and per connection
must not grow unnoticed. tests/bench/counts.json has the last counts (`make counts` writes it again, if a change is worth more
calls). No test measures times."""
import json
import sys

import pytest
from support.shim import BUILD, ROOT

sys.path.append(str(ROOT / "tests" / "bench"))

import counts  # noqa: E402
from contenders import BenchServer, Build, Shim  # noqa: E402

# How many more calls we allow: a factor, and a number. In a bulk transfer the scheduler decides how the bytes fall into reads,
# so the count differs from run to run. One more call for each of the 64 records of a MiB would be noticed.
ROOM = {"round trip": (1.1, 0), "MiB down": (1.4, 24), "MiB up": (1.4, 24), "connection": (1.1, 0)}


@pytest.fixture(scope="module")
def server():
    Build.folder = BUILD.resolve()
    with BenchServer() as running:
        yield running


@pytest.mark.parametrize("unit", counts.UNITS)
def test_system_calls_do_not_grow(unit, server, tmp_path):
    recorded = json.loads(counts.RECORD.read_text())[unit]["system calls"]
    with Shim(server.target) as shim:
        counted = counts.system_calls(unit, shim, tmp_path)
    for who, calls in counted.items():
        total, then = (sum(count for call, count in each.items() if call not in {"all", *counts.WAITING})
                       for each in (calls, recorded[who]))
        factor, more = ROOM[unit]
        assert total <= then * factor + more, (f"{who}: {total:.1f} system calls a {unit}, {then:.1f} when last counted\n"
                                f"now:  {calls}\nthen: {recorded[who]}")
