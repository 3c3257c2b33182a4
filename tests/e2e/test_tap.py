"""What the unit tests' output means to tests/run and tests/ports/run."""
import sys

from support.shim import ROOT

sys.path.append(str(ROOT / "tests"))
import tap  # noqa: E402


def test_each_kind_of_line_is_counted():
    found = tap.read("1..4\nok 1 - a\nnot ok 2 - b\n# b.c:12: error: 1 != 2\nok 3 # SKIP c\n# not ok - tests\n")
    assert found == (["a"], ["b"], ["c"])


def test_skipped_test_of_a_number_with_two_digits_has_not_failed():
    assert tap.read("not ok 9 # SKIP a\nnot ok 10 # SKIP b\nnot ok 123 # SKIP c\n") == ([], [], ["a", "b", "c"])


def test_output_of_a_program_that_crashed_holds_what_ran():
    assert tap.read("1..2\nok 1 - a\n") == (["a"], [], [])
