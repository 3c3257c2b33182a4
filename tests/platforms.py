"""What retrotls was run on: tests/platforms.json, a JSON object a line, written by the tests of other machines."""
import json
from pathlib import Path

RECORDED = Path(__file__).resolve().parent / "platforms.json"
FIELDS = ("distribution", "libc", "kernel", "architecture", "what", "result")


def recorded():
    """All lines, as dicts."""
    return [json.loads(line) for line in RECORDED.read_text().splitlines()] if RECORDED.exists() else []


def record(**line):
    """Adds a line, in place of what was said of the same before."""
    assert tuple(sorted(line)) == tuple(sorted(FIELDS)), line
    same = ("distribution", "architecture", "what")
    lines = [each for each in recorded() if any(each[field] != line[field] for field in same)]
    lines.append({field: line[field] for field in FIELDS})
    lines.sort(key=lambda each: tuple(each[field] for field in same))
    RECORDED.write_text("".join(json.dumps(each) + "\n" for each in lines))
