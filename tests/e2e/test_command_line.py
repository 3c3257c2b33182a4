"""What one types from habit: -h, -V, help, version, and options after the other words."""
import pytest
from support.tree import assert_fits, assert_refused, one_line

COMMANDS = ["check", "doctor", "explain", "help", "lint", "log", "status", "version"]


def test_help_and_version_in_each_way(tree):
    shown = tree.run("--help").stdout
    assert shown.startswith("Usage: retrotls ")
    for words in ["-h"], ["help"]:
        assert tree.run(*words).stdout == shown, words
    version = tree.run("--version").stdout
    for words in ["-V"], ["version"]:
        assert tree.run(*words).stdout == version, words


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(tree, command):
    shown = tree.run(command, "--help")
    assert (shown.returncode, shown.stderr) == (0, "") and shown.stdout.startswith("Usage: retrotls")
    assert_fits(shown.stdout)
    for words in ["help", command], [command, "-h"]:
        assert tree.run(*words).stdout == shown.stdout, words


@pytest.mark.parametrize("arguments, words", [
    (["help", "exlpain"], "help: no command 'exlpain'; did you mean 'explain'?"),
    (["help", "zzzzzzzzzzz"], "help: no command 'zzzzzzzzzzz'"),
    (["help", "check", "lint"], "help: one command at a time"),
    (["version", "x"], "version: unexpected argument 'x'"),
    *(([command, "-p"], f"{command}: option '-p' needs an argument") for command in ("check", "doctor", "explain", "lint")),
])
def test_wrong_usage(tree, arguments, words):
    assert_refused(tree.run(*arguments), 2, words, f"Try 'retrotls {arguments[0]} --help'")


@pytest.mark.parametrize("command, place, words", [
    ("explain", ["192.0.2.1", "143"], "192.0.2.1, port 143: guarded with level encrypt"), ("lint", [], "policy: no errors"), ("doctor", ["sh"], "encrypt")])
def test_policy_after_the_other_words(tree, command, place, words):
    (tree.folder / "policy").write_text("level encrypt\n")
    (tree.folder / "policy").chmod(0o600)
    for arguments in [command, *place, "-p", "policy"], [command, "--policy=policy", *place], ["-p", "policy", command, *place]:
        result = tree.run(*arguments)
        assert result.returncode == 0 and words in one_line(result.stdout), (arguments, result)
