#!/usr/bin/python3
"""Counts that do not depend on the machine: system calls and instructions per round trip, per MiB and per connection, of
the program and of the relay.

counts.py [--build FOLDER]    measures everything and writes counts.json; tests/e2e/test_syscall_counts.py compares the
                              system calls with it

We count twice, with less and with more to do, and divide the difference by the additional work."""
import argparse
import collections
import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
RECORD = FOLDER / "counts.json"
MIB = 1 << 20

# name: (measure of the load client, its size argument, less, more, units in the difference)
UNITS = {
    "round trip": ("roundtrip", (), 400, 1200, 900),  # an eighth more: the client warms up
    "MiB down": ("download", (65536,), 64 * MIB, 128 * MIB, 72),
    "MiB up": ("upload", (65536,), 64 * MIB, 128 * MIB, 72),
    "connection": ("serial", (), 10, 40, 30),
}


# How often a process waits, and how often it looks in vain for data, depends on how busy the machine is.
WAITING = {"epoll_wait", "poll", "ppoll", "futex"}


def _processes(trace):
    """{"program" or "relay": Counter of system calls} of a trace by strace -f, without the calls that got EAGAIN."""
    role = {}
    counts = {"program": collections.Counter(), "relay": collections.Counter()}
    # strace may print the return of a clone after the child's first call, so we look up all parents first.
    text = Path(trace).read_text(errors="replace").splitlines()
    parent = {}
    for line in text:
        if match := re.match(r"(\d+) +(?:<\.\.\. )?(?:clone3?|v?fork)\b.*= (\d+)$", line):
            parent[match.group(2)] = match.group(1)
    relay = {match.group(1) for line in text
             if (match := re.match(r'(\d+) +execve\("[^"]*/retrotls-relay"', line))}

    def is_relay(pid):
        while pid is not None:
            if pid in relay:
                return True
            pid = parent.get(pid)
        return False
    for line in text:
        match = re.match(r"(\d+) +(<\.\.\. )?([a-z_0-9]+)(?:\(| resumed>)", line)
        if match:
            pid, resumed, call = match.groups()
            if pid not in role:
                role[pid] = "relay" if is_relay(pid) else "program"
            counts[role[pid]][call] += (not resumed) - ("= -1 EAGAIN" in line)
    return counts


def system_calls(unit, contender, folder):
    """{"program" or "relay": {system call: number per unit}}."""
    from measures import run
    measure, size, less, more, units = UNITS[unit]
    traced = []
    for amount in (less, more):
        trace = Path(folder) / f"trace-{amount}"
        # On one processor the relay does not poll for the next message before it sleeps: how often it polls depends on time.
        run(contender, measure, amount, *size, prefix=("/usr/bin/taskset", "-c", str(min(os.sched_getaffinity(0))),
                                                       "/usr/bin/strace", "-f", "-qq", "-s", "0", "-e", "signal=none",
                                                       "-o", str(trace)))
        traced.append(_processes(trace))
    return {who: {call: round((traced[1][who][call] - traced[0][who][call]) / units, 3)
                  for call in sorted(traced[1][who]) if traced[1][who][call] != traced[0][who][call]}
            for who in ("program", "relay")}


@contextlib.contextmanager
def _under_callgrind(folder):
    """Makes a build folder whose relay runs under valgrind. Yields that folder, where valgrind writes the relay's count."""
    from contenders import Build
    real = Build.folder.resolve()
    fake = Path(folder) / "build"
    fake.mkdir()
    shutil.copy(real / "libretrotls.so", fake)
    (fake / "bench").symlink_to(real / "bench")
    output = fake / "callgrind.out"
    relay = fake / "retrotls-relay"
    relay.write_text(f"#!/bin/sh\nexec /usr/bin/valgrind -q --tool=callgrind --callgrind-out-file={output}.%p "
                     f"{real}/retrotls-relay \"$@\"\n")
    relay.chmod(0o755)
    Build.folder = fake
    try:
        yield fake
    finally:
        Build.folder = real


def _instructions(files):
    """The sum of the files' instructions; None while a file is incomplete, or if there are none."""
    totals = [re.search(r"^totals: (\d+)", file.read_text(), re.M) for file in files]
    return sum(int(total.group(1)) for total in totals) if totals and all(totals) else None


def instructions(unit, target, folder):
    """{"program" or "relay": instructions per unit}."""
    from contenders import Shim
    from measures import run
    from support.wait import wait_for
    measure, size, less, more, units = UNITS[unit]
    counted = []
    for amount in (less, more):
        with tempfile.TemporaryDirectory(dir=folder) as place, _under_callgrind(place) as build, Shim(target) as shim:
            program = build / "program"
            # valgrind itself needs system calls that the relay's sandbox forbids.
            run(shim, measure, amount, *size, prefix=(
                "/usr/bin/env", "RETROTLS_SANDBOX=off", "/usr/bin/valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={program}"))
            relay = wait_for(lambda: _instructions(build.glob("callgrind.out.*")), "the relay to end", 60)
            counted.append({"program": _instructions([program]), "relay": relay})
    return {who: round((counted[1][who] - counted[0][who]) / units) for who in ("program", "relay")}


def measure_all():
    from contenders import BenchServer, Shim
    result = {}
    with tempfile.TemporaryDirectory(prefix="retrotls-counts-") as folder, BenchServer() as server:
        for unit in UNITS:
            with Shim(server.target) as shim:
                calls = system_calls(unit, shim, folder)
            result[unit] = {"system calls": {who: {"all": round(sum(each.values()), 2), **each}
                                             for who, each in calls.items()},
                            "instructions": instructions(unit, server.target, folder)}
    return result


def main():
    sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "e2e")]
    from contenders import Build
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    Build.folder = parser.parse_args().build.resolve()
    RECORD.write_text(json.dumps(measure_all(), indent=1) + "\n")
    print(RECORD.read_text(), end="")


if __name__ == "__main__":
    main()
