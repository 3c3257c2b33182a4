"""The README's table of the clients that we have seen work."""
import json
import re

from .registry import ALL, PROGRAMS, version
from .style import COLUMNS

BEGIN, END = "<!-- clients: made by `make clients` -->\n", "<!-- end of clients -->\n"


def programs_tried():
    """{program: its protocols}"""
    return {program: sorted({c.protocol.upper() for c in ALL if c.program == program}) for program in PROGRAMS}


def make(folder):
    """The table, of what the tests left in `folder`; asserts that all sessions of each client were good."""
    lines = [f"| program | version | protocols | {' | '.join(COLUMNS)} |", "| --- " * (3 + len(COLUMNS)) + "|"]
    for program, protocols in programs_tried().items():
        styles = []
        for client in (c for c in ALL if c.program == program):
            name = f"{client.protocol}-{client.name}"
            missing = [what for what in ("LD_PRELOAD", "retrotls", "clear") if not (folder / f"{name}.{what}").exists()]
            assert not missing, f"{name} did not work: {missing}"
            styles.append(json.loads((folder / f"{name}.style").read_text()))
        cells = [", ".join(dict.fromkeys(what for style in styles for what in style[column])) or "-" for column in COLUMNS]
        lines.append(f"| {program} | {version(program)} | {', '.join(protocols)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def put(readme, table):
    """The README with the table in its place."""
    before, _, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, "README.md has no place for the table"
    return before + BEGIN + "\n" + table + "\n" + END + after


def programs_in(readme):
    table = readme.partition(BEGIN)[2].partition(END)[0]
    rows = re.findall(r"^\| ([^|]+) \| [0-9][^|]* \| ([A-Z0-9, ]+) \|", table, re.M)
    return {program: protocols.split(", ") for program, protocols in rows}
