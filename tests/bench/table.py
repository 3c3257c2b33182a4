"""The rows of the table: the measured value, the goal, and whether it was reached."""
import operator
from dataclasses import asdict, dataclass


@dataclass
class Row:
    measure: str
    value: float
    unit: str  # printed after the value: "x stunnel", "%", ...
    goal: str  # "" if there is none
    reached: bool

    def text(self):
        digits = 2 if abs(self.value) < 100 else 0
        return f"{self.value:.{digits}f} {self.unit}"


_COMPARE = {">=": operator.ge, "<=": operator.le, "<": operator.lt}


def row(measure, value, unit, goal=""):
    if value is None:
        return None
    reached = True
    if goal:
        sign, number = goal.split()
        reached = bool(_COMPARE[sign](value, float(number)))
    return Row(measure, value, unit, goal, reached)


def rows(m):
    """All rows, from the measures `m` that run.py gathers."""
    result = []
    for direction in ("download", "upload"):
        bulk = m["bulk"][direction]
        result += [row(f"bulk {direction}, 64 KiB", bulk["x stunnel"], "x stunnel", ">= 1.8"),
                   row(f"bulk {direction}, 64 KiB: native itself", bulk["native x stunnel"], "x stunnel"),
                   row(f"bulk {direction}, 64 KiB", bulk["x native"], "x native", ">= 0.85"),
                   row(f"CPU per GB, {direction}", bulk["CPU of stunnel's"], "x stunnel's", "<= 0.6")]
    result.append(row("round trip of 64 bytes, added to native's", m["round trip"]["added of stunnel's"],
                      "x what stunnel adds", "<= 0.6"))
    for first, goal in ("CAPABILITY first", "<= 5"), ("LOGIN first", ""):
        if m["first connection"]:
            result.append(row(f"first connection, 20 ms, {first}", m["first connection"][first]["over native's"] * 100,
                              "% over native", goal))
    result += [row("first connection, loopback", m["start"]["x native"], "x native's time"),
               row("the same, CPU", m["start"]["CPU of native's"], "x native's")]
    serial, opened, aside = m["serial"], m["open at once"], m["aside"]
    result += [
        row("500 connections one after another", serial["x native"], "x native not resuming", ">= 1.0"),
        row("500 connections one after another", serial["x stunnel"], "x stunnel", ">= 1.2"),
        row("500 connections one after another", serial["x native, resuming"], "x native resuming"),
        row("the same, server without tickets", serial["x native, no tickets"], "x native"),
        row("the same, server without tickets", serial["x stunnel, no tickets"], "x stunnel"),
        row("500 open at once: relay's memory", opened["KB each"]["retrotls"], "KB each", "< 100"),
        row("500 open at once: opening", opened["x stunnel"], "x stunnel", ">= 1.0"),
        row("the same, server without tickets", opened["x stunnel, no tickets"], "x stunnel"),
        row("memory added inside the program", serial["memory added"] / 1000, "KB", "< 300"),
        row("read(2) of a byte, unguarded descriptor", aside["read"]["ns added"], "ns more", "<= 3"),
        row("start of /bin/true", aside["start"]["ms added"], "ms more", "<= 0.3"),
        row("connect() to an unguarded port", aside["connect"]["% added"], "% more", "<= 2"),
    ]
    for name, load in m["mail"].items():
        result += [row(name, load["x stunnel"], "x stunnel"), row(name, load["x native"], "x native")]
    return [each for each in result if each]


_NAMES = ("plain", "native", "retrotls", "stunnel", "socat")


def absolute(m):
    """(what, unit, {contender: value}, True if more is better) for everything compared in absolute numbers."""
    result = [(f"bulk {d}", "MB/s", m["bulk"][d]["MB/s"], True) for d in ("download", "upload")]
    result += [(f"CPU, {d}", "s/GB", m["bulk"][d]["CPU s/GB"], False) for d in ("download", "upload")]
    result.append(("round trip of 64 bytes", "µs", m["round trip"]["us"], False))
    if m["first connection"]:
        result.append(("first connection, 20 ms path", "ms", m["first connection"]["CAPABILITY first"]["ms"], False))
    result.append(("first connection, loopback", "ms", m["start"]["ms"], False))
    result.append(("connections one after another", "/s", m["serial"]["tickets"], True))
    result.append(("connections opened at once", "/s", m["open at once"]["a second"], True))
    result += [(name, "s", load["s"], False) for name, load in m["mail"].items()]
    return [(what, unit, {n: values[n] for n in _NAMES if n in values}, more) for what, unit, values, more in result]


def about(machine):
    return (f"{machine['processor']}, {machine['processors']} processors, Linux {machine['kernel']}, "
            f"{machine['openssl']}, {machine['date']}" + (", QUICK: not a measurement" if machine["quick"] else ""))


def _number(value):
    return f"{value:.{0 if value >= 100 else 2}f}"


def _verdict(each):
    return "" if not each.goal else "reached" if each.reached else "NOT reached"


def show(m, machine):
    """The tables as text."""
    lines = ["", about(machine), ""]
    lines.append(f"{'':<46}" + "".join(f"{name:>10}" for name in _NAMES))
    for what, unit, values, _ in absolute(m):
        cells = "".join(f"{_number(values[n]) if n in values else '-':>10}" for n in _NAMES)
        lines.append(f"{what + ', ' + unit:<46}{cells}")
    lines += ["", f"{'retrotls':<46}{'value':<32}{'goal':<10}", "-" * 96]
    lines += [f"{each.measure:<46}{each.text():<32}{each.goal:<10}{_verdict(each)}" for each in rows(m)]
    return "\n".join(lines)


def markdown(m, machine):
    """The tables for the README."""
    lines = [about(machine) + ":", "", "| | " + " | ".join(_NAMES) + " |", "| --- " + "| ---: " * len(_NAMES) + "|"]
    lines += [f"| {what}, {unit} | " + " | ".join(_number(values[n]) if n in values else "-" for n in _NAMES) + " |"
              for what, unit, values, _ in absolute(m)]
    lines += ["", "| retrotls | value | goal | |", "| --- | ---: | --- | --- |"]
    lines += [f"| {each.measure} | {each.text()} | {each.goal.replace('<', '&lt;')} | {_verdict(each).lower()} |"
              for each in rows(m)]
    return "\n".join(lines)


def as_json(m):
    return [asdict(each) for each in rows(m)]
