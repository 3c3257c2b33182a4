"""ARCHITECTURE.md and CONTRIBUTING.md: what they name is there, includes between folders are those of the table, and each
list of places to touch has all places where an old thing of its kind stands. A list that goes stale fails here."""
import os
import re
from fnmatch import fnmatch
from itertools import product

import pytest
from support.shim import ROOT

ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
BOTH = {"ARCHITECTURE.md": ARCHITECTURE, "CONTRIBUTING.md": CONTRIBUTING}
PRODUCT = ("shim/", "policy/", "packaging/", "man/")


# ---- what is there

def everything():
    """Files and folders, with a slash at the end of a folder."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders
                      if name not in (".git", "__pycache__") and not (folder == str(ROOT) and name == "build")]
        here = os.path.relpath(folder, ROOT)
        yield from (os.path.normpath(f"{here}/{name}") for name in files)
        yield from (os.path.normpath(f"{here}/{name}") + "/" for name in folders)


PATHS = sorted(everything())


def raw(path):
    return (ROOT / path).read_text(errors="replace")


def code(path):
    """Without C's comments: what speaks of a thing is no place of it."""
    return re.sub(r"/\*.*?\*/", "", raw(path), flags=re.S) if path.endswith((".c", ".h")) else raw(path)


SOURCES = {path: code(path) for path in PATHS if path.startswith(("shim/", "policy/")) and path.endswith((".c", ".h"))}
ALL_CODE = "\n".join(SOURCES.values())
OF_TESTS = "\n".join(raw(path) for path in PATHS if path.startswith("tests/e2e/support/") and path.endswith(".py"))


def stands_in(function, text):
    """Declared or defined there, in the first column as all are."""
    return re.search(rf"^[A-Za-z_].*\b{function}\(", text, re.M) is not None


def targets():
    makefiles = ["Makefile", *(path for line in re.findall(r"^include (.*)$", raw("Makefile"), re.M)
                               for path in line.split())]
    return {name for path in makefiles for line in re.findall(r"^([^\s:=#][^:=#]*):(?!=)", raw(path), re.M)
            for name in line.split()}


# ---- what is named

def spans(text):
    return re.findall("`([^`\n]+)`", text)


def is_path(span):
    return " " not in span and not span.endswith("()") and ("/" in span or re.search(r"\.(c|h|py|md|mk|map)$", span))


def expanded(span):
    """a/{b,c}.py is two paths."""
    parts = [part.split(",") for part in re.split(r"[{}]", span)]
    return ["".join(chosen) for chosen in product(*parts)]


def found(span):
    """The paths that a span stands for: in full, by their end, by a pattern."""
    return [path for path in PATHS if path in (span, f"{span}/") or path.endswith(f"/{span}") or fnmatch(path, span)]


def sections(text, heading):
    """The title and the text of each part with such a heading."""
    return re.findall(rf"^{heading} (.*)\n((?:(?!^##).*\n?)*)", text, re.M)


def none(wrong):
    """With all of them in the message."""
    return not wrong or pytest.fail("\n".join(map(str, wrong)), pytrace=False)


LISTS = dict(sections(CONTRIBUTING, "###"))


@pytest.mark.parametrize("document", BOTH)
def test_paths_are_there(document):
    named = {span.replace("NAME", "sieve") for span in spans(BOTH[document]) if is_path(span) and not span.startswith("/")}
    named |= {span.split()[0] for span in spans(BOTH[document]) if " " in span and "/" in span.split()[0]}
    assert named and none([path for span in sorted(named) for path in expanded(span) if not found(path)])


@pytest.mark.parametrize("document", BOTH)
def test_functions_are_there(document):
    named = set(re.findall(r"`(\w+)\(\)`", BOTH[document])) - {"name"}
    assert named and none([name for name in sorted(named) if not stands_in(name, ALL_CODE)])


@pytest.mark.parametrize("document", BOTH)
def test_constants_and_types_are_there(document):
    named = {span for span in spans(BOTH[document])
             if re.fullmatch(r"[A-Z][A-Z0-9_]{3,}|(struct|enum) \w+|[a-z]+_\w+", span)}
    assert named and none([name for name in sorted(named) if not re.search(rf"\b{name}\b", ALL_CODE + OF_TESTS)])


@pytest.mark.parametrize("document", BOTH)
def test_functions_stand_in_the_file_before_them(document):
    """In a list, `FILE`: ... `function()`."""
    wrong, pairs = [], 0
    for item in re.findall(r"^(?:\d+\.|-) (?:.*\n)(?:  .*\n)*", BOTH[document], re.M):
        path = None
        for span, mark in re.findall(r"`([^`]+)`(:?)", item):
            if is_path(span):
                path = span if mark else None
            elif re.fullmatch(r"\w+\(\)", span) and path:
                pairs += 1
                if not any(stands_in(span[:-2], code(full)) for full in found(path) if not full.endswith("/")):
                    wrong.append(f"{path}: {span}")
    assert pairs > 5 and none(wrong)


@pytest.mark.parametrize("document", BOTH)
def test_targets_are_there(document):
    known, wrong = targets(), []
    for line in re.findall(r"`make ([^`]+)`", BOTH[document]):
        for word in re.sub(r"\w+=('[^']*'|\"[^\"]*\"|\S+)|&&.*", "", line).split():
            program = re.fullmatch(r"build/(?:\w+/)?unit/(test_\w+)", word)
            if program:
                good = "$(BUILD)/unit/%" in known and f"tests/unit/{program[1]}.c" in PATHS
            else:
                good = word.startswith("-") or word in known
            wrong += [] if good else [word]
    assert none(wrong)


# ---- ARCHITECTURE.md

def folders():
    return {os.path.dirname(path) for path in SOURCES}


def test_each_folder_has_a_paragraph():
    assert set(re.findall(r"^- \*\*((?:shim|policy)\S*)\*\*: \S", ARCHITECTURE, re.M)) == folders()


def test_each_walk_is_a_list():
    walks = [text for title, text in sections(ARCHITECTURE, "##") if re.match("A .* (from|to) ", title)]
    assert len(walks) == 3
    for text in walks:
        steps = re.findall(r"^(\d+)\. (?:.*\n)(?:  .*\n)*", text, re.M)
        assert steps == [str(number) for number in range(1, len(steps) + 1)] and len(steps) > 5


def included():
    """From each folder, the other folders that its files include from; the tests' own builds aside."""
    edges = {folder: set() for folder in folders()}
    for path in SOURCES:
        for name in re.findall(r'^#\s*include "([^"]+)"', raw(path), re.M):
            target = f"shim/{name}" if f"shim/{name}" in SOURCES else name
            if not target.startswith("tests/") and not name.endswith(".def"):
                assert target in SOURCES, (path, name)
                edges[os.path.dirname(path)].add(os.path.dirname(target))
    return {folder: targets - {folder} for folder, targets in edges.items()}


def test_includes_are_those_of_the_table():
    table = {folder: set(others.split(", ")) - {"nothing"}
             for folder, others in re.findall(r"^\| ((?:shim|policy)\S*) \| ([^|`]*) \|$", ARCHITECTURE, re.M)}
    seen = included()
    assert none([f"{folder} may not include from {other}, by the table" for folder in sorted(seen)
                 for other in sorted(seen[folder] - table.get(folder, set()))])
    assert none([f"{folder} does not include from {other} any more" for folder in sorted(table)
                 for other in sorted(table[folder] - seen.get(folder, set()))])
    assert table.keys() == seen.keys()


def test_rules_that_comments_refer_to_are_there():
    rules = [int(number) for number in re.findall(r"^\*\*(\d+)\. ", ARCHITECTURE, re.M)]
    assert rules == list(range(1, len(rules) + 1))
    asked = {int(number) for path in SOURCES for number in re.findall(r"\(rule (\d+)\b", raw(path))}
    assert asked <= set(rules)


def test_no_folder_is_too_full():
    """A header and its source are two."""
    assert {folder for folder in folders() if sum(os.path.dirname(path) == folder for path in SOURCES) > 30} == set()


# ---- CONTRIBUTING.md's lists

# Of each list: an old thing (what NAME stands for, and what its places have in them); the places that it alone does not
# show, with what to look for there instead; and where it stands though nobody has to touch anything.
SAMPLES = {
    "A protocol": (
        ("sieve", "nntp"), r"(?<![a-z])(sieve|nntp)|\b4190\b",
        {"shim/relay/protocol/negotiate.c": r"may_be_greeting\("},
        {}),
    "A setting": (
        (), r"crl[-_]file",
        {"policy/language/values.c": r"\bPOLICY_CIPHERS\b", "policy/language/consistency.c": r"\bPOLICY_CLIENT_KEY\b"},
        {"shim/relay/failure_texts.h": "the advice of one text"}),
    "An interposed call": (
        (), r"sendmmsg",
        {"tests/check-symbols": "getaddrinfo_a", "shim/preload/libc/io.h": r"\(\*writev\)",
         "shim/preload/libc/io.c": '"writev"', "shim/preload/libc/next.h": r"\bnext\("},
        {"tests/unit/test_sandbox_calls.c": "what the relay's own filter allows",
         "tests/unit/test_monitor_walls.c": "what the monitor's allows"}),
    "A failure text": (
        (), r"\bFAILURE_PREAUTH\b",
        {"shim/relay/tls/verify.c": r"causes\[\](?s:.*)\bFAILURE_CERTIFICATE_REVOKED\b",
         "tests/e2e/test_threats_seen.py": "421 4.7.0 retrotls", "README.md": r"\| `TLS not offered by H` \|"},
        {}),
    "A client of the matrix": (
        (), r"\bslrn\b", {}, {}),
}
# What a file of the tests must name to be a place at all, where one sample is named in many tests.
MANY = {
    "A protocol": [rf"(?<![a-z]){name}" for name in ("smtp", "lmtp", "imap", "pop3", "nntp", "sieve")],
    "A setting": [f"(?<![a-z]){word.replace('-', '[-_]')}" for word in
                  re.findall(r'^    \[POLICY_.*\] = "(.*)",$', raw("policy/language/keywords.c"), re.M)
                  if word not in ("include", "match", "connect-to", "certificate-checks", "final", "tls")],
}


def groups(title):
    """The paths of each span: several where it has braces, a pattern or NAME."""
    old = SAMPLES[title][0] or ("NAME",)
    for span in spans(LISTS[title]):
        if is_path(span):
            yield span, sorted({path for name in old for one in expanded(span.replace("NAME", name)) for path in found(one)})


def files_in(path):
    return [other for other in PATHS if other.startswith(path) and not other.endswith("/")] if path.endswith("/") else [path]


def listed(title):
    return {path for _, group in groups(title) for folder in group for path in files_in(folder)}


def test_each_list_has_its_sample():
    assert set(LISTS) == set(SAMPLES)


@pytest.mark.parametrize("title", SAMPLES)
def test_the_sample_stands_in_each_place_of_the_list(title):
    _, pattern, instead, _ = SAMPLES[title]
    assert set(instead) <= {span for span, _ in groups(title)}
    assert none([span for span, group in groups(title)
                 if not any(re.search(instead.get(span, pattern), raw(path), re.I)
                            for folder in group for path in files_in(folder))])


@pytest.mark.parametrize("title", SAMPLES)
def test_the_list_has_each_place_of_the_sample(title):
    """Of the product, and of the tests: there each file that names it, or all of its kind where one is named all over."""
    _, pattern, _, besides = SAMPLES[title]
    others = MANY.get(title)
    places = set()
    for path in PATHS:
        if path.endswith("/") or "/corpus/" in path:
            continue
        if path.startswith(PRODUCT) or path == "README.md" or (path.startswith("tests/") and not others):
            if re.search(pattern, code(path), re.I):
                places.add(path)
        elif path.startswith("tests/"):
            if all(re.search(each, code(path), re.I) for each in others):
                places.add(path)
    own = {"tests/e2e/test_contributing.py"}
    assert places
    assert none(sorted(places - listed(title) - set(besides) - own))
    assert set(besides) <= places, "an exception that is none any more"
