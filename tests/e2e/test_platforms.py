"""The README's table of platforms shows exactly what test runs have recorded."""
import json

import pytest
from support.platform_of import platforms


def line(**other):
    return {"distribution": "Debian 11", "libc": "glibc 2.31", "kernel": "6.1", "architecture": "x86_64", "what": "mutt",
            "result": "4 passed", **other}


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The test's own README and file of records."""
    for name, text in (("README", f"before\n{platforms.BEGIN}{platforms.END}after\n"), ("RECORDED", "")):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(platforms, name, tmp_path / name)


def test_table_in_the_readme_is_what_was_recorded():
    assert platforms.in_readme(platforms.README.read_text()) == platforms.table(platforms.recorded())


def test_recorded_lines_are_whole():
    assert platforms.recorded()
    for each in platforms.recorded():
        assert tuple(each) == platforms.FIELDS and all(each.values()), each


def test_a_line_takes_the_place_of_the_one_about_the_same(copies):
    platforms.record(**line())
    platforms.record(**line(what="curl"))
    platforms.record(**line(result="3 passed, 1 failed", kernel="6.2"))  # the machine's kernel was updated
    platforms.record(**line(kernel="3.2, simulated"))
    platforms.record(**line(architecture="s390x"))
    assert [(each["what"], each["kernel"], each["result"]) for each in platforms.recorded()] == [
        ("curl", "6.1", "4 passed"), ("mutt", "6.2", "3 passed, 1 failed"), ("mutt", "3.2, simulated", "4 passed"),
        ("mutt", "6.1", "4 passed")]
    text = platforms.README.read_text()
    assert text.startswith("before\n") and text.endswith("after\n")
    assert platforms.in_readme(text) == platforms.table([json.loads(each) for each in platforms.RECORDED.read_text().splitlines()])


def test_what_is_recorded_is_what_came_of_the_tests(pytester_run):
    """A failing fixture counts as a failure. A test that notes no platform does not count."""
    assert pytester_run("""
import pytest
@pytest.fixture
def noted(request):
    request.node.user_properties.append(("platform", dict(distribution="D", libc="l", kernel="k", architecture="a", what="w")))
@pytest.fixture
def broken(noted):
    assert False
def test_good(noted): pass
def test_other(): pass
def test_bad(noted): assert False
def test_skipped(noted): pytest.skip("not here")
def test_broken(broken): pass
""") == [{"distribution": "D", "libc": "l", "kernel": "k", "architecture": "a", "what": "w", "result": "1 passed, 1 skipped, 2 failed"}]


@pytest.fixture
def pytester_run(copies, tmp_path):
    """Runs a file of tests with the recorder; returns what it recorded."""
    def run(text):
        from support.platform_of import Recorder
        file = tmp_path / "test_inner.py"
        file.write_text(text)
        pytest.main(["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:terminal", "--rootdir", str(tmp_path),
                     "-c", "/dev/null", str(file)], plugins=[Recorder()])
        return platforms.recorded()
    return run
