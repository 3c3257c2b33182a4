#!/usr/bin/python3
"""The platforms that retrotls has run on. The tests of other platforms write tests/platforms.json, one JSON object per line;
each new line also updates the README's table. Run by itself, this script makes the table again."""
import fcntl
import json
from pathlib import Path

RECORDED = Path(__file__).resolve().parent / "platforms.json"
README = RECORDED.parent.parent / "README.md"
FIELDS = ("distribution", "libc", "kernel", "architecture", "what", "result")
PLACE = FIELDS[:4]  # one row of the table for each
BEGIN = "<!-- platforms: made by `make roots`, `make kernels` and `make ports` -->\n"
END = "<!-- end of platforms -->\n"


def recorded():
    """All lines, as dicts."""
    return [json.loads(line) for line in RECORDED.read_text().splitlines()] if RECORDED.exists() else []


def subject(line):
    """The subject of a line: a later line with the same subject replaces it. The machine's kernel and a release's libc get
    updates, so they are not part of the subject. A simulated kernel is."""
    kernel = line["kernel"] if "simulated" in line["kernel"] else ""
    return line["architecture"] != "x86_64", line["architecture"], line["distribution"], kernel, line["what"]


def record(**line):
    """Adds a line, or replaces the one with the same subject, and updates the README's table."""
    assert tuple(sorted(line)) == tuple(sorted(FIELDS)), line
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lines = [each for each in recorded() if subject(each) != subject(line)]
        lines.append({field: line[field] for field in FIELDS})
        RECORDED.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in sorted(lines, key=subject)))
        README.write_text(put(README.read_text(), table(recorded())))


def table(lines):
    rows = {}
    for line in lines:
        rows.setdefault(tuple(line[field] for field in PLACE), []).append(f"{line['what']}: {line['result']}")
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (
        [*PLACE, "what was run"], ["---"] * 5, *([*place, "; ".join(what)] for place, what in rows.items())))


def in_readme(text):
    """The table in a README's text, or None if the text has no place for one."""
    _, begin, rest = text.partition(BEGIN)
    found, end, _ = rest.partition(END)
    return found.strip("\n") + "\n" if begin and end else None


def put(text, made):
    """The README's text with the table replaced by this one."""
    assert in_readme(text) is not None, "README.md has no place for the table"
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{made}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    README.write_text(put(README.read_text(), table(recorded())))
