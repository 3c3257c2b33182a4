"""The first connection of a process, on a path with a round trip of 20 ms. One program begins with its password, so the
relay first asks the server a question of its own, which costs one more round trip. The other asks for the server's
capabilities first, as most programs do.

Works without netem: delay.c delays every packet, the TCP handshake included, on a TUN device in its own network namespace.
Needs root. We run this file as a separate program in `unshare --net`."""
import contextlib
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ONE_WAY = 10  # ms
HERE, FAR = "10.77.0.1", "10.77.0.2"


def first_connection(build, quick):
    """Milliseconds from connect() to the reply to the first command after TLS, for each first command; None if we cannot
    measure it."""
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        return None
    done = subprocess.run(["unshare", "--net", "/usr/bin/python3", __file__, str(build), str(int(quick))],
                          stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


@contextlib.contextmanager
def delay(program):
    """Keeps the path up: a connection to FAR reaches HERE, delayed."""
    process = subprocess.Popen([program, "retrotls0", str(ONE_WAY)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)
    try:
        if process.stdout.readline() != "ready\n":
            raise AssertionError("no TUN device")
        for command in ("link set lo up", f"address add {HERE}/24 dev retrotls0", "link set retrotls0 up"):
            subprocess.run(["ip", *command.split()], check=True)
        yield
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def main(build, quick):
    from contenders import BenchServer, Build, Native, Plain, Shim, Socat, Stunnel, Target
    from measures import in_turns, median_of, paired, run, started
    Build.folder = Path(build)
    with delay(Build.program("delay")), BenchServer(HERE):
        far = Target(FAR, 10143, 10993)
        with started((Plain, Native, Shim, Stunnel, Socat), far) as contenders:
            result = {}
            for name, what in ("LOGIN first", "first"), ("CAPABILITY first", "first-asking"):
                runs = in_turns(contenders, 2 if quick else 25, lambda c, what=what: run(c, what))
                result[name] = {
                    "ms": median_of(runs, lambda r: r.seconds * 1000),
                    "over native's": paired(runs, "retrotls", "native", lambda r: r.seconds) - 1,
                    "round trips": statistics.median(r.seconds * 1000 for r in runs["native"]) / (2 * ONE_WAY)}
    print(json.dumps(result))


if __name__ == "__main__":
    sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "e2e")]
    main(sys.argv[1], sys.argv[2] == "1")
