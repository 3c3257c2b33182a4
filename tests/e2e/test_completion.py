"""What bash and zsh complete after the command: everything that each --help shows. Also tried in the shells, on a terminal."""
import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest
from support.shim import COMMAND, ROOT
from support.tables import PROTOCOLS

COMPLETIONS = ROOT / "packaging/completions"
COMMANDS = ["check", "doctor", "explain", "help", "lint", "log", "status", "version"]
OPTIONS_OF = pytest.mark.parametrize("command", ["", *COMMANDS])


def help_of(command):
    return subprocess.run([COMMAND, *command.split(), "--help"], capture_output=True, text=True, check=True).stdout


def options_in_help(command):
    """The options as the shell completes them: '--policy=' if it takes a value, and its short form '-p'."""
    found = {"-h", "--help"}
    for short, name, value in re.findall(r"^  (?:(-\w), |    )(--[a-z-]*)(=?)", help_of(command), re.M):
        found |= {name + value} | ({short} if short else set())
    return found


def test_help_shows_the_commands_that_there_are():
    assert re.findall(r"^  ([a-z]+) +\S* .*$", help_of("").partition("Commands:")[2], re.M) == COMMANDS


# ---- what bash's function answers

def complete(*words):
    """What bash offers for the last of `words`, which are split as readline splits them."""
    script = """
. "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_retrotls
printf '%s\\n' "${COMPREPLY[@]}"
"""
    return subprocess.run(["bash", "-c", script, "bash", COMPLETIONS / "retrotls.bash", *words],
                          capture_output=True, text=True, check=True).stdout.split("\n")[:-1]


@OPTIONS_OF
def test_bash_offers_the_options_of_each_help(command):
    assert set(complete("retrotls", *command.split(), "-")) == options_in_help(command)
    assert set(complete("retrotls", "-v", "--policy", "=", "x", *command.split(), "-")) == options_in_help(command)


@pytest.mark.parametrize("words, wanted", [
    (["exp"], {"explain", "expr"}),
    (["-p", "/etc/host"], {"/etc/hostname", "/etc/hosts"}),
    (["--policy", "=", "/etc/hostn"], {"/etc/hostname"}),
    (["check", "--program", "printen"], {"printenv"}),
    (["explain", "--user", "=", "roo"], {"root"}),
    (["lint", "/etc/hostn"], {"/etc/hostname"}),
    (["doctor", "printen"], {"printenv"}),
    (["doctor", "/bin/printen"], {"/bin/printenv"}),
    (["--", "printen"], {"printenv"}),
    (["--", "lint", "/etc/hostn"], {"/etc/hostname"}),
    (["cat", "/etc/hostn"], {"/etc/hostname"}),
])
def test_bash_offers(words, wanted):
    assert wanted <= set(complete("retrotls", *words))


@pytest.mark.parametrize("words, wanted", [
    (["--ver"], ["--verbose", "--version"]),
    (["check", "-P", ""], PROTOCOLS),
    (["check", "--protocol", "="], PROTOCOLS),
    (["check", "--protocol", "=", "s"], [name for name in PROTOCOLS if name[0] == "s"]),
    (["check", "mail.example.org", ":"], [""]),
    (["check", "mail.example.org", ":", "1"], [""]),
    (["explain", "--address", "=", "1"], [""]),
    (["status", "--w"], ["--watch"]),
    (["status", "x"], [""]),
    ([""], COMMANDS),  # the commands, not thousands of programs before them
    (["-v", ""], COMMANDS),
    (["help", ""], COMMANDS),
    (["help", "exp"], ["explain"]),
    (["version", "x"], [""]),
])
def test_bash_offers_nothing_else(words, wanted):
    assert complete("retrotls", *words) == wanted


def test_zsh_offers_each_protocol():
    assert re.search(r":protocol:\((.*?)\)", (COMPLETIONS / "_retrotls").read_text())[1].split() == PROTOCOLS


# ---- in the shells

class Shell:
    """A shell on a terminal. ^X s prints the line as it stands."""
    PREPARED = {
        "bash": ("bash --norc --noprofile -i", r"""
bind 'set enable-bracketed-paste off' 'set show-all-if-ambiguous on' 'set page-completions off'
bind 'set completion-query-items 0'
bind -x '"\C-xs": printf "<%s>\n" "$READLINE_LINE"'
. "$COMPLETIONS/retrotls.bash"
echo rea''dy
"""),
        "zsh": ("zsh -f -i", r"""
unsetopt prompt_sp zle_bracketed_paste; unset zle_bracketed_paste
fpath=("$COMPLETIONS" $fpath)
autoload -Uz compinit; compinit -u -D
zstyle ':completion:*' verbose no
LISTMAX=10000
show() { print -r -- "<$BUFFER>" }; zle -N show; bindkey '^Xs' show
echo rea''dy
"""),
    }

    def __init__(self, name, folder):
        words, script = self.PREPARED[name]
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 150, 0, 0))
        self.process = subprocess.Popen(
            words.split(), stdin=side, stdout=side, stderr=side, start_new_session=True, cwd=folder,
            env={"PATH": f"{COMMAND.parent}:/usr/bin:/bin", "HOME": str(folder), "TERM": "dumb", "PS1": "$ ", "LANG": "C",
                 "COMPLETIONS": str(COMPLETIONS), "INPUTRC": "/dev/null"})
        os.close(side)
        self.out = ""
        for line in script.strip().splitlines():
            self.type(line + "\n")
        self.read_until("\nready")

    def type(self, keys):
        os.write(self.main, keys.encode())

    def read_until(self, mark):
        """Reads to the end of the mark. Returns what came before it."""
        deadline = time.monotonic() + 60
        while mark not in self.out:
            assert time.monotonic() < deadline, f"waited for {mark!r}, got {self.out!r}"
            if select.select([self.main], [], [], 0.2)[0]:
                self.out += re.sub("\033[^a-zA-Z]*[a-zA-Z]|\r", "", os.read(self.main, 65536).decode(errors="replace"))
        before, _, self.out = self.out.partition(mark)
        return before

    def tab(self, line):
        """Types the line and a tab. Returns what the line became, and what the shell showed."""
        self.type(line + "\t\x18s")
        before = self.read_until("<retrotls")
        become = "retrotls" + self.read_until(">")
        self.type("\x15")
        return become, before

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.main)


@pytest.fixture(scope="module", params=["bash", "zsh"])
def shell(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shell")
    (folder / "a policy").write_text("")
    with contextlib.closing(Shell(request.param, folder)) as shell:
        yield shell


@pytest.mark.parametrize("line, become", [
    ("retrotls expl", "retrotls explain "),
    ("retrotls --verb", "retrotls --verbose "),
    ("retrotls check --protocol=im", "retrotls check --protocol=imap "),
    ("retrotls check -P im", "retrotls check -P imap "),
    ("retrotls check --prog", "retrotls check --program="),
    ("retrotls -v status --js", "retrotls -v status --json "),
    ("retrotls explain --user roo", "retrotls explain --user root "),
    ("retrotls explain --user=roo", "retrotls explain --user=root "),
    ("retrotls -p a", r"retrotls -p a\ policy "),
    ("retrotls lint a", r"retrotls lint a\ policy "),
    ("retrotls doctor printen", "retrotls doctor printenv "),
    ("retrotls -- printen", "retrotls -- printenv "),
    ("retrotls help expl", "retrotls help explain "),
])
def test_tab_completes(shell, line, become):
    assert shell.tab(line)[0] in (become, become.rstrip())


def test_tab_alone_shows_the_commands(shell):
    """A program takes a letter: there are thousands of them."""
    _, shown = shell.tab("retrotls ")
    assert set(COMMANDS) <= set(re.findall(r"(?m)(?<!\S)[a-z]+", shown)) and "printenv" not in shown


@OPTIONS_OF
def test_tab_shows_the_options_of_each_help(shell, command):
    _, shown = shell.tab(f"retrotls {command} --" if command else "retrotls --")
    offered = set(re.findall(r"(?<![\w-])--[a-z-]+", shown))
    assert offered == {option.rstrip("=") for option in options_in_help(command) if option.startswith("--")} - {"--"}
