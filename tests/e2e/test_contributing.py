"""ARCHITECTURE.md and CONTRIBUTING.md: everything they name exists, the includes between folders match the table, and each
list of places to touch has every place of an existing feature of its kind. A stale list fails here."""
import os
import re
from fnmatch import fnmatch
from itertools import product

import pytest
from support import tables
from support.shim import ROOT

ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
BOTH = {"ARCHITECTURE.md": ARCHITECTURE, "CONTRIBUTING.md": CONTRIBUTING}
PRODUCT = ("shim/", "policy/", "packaging/", "man/")


# ---- what is there

def everything():
    """All files and folders. A folder ends with a slash."""
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
    """The text without C comments: a mention of a thing is not a place to touch."""
    return re.sub(r"/\*.*?\*/", "", raw(path), flags=re.S) if path.endswith((".c", ".h", ".def")) else raw(path)


SOURCES = {path: code(path) for path in PATHS if path.startswith(("shim/", "policy/")) and path.endswith((".c", ".h"))}
ALL_CODE = "\n".join(SOURCES.values())
OF_TESTS = "\n".join(raw(path) for path in PATHS if path.startswith("tests/e2e/support/") and path.endswith(".py"))


def stands_in(function, text):
    """True if the text declares or defines the function. All declarations start in the first column."""
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
    return " " not in span and not span.endswith("()") and ("/" in span or re.search(r"\.(c|h|def|py|md|mk|map)$", span))


def expanded(span):
    """a/{b,c}.py is two paths."""
    parts = [part.split(",") for part in re.split(r"[{}]", span)]
    return ["".join(chosen) for chosen in product(*parts)]


def found(span):
    """The paths that a span stands for: in full, by the end of a path, or by a pattern."""
    return [path for path in PATHS if path in (span, f"{span}/") or path.endswith(f"/{span}") or fnmatch(path, span)]


def sections(text, heading):
    """The title and the text of each section with a heading of this level."""
    return re.findall(rf"^{heading} (.*)\n((?:(?!^##).*\n?)*)", text, re.M)


def none(wrong):
    """Fails if anything is wrong, with all of it in the message."""
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
    """In list items of the form `FILE`: ... `function()`."""
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
    assert pairs > 2 and none(wrong)


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
    """For each folder, the other folders that its files include from, without includes of the tests."""
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


def test_folders_include_only_from_those_above_them_in_the_table():
    """Whoever changes a folder has to look at those below it in the table alone: no cycles."""
    order = re.findall(r"^\| ((?:shim|policy)\S*) \| [^|`]* \|$", ARCHITECTURE, re.M)
    seen = included()
    assert none([f"{folder} may not include from {other}, which is below it in the table"
                 for folder in seen for other in seen[folder] if order.index(other) > order.index(folder)]) and len(order) > 20


def test_rules_that_comments_refer_to_are_there():
    rules = [int(number) for number in re.findall(r"^\*\*(\d+)\. ", ARCHITECTURE, re.M)]
    assert rules == list(range(1, len(rules) + 1))
    asked = {int(number) for path in SOURCES for number in re.findall(r"\(rule (\d+)\b", raw(path))}
    assert asked <= set(rules)


def test_no_folder_is_too_full():
    """A header and its source count as two files."""
    assert {folder for folder in folders() if sum(os.path.dirname(path) == folder for path in SOURCES) > 30} == set()


def test_no_file_is_too_long():
    assert none([path for path in SOURCES if raw(path).count("\n") > 400])


# Names that two folders share, because the files are the two ends of one thing.
TWO_ENDS = {"status": {"shim/command", "shim/relay"}}  # who asks for the live connections, and who answers


def test_no_two_files_share_a_name():
    """But a header and its source. A name says which file is meant, in a comment or to a debugger."""
    folders_of = {}
    for path in SOURCES:
        folder, name = os.path.split(path)
        folders_of.setdefault(name.rpartition(".")[0], set()).add(folder)
    assert {name: folders for name, folders in folders_of.items() if len(folders) > 1} == TWO_ENDS


def test_a_pointer_in_a_condition_is_not_compared_with_null():
    """One dialect: `if (p)` and `if (!p)`. As a value, `p != NULL` makes a bool: `return p != NULL;`."""
    value = re.compile(r"(?:\breturn|(?<![=!<>])=) (?:(?!&&|\|\|)[^?=;])*!= NULL[;,}]")
    wrong = [f"{path}:{number}: {line.strip()}" for path, text in SOURCES.items()
             for number, line in enumerate(re.sub('"[^"\n]*"', "", text).split("\n"), 1)
             if re.search(r"[=!]= NULL|NULL [=!]=", value.sub("", line))]
    assert none(wrong)


def test_a_comment_of_several_lines_begins_on_a_line_of_its_own():
    """clang-format breaks a comment that is a little too long, and leaves `*/` alone on a line."""
    assert none([f"{path}: {comment}" for path in SOURCES for comment in re.findall(r"^ */\*+ .*(?<!\*/)(?<!\\)$", raw(path), re.M)])


# ---- CONTRIBUTING.md's lists

# For each list, an existing feature: what NAME stands for; a pattern that is found in its places; the places without that
# pattern, each with another one; and the files that have it although nobody has to touch them, each with the reason.
SAMPLES = {
    "A protocol": (
        ("sieve", "nntp"), r"(?<![a-z])(sieve|nntp)|\b4190\b",
        {},
        {}),
    "A setting": (
        (), r"crl[-_]file",
        {"policy/language/values.c": r"\bread_ciphers\(", "policy/language/keywords.c": r"\bcertificate_checks_words\b",
         "policy/language/consistency.c": r"\bPOLICY_CLIENT_KEY\b", "policy/language/layers.c": r"\bPOLICY_CLIENT_KEY\b",
         "shim/command/explanation.c": r"\bshow_client_key\(", "tests/unit/test_tls_settings.c": r"\bof_a_connection\b"},
        {"shim/relay/protocol/failure_texts.h": "the advice of one text"}),
    "An interposed call": (
        (), r"sendmmsg",
        {"shim/preload/libc/io.h": r"\(\*writev\)", "shim/preload/libc/io.c": r"\bfirst_writev\b"},
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
# If many tests name the sample, only a test file that has all of these patterns counts as a place.
MANY = {
    "A protocol": [rf"(?<![a-z]){name}" for name in ("smtp", "lmtp", "imap", "pop3", "nntp", "sieve")],
    "A setting": [f"(?<![a-z]){word.replace('-', '[-_]')}" for word in
                  tables.SETTINGS if word not in ("connect-to", "certificate-checks", "final", "tls")],
}


def groups(title):
    """Each span with its paths: several if it has braces, a pattern or NAME."""
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
    """In the product and in the tests. A test file counts if it names the sample, or all that MANY has for this list."""
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
