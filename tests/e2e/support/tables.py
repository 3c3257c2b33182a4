"""Reads the product's tables (shim/*/*.def), for tests that compare documents and completions with them."""
import re

from support.shim import ROOT


def lines(path, macro):
    """The arguments of each line of `macro`, without comments."""
    text = re.sub(r"/\*.*?\*/|^#.*?$(?<!\\)", "", (ROOT / path).read_text(), flags=re.S | re.M)
    found = re.findall(rf"^{macro}\((.*?)\)$", text, re.M | re.S)
    assert found, path
    return found


# The names of the protocols.
PROTOCOLS = [line.split(",")[1].strip() for line in lines("shim/wire/protocols.def", "PROTOCOL")]
# The usual plaintext ports, in the table's order.
USUAL_PORTS = [int(port) for line in lines("shim/wire/protocols.def", "PROTOCOL")
               for port in re.search(r"PORTS\((.*?)\)", line)[1].split(",")]
# Each setting's keyword, and how its value is read: ONE_OF(what) or AS(what).
SETTINGS = dict(re.match(r'\w+, "([a-z-]+)", (\w+\(\w+\))', line).groups() for line in lines("shim/wire/settings.def", "SETTING"))
# How `doctor` treats each interposed call: LOOKS_UP, SHOWN or NOT_SHOWN.
CALLS = dict(re.match(r"(\w+), \w+, (\w+)", line).groups()
             for line in lines("shim/preload/calls.def", "(?:NEXT|REAL|IO|VIA)"))


def words(name):
    """The words of a list in policy/language/keywords.c."""
    source = (ROOT / "policy/language/keywords.c").read_text()
    listed = re.search(rf"{name}_words\[\] = {{(.*?)}};", source, re.S)[1]
    bundled = re.search('#define SETTINGS_BUNDLED (".*")', (ROOT / "shim/wire/settings.h").read_text())[1]
    listed = listed.replace("SETTINGS_BUNDLED", bundled)
    return re.findall('"(.*?)"', listed.partition("#include")[0]) + (PROTOCOLS if "protocols.def" in listed else [])


def values(setting):
    """The words that a setting takes, or None if it does not take one of a list."""
    kind = re.fullmatch(r"ONE_OF\((\w+)\)", SETTINGS[setting])
    return words(kind[1]) if kind else None
