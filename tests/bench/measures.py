"""The measures on the bench server. Each runs the load clients of all contenders in turns."""
import contextlib
import random
import statistics
import subprocess
from dataclasses import dataclass

from contenders import (BenchServer, Build, Native, Plain, Shim, Socat, Stunnel, cpu_seconds, private_memory)
from support import certs

TIMEOUT = 300  # seconds per run


@dataclass
class Run:
    seconds: float
    cpu: float  # CPU seconds of the program and its helpers
    program_memory: int  # private bytes
    helper_memory: int
    helper_memory_before: int


def run(contender, *measure, resume=False, prefix=()):
    """One run of the load client."""
    process = subprocess.Popen(
        [*prefix, contender.client(), contender.address, str(contender.port), certs.authority().pem,
         str(int(resume)), *map(str, measure)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={"PATH": "/usr/bin:/bin", "LANG": "C", **contender.environment()})
    try:
        if process.stdout.readline() != "ready\n":
            raise AssertionError(f"{contender.name}: the load client failed")
        before = contender.helpers()
        cpu_before = sum(map(cpu_seconds, before))
        memory_before = sum(map(private_memory, before))
        process.stdin.write("\n")
        process.stdin.flush()
        line = process.stdout.readline().split()
        if len(line) != 3:
            raise AssertionError(f"{contender.name}: the load client failed")
        helpers = contender.helpers()
        result = Run(float(line[0]), float(line[1]) + sum(map(cpu_seconds, helpers)) - cpu_before, int(line[2]),
                     sum(map(private_memory, helpers)), memory_before)
        process.stdin.close()
        if process.wait(TIMEOUT):
            raise AssertionError(f"{contender.name}: the load client failed at its end")
        return result
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@contextlib.contextmanager
def started(kinds, target):
    """Starts all contenders; yields them by name."""
    with contextlib.ExitStack() as stack:
        yield {kind.name: stack.enter_context(kind(target)) for kind in kinds}


def in_turns(contenders, rounds, one):
    """Runs each contender once per round, in random order. Returns {name: [what `one(contender)` returned]}."""
    results = {name: [] for name in contenders}
    for _ in range(rounds):
        for name in random.sample(list(contenders), len(contenders)):
            results[name].append(one(contenders[name]))
    return results


def median_of(runs, value):
    return {name: statistics.median(value(each) for each in several) for name, several in runs.items()}


def paired(runs, left, right, value):
    """Median over the rounds of value(left) / value(right)."""
    return statistics.median(value(a) / value(b) for a, b in zip(runs[left], runs[right]))


ALL = (Plain, Native, Shim, Stunnel, Socat)


def bulk(scale):
    """Bytes per second and CPU time, in both directions, 64 KiB at a time."""
    size = scale(1 << 30, 1 << 27)
    measured = {}
    with BenchServer() as server, started(ALL, server.target) as contenders:
        for direction in ("download", "upload"):
            runs = in_turns(contenders, scale(9, 2), lambda c, d=direction: run(c, d, size, 65536))
            cpu = {name: value for name, value in median_of(runs, lambda r: r.cpu / (size / 1e9)).items()}
            measured[direction] = {
                "MB/s": median_of(runs, lambda r: size / 1e6 / r.seconds),
                "CPU s/GB": cpu,
                "x stunnel": paired(runs, "stunnel", "retrotls", lambda r: r.seconds),
                "x native": paired(runs, "native", "retrotls", lambda r: r.seconds),
                "native x stunnel": paired(runs, "stunnel", "native", lambda r: r.seconds),
                "CPU of stunnel's": paired(runs, "retrotls", "stunnel", lambda r: r.cpu),
            }
    return measured


def round_trip(scale):
    """Microseconds for 64 bytes there and back."""
    count = scale(40000, 4000)
    with BenchServer() as server, started(ALL, server.target) as contenders:
        runs = in_turns(contenders, scale(15, 3), lambda c: run(c, "roundtrip", count))
    microseconds = median_of(runs, lambda r: r.seconds / count * 1e6)
    added = [(ours.seconds - native.seconds) / (stunnel.seconds - native.seconds) for ours, native, stunnel
             in zip(runs["retrotls"], runs["native"], runs["stunnel"])]
    return {"us": microseconds, "added of stunnel's": statistics.median(added)}


def start(scale):
    """Milliseconds for a program's first connection on this machine. With retrotls, starting the relay takes most of it."""
    with BenchServer() as server, started((Native, Shim, Stunnel), server.target) as contenders:
        runs = in_turns(contenders, scale(25, 3), lambda c: run(c, "first-asking"))
    return {"ms": median_of(runs, lambda r: r.seconds * 1000),
            "x native": paired(runs, "retrotls", "native", lambda r: r.seconds),
            "CPU of native's": paired(runs, "retrotls", "native", lambda r: r.cpu)}


def serial(scale):
    """Connections per second, one after another: TCP, greeting, STARTTLS, handshake, a command, LOGOUT."""
    count = scale(500, 50)
    rounds = scale(9, 2)
    result = {}
    with BenchServer() as server:
        with started(ALL, server.target) as contenders:
            contenders["native, resuming"] = contenders["native"]
            runs = {name: [] for name in contenders}
            for _ in range(rounds):
                for name in random.sample(list(contenders), len(contenders)):
                    runs[name].append(run(contenders[name], "serial", count, resume=name == "native, resuming"))
        result["tickets"] = median_of(runs, lambda r: count / r.seconds)
        result["x native"] = paired(runs, "native", "retrotls", lambda r: r.seconds)
        result["x native, resuming"] = paired(runs, "native, resuming", "retrotls", lambda r: r.seconds)
        result["x stunnel"] = paired(runs, "stunnel", "retrotls", lambda r: r.seconds)
        result["memory added"] = statistics.median(
            ours.program_memory - plain.program_memory for ours, plain in zip(runs["retrotls"], runs["plain"]))
        with started((Native, Shim, Stunnel), server.without_tickets) as contenders:
            runs = in_turns(contenders, rounds, lambda c: run(c, "serial", count))
        result["no tickets"] = median_of(runs, lambda r: count / r.seconds)
        result["x native, no tickets"] = paired(runs, "native", "retrotls", lambda r: r.seconds)
        result["x stunnel, no tickets"] = paired(runs, "stunnel", "retrotls", lambda r: r.seconds)
    return result


def open_at_once(scale):
    """Many connections at once through one relay or proxy."""
    count = scale(500, 50)
    rounds = scale(7, 2)
    with BenchServer() as server:
        with started((Shim, Stunnel, Socat), server.target) as contenders:
            runs = in_turns(contenders, rounds, lambda c: run(c, "open", count))
        with started((Shim, Stunnel), server.without_tickets) as contenders:
            full = in_turns(contenders, rounds, lambda c: run(c, "open", count))
    return {"a second": median_of(runs, lambda r: count / r.seconds),
            "KB each": median_of(runs, lambda r: (r.helper_memory - r.helper_memory_before) / count / 1000),
            "x stunnel": paired(runs, "stunnel", "retrotls", lambda r: r.seconds),
            "x stunnel, no tickets": paired(full, "stunnel", "retrotls", lambda r: r.seconds)}


def aside(scale):
    """The cost of the preload when there is nothing to guard."""
    with BenchServer() as server, Shim(server.target) as shim:
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C", "RETROTLS_POLICY": shim.environment()["RETROTLS_POLICY"]}
        preload = shim.environment()["LD_PRELOAD"]

        def numbers(*command, **more):
            done = subprocess.run([Build.program(command[0]), *command[1:]], env={**environment, **more}, check=True,
                                  stdout=subprocess.PIPE, text=True, timeout=TIMEOUT)
            return [float(word) for word in done.stdout.split()]

        repeats = scale(5, 1)
        read = [numbers("paired", "read", LD_PRELOAD=preload) for _ in range(repeats)]
        connect = [numbers("paired", "connect", LD_PRELOAD=preload) for _ in range(repeats)]
        start = [numbers("spawn", scale("1000", "100"), f"LD_PRELOAD={preload}", "/bin/true") for _ in range(repeats)]
        error = numbers("paired", "read"), numbers("paired", "connect")
    median = statistics.median
    return {"read": {"ns without": median(r[1] for r in read), "ns added": median(r[2] for r in read),
                     "ns error": error[0][2]},
            "connect": {"us without": median(c[1] for c in connect) / 1000,
                        "% added": median(c[2] / c[1] for c in connect) * 100,
                        "% error": error[1][2] / error[1][1] * 100},
            "start": {"ms without": median(s[1] for s in start) / 1000,
                      "ms added": median(s[2] for s in start) / 1000}}
