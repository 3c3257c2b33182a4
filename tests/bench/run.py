#!/usr/bin/python3
"""Compares, in one run: retrotls, a program with its own TLS, stunnel, socat, plaintext.

run.py [--quick] [--record] [--build FOLDER]    (make bench; make bench QUICK=1; make bench RECORD=1)

Prints the table of ratios with their goals, and writes it to build/bench.json and as a chart to build/bench.svg. The runs
of a measure take turns in random order. A value is the median over the rounds; a ratio is the median of the ratios within
each round. Nothing is asserted. --record also writes the results into the README and next to this file."""
import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "e2e")]

import chart  # noqa: E402
import mail  # noqa: E402
import measures  # noqa: E402
import path  # noqa: E402
import table  # noqa: E402
from contenders import Build  # noqa: E402

BEGIN, END = "<!-- speed: made by `make bench RECORD=1` -->\n", "<!-- end of speed -->"


def machine(quick):
    processor = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("model name")), platform.machine())
    openssl = subprocess.run(["openssl", "version"], stdout=subprocess.PIPE, text=True).stdout.split()
    return {"processor": processor, "processors": os.cpu_count(), "kernel": platform.release(),
            "openssl": " ".join(openssl[:2]), "date": datetime.date.today().isoformat(), "quick": quick,
            "load at start": os.getloadavg()[0]}


def record(measured, about):
    """Writes the table into the README, between its two marks, and the numbers and the chart next to this file."""
    for name in ("bench.json", "bench.svg"):
        (FOLDER / name.replace("bench", "recorded")).write_text((Build.folder / name).read_text())
    readme = FOLDER.parent.parent / "README.md"
    before, begin, rest = readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    readme.write_text(f"{before}{begin}\n{table.markdown(measured, about)}\n\n{end}{after}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--only", action="append", help="a measure by its name; no table then")
    arguments = parser.parse_args()
    Build.folder = arguments.build.resolve()

    def scale(full, quick):
        return quick if arguments.quick else full

    steps = {
        "aside": measures.aside, "bulk": measures.bulk, "round trip": measures.round_trip, "start": measures.start,
        "serial": measures.serial, "open at once": measures.open_at_once,
        "first connection": lambda _: path.first_connection(Build.folder, arguments.quick),
        "mail": mail.all_loads,
    }
    about = machine(arguments.quick)
    measured = {}
    for name, step in steps.items():
        if arguments.only and name not in arguments.only:
            continue
        started = time.monotonic()
        measured[name] = step(scale)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    if arguments.only:
        return print(json.dumps(measured, indent=1))
    (Build.folder / "bench.json").write_text(json.dumps(
        {"machine": about, "rows": table.as_json(measured), "measures": measured}, indent=1) + "\n")
    (Build.folder / "bench.svg").write_text(chart.draw(measured, about))
    if arguments.record:
        record(measured, about)
    print(table.show(measured, about))
    print(f"\n{Build.folder}/bench.json\n{Build.folder}/bench.svg")


main()
