"""Runs every command line that README.md and the manual show, with a real program and server if it needs one, and checks
every policy that they show. A new command line that this file does not know fails."""
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from support import certs, tables
from support.own_root import copy_source, in_own_root
from support.servers.dovecot import message
from support.shim import BUILD, PYTHON, ROOT
from support.tap import Tap
from support.tree import one_line
from support.wait import wait_for

README = (ROOT / "README.md").read_text()
PAGES = {page.name: page.read_text() for page in sorted((ROOT / "man").iterdir())}
TEXT = "the cat sat on the mat"
SETTINGS = [*tables.SETTINGS, "include", "match"]


# ---- what is shown

def blocks_of_readme():
    """Indented blocks, without their indentation."""
    return [re.sub("^    ", "", block, flags=re.M).strip("\n")
            for block in re.findall(r"(?<=\n\n)((?:    .*\n|\n(?=    ))+)", README)]


def plain(text):
    """Resolves mdoc's escapes."""
    return text.replace(r"\&", "").replace(r"\e", "\\").replace(r"\-", "-")


def blocks_of_manual():
    return [plain(block) for text in PAGES.values() for block in re.findall(r"^\.Bd .*\n((?:.*\n)*?)\.Ed$", text, re.M)]


def kind_of(block):
    first = block.split(None, 1)[0]
    if first in SETTINGS:
        return "policy"
    if "►" in block:
        return "picture"
    if re.match("421 4.7.0 retrotls: |/.*:1:7: ", block):
        return "failure"  # the tests of threats and of the policy's errors check these word by word
    return "commands"


def uncommented(line):
    return re.sub(r"\s+# .*", "", line).strip()


def is_command(text):
    """True if this code from a sentence is a command line."""
    words = text.split()
    return len(words) > 1 and (shutil.which(words[0]) is not None or "retrotls" in text) and not words[0].startswith("-")


def commands():
    found = [uncommented(line) for block in blocks_of_readme() + blocks_of_manual() if kind_of(block) == "commands"
             for line in block.splitlines()]
    found += [code for code in re.findall("`([^`]*)`", README) if is_command(code)]
    for text in PAGES.values():
        found += [plain(line) for line in re.findall(r"^\.Dl (.*)$", text, re.M)]
        found += [code for code in map(plain, re.findall(r"^\.Ql (.*?)(?: [.,;])?$", text, re.M)) if is_command(code)]
    for code in blocks_of_readme() + re.findall("`([^`]*)`", README):  # also in comments
        found += re.findall(r"\bmake [a-z-]+(?: [A-Z_]+=\S+\b)?", code)
    return sorted({line for line in found if line})


# ---- what it is run with

class Person:
    """A user with mail, a home, and in PATH the programs that the documents name."""

    def __init__(self, shim, imap, pop3, smtp, user):
        self.shim, self.home, self.port = shim, shim.folder, imap.port
        self.file("letter", f"From: a@example.org\nTo: b@localhost\nSubject: hello\n\n{TEXT}\n")
        self.file(".muttrc", f"""
set ssl_starttls=no ssl_force_tls=no imap_pass=secret spoolfile=imap://{user}@localhost:{imap.port}/INBOX
set folder={self.home} header_cache= message_cachedir= record= sendmail= wait_key=no mail_check=900 timeout=900
push "<last-entry><pipe-message>cat>got<enter><exit>"
""")
        self.file(".fetchmailrc", f'poll localhost protocol POP3 port {pop3.port} user {user} password secret sslproto "" '
                                  f'mda "cat >> {self.home}/got" keep fetchall\n')
        self.file(".msmtprc", f"account default\nhost localhost\nport {smtp.port}\nfrom a@example.org\nauth plain\n"
                              "user test\npassword secret\ntls off\n")
        (self.home / ".config/retrotls").mkdir(parents=True)
        for name in ".config/retrotls/policy", "work.policy", "FILE":
            self.file(name, f"ca-file {certs.authority().pem}\n" + "".join(
                f"match port {tap.port} host localhost\n    protocol {protocol}\n    level secure\n"
                for tap, protocol in ((imap, "imap"), (pop3, "pop3"), (smtp, "smtp"))))
        (self.home / "bin").mkdir()
        (self.home / "bin/retrotls").symlink_to(BUILD / "retrotls")
        reads = f"""#!{PYTHON}
import imaplib
c = imaplib.IMAP4("localhost", {imap.port})
c.login("{user}", "secret")
c.select()
open("{self.home}/got", "wb").write(c.fetch("1", "(RFC822)")[1][0][1])
c.logout()
"""
        for name in "PROGRAM", "sylpheed":
            self.file(f"bin/{name}", reads, 0o755)

    def file(self, name, text, mode=0o600):
        (self.home / name).write_text(text)
        (self.home / name).chmod(mode)

    def environment(self):
        return {"HOME": str(self.home), "PATH": f"{self.home}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "xterm",
                "LANG": "C.UTF-8", "LOGNAME": "ada", "USER": "ada", "RETROTLS_LOG": str(self.shim.log_file)}

    def run(self, line, cwd=None, terminal=False):
        if terminal:  # the terminal that script(1) makes has no size by itself
            line = f"stty rows 24 cols 80; {line}"
        words = ["script", "-qefc", line, "/dev/null"] if terminal else ["sh", "-c", line]
        return subprocess.run(words, cwd=cwd or self.home, env=self.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)

    def got(self):
        path = self.home / "got"
        return path.exists() and TEXT in path.read_text(errors="replace")


@pytest.fixture
def person(shim, dovecot, exim):
    user = dovecot.mailbox(message("hello", TEXT))
    with Tap(dovecot.at("imap")) as imap, Tap(dovecot.at("pop3")) as pop3, Tap(exim.at("smtp")) as smtp:
        yield Person(shim, imap, pop3, smtp, user)
        for tap in imap, pop3, smtp:
            tap.never_saw(b"secret", TEXT.encode())


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the source in which everything is built."""
    copy = copy_source(tmp_path_factory.mktemp("clone") / "retrotls")
    (copy / "build/servers").symlink_to(ROOT / "build/servers")
    subprocess.run(["make", "-s"], cwd=copy, check=True, timeout=300)
    return copy


def reads_mail(line, person, clone, terminal=False):
    result = person.run(line, clone if "build/" in line else None, terminal)
    assert result.returncode == 0, result
    if terminal and "build/" in line:
        (clone / "got").replace(person.home / "got")
    assert person.got(), result
    return result


def reads_mail_on_a_terminal(line, person, clone):
    reads_mail(line, person, clone, terminal=True)
    assert [line["result"] for line in person.shim.log_lines()] == ["tls"]


def reads_mail_and_tells(line, person, clone):
    err = reads_mail(line, person, clone).stderr
    assert re.search(r"^retrotls: localhost:\d+ \w+ secure TLSv1.3 \w+ verified localhost \d+ ms$", err, re.M), err


def reads_mail_supervised(line, person, clone):
    """We do not see the names that it asks for. It is refused, with the line to add, until the policy names the server."""
    result = person.run(line)
    assert result.returncode != 0 and "with 'name HOST'" in one_line(result.stderr) and not person.got(), result
    policy = person.home / ".config/retrotls/policy"
    policy.write_text(policy.read_text().replace("level secure\n", "level secure\n    name localhost\n"))
    reads_mail(line, person, clone)


def from_cron(line, person, clone):
    """With cron(8)'s environment, and sh as the shell. PATH is up to the machine."""
    schedule, command = re.fullmatch(r"((?:\S+ ){5})(.*)", line).groups()
    assert schedule == "*/5 * * * * "
    reads_mail(command, person, clone)


def from_a_unit(line, person, clone):
    """A program that systemd runs must stay in the foreground until it gets SIGTERM."""
    command = line.removeprefix("ExecStart=").replace("/usr/bin/retrotls", str(BUILD / "retrotls"))
    process = subprocess.Popen(command.split(), cwd=person.home, env=person.environment(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(person.got, "the mail", 60)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) >= 0
    finally:
        process.kill()
        process.wait()


def from_a_desktop_file(line, person, clone):
    """%u is the address of the link that was followed, if any."""
    reads_mail(line.removeprefix("Exec=").replace("%u", "mailto:b@localhost"), person, clone)


def sends_mail(line, person, clone):
    result = person.run(line)
    assert result.returncode == 0, result
    logged, = person.shim.log_lines()
    assert (logged["result"], logged["protocol"], logged["rule"]) == ("tls", "smtp", f"{person.home}/work.policy:8")


def explains(line, person, clone):
    result = person.run(line.replace("HOST:PORT", f"localhost:{person.port}"))
    assert result.returncode == 0 and "guarded with level secure" in one_line(result.stdout), result


def shows_help(line, person, clone):
    assert person.run(line).stdout.startswith("Usage: retrotls ")


def lints(line, person, clone):
    result = person.run(line)
    assert (result.returncode, result.stdout) == (0, f"{person.home}/.config/retrotls/policy: no errors\n")


def doctors(line, person, clone):
    result = person.run(line)
    assert result.returncode == 0 and "bin/PROGRAM is within reach" in result.stdout, result


def doctors_a_process(line, person, clone):
    """The shell waits until the program runs, and the program until doctor has looked."""
    line = line.replace("PID", "$!")
    result = person.run("mkfifo up down; retrotls sh -c 'echo > up; read x < down' & read x < up; "
                        f"{line}; status=$?; echo > down; wait; exit $status")
    assert result.returncode == 0 and "is guarded" in result.stdout, result


def shows_status(line, person, clone):
    result = person.run(line)
    assert result.returncode == 0 and result.stdout, result


def shows_the_log(line, person, clone):
    reads_mail("retrotls PROGRAM", person, clone)
    result = person.run(line)
    assert result.returncode == 0 and re.search("localhost.*TLSv1.3", result.stdout), result


def checks(line, person, clone):
    """Without a port, check tries the usual ones. At the server's own port, it shows what the documents promise."""
    assert person.run(line.replace("HOST", "127.0.0.1")).returncode in (0, 1)
    result = person.run(line.replace("HOST", f"localhost:{person.port}"))
    assert result.returncode == 0 and certs.case("good").spki_sha256 in result.stdout, result
    assert certs.case("good").sha256 in result.stdout


def takes_the_policy(line, person, clone):
    assert person.run(f"{line} printenv RETROTLS_POLICY").stdout == f"{person.home}/FILE\n"


def demonstrates(line, person, clone):
    result = person.run(line, clone)
    assert result.returncode == 0 and "nothing of the message or the password crossed" in result.stdout, result


def is_a_target(line, person, clone):
    """The tests themselves, and tables that take long to make. Only checks that the target would run something."""
    result = person.run(line.replace("make", "make -n", 1), clone)
    assert result.returncode == 0 and "tests/" in result.stdout, result


def installs(line, person, clone):
    """Runs both targets: uninstall must remove what install put there. DESTDIR keeps the machine's /usr/local out of it."""
    prefix, staged = clone.parent / "usr", person.home / "staged"
    for target in ("make install", "make uninstall"):
        result = person.run(f"{target} PREFIX={prefix} DESTDIR={staged}", clone)
        assert result.returncode == 0 and result.stderr == "", result
        files = [path.name for path in staged.rglob("*") if not path.is_dir()]
        assert ("retrotls.1" in files) if target == "make install" else files == []


def makes_a_package(line, person, clone):
    if os.geteuid() == 0:
        assert "/usr/bin/retrotls\n" in in_own_root(person.home, f"cd {clone}; {line}; ls /usr/bin/retrotls")
    else:
        assert person.run(line.replace("dpkg -i", "dpkg-deb -I"), clone).returncode == 0


def elsewhere(file, test, literally=True):
    """The line needs more than there is here. Another test runs it and, if `literally`, has it in its text."""
    def check(line, person, clone):
        text = (Path(__file__).parent / file).read_text().partition(f"def {test}(")[2].partition("\ndef ")[0]
        assert text and (line in text or not literally)
    return check


def in_the_recipe(line, person, clone):
    """test_container.py builds an image with the recipe."""
    assert line in (ROOT / "packaging/container/Containerfile").read_text().splitlines()


def with_sudo(line, person, clone):
    """sudo(8) starts the program as another user, with a new environment."""
    person.file("bin/sudo", '#!/bin/sh\nexec env -i HOME="$HOME" PATH="$PATH" RETROTLS_LOG="$RETROTLS_LOG" "$@"\n', 0o755)
    reads_mail(line, person, clone)


KNOWN = {
    "make demo": demonstrates,
    "make install": installs,
    "make uninstall": installs,
    "make deb": elsewhere("test_packaging.py", "package", literally=False),
    "make deb && dpkg -i build/retrotls_*.deb": makes_a_package,
    "make bundle": elsewhere("test_bundle.py", "bundle", literally=False),
    "tar -xJf retrotls-0.1.0-x86_64.tar.xz -C /opt": elsewhere("test_bundle.py", "unpacked", literally=False),
    "ln -s /opt/retrotls-0.1.0-x86_64/retrotls /usr/local/bin/":
        elsewhere("test_bundle.py", "test_session_with_all_that_lies_beside", literally=False),
    "ADD retrotls-0.1.0-x86_64.tar.xz /opt/": in_the_recipe,
    "ENV LD_PRELOAD=/opt/retrotls-0.1.0-x86_64/libretrotls.so": in_the_recipe,
    "build/retrotls mutt": reads_mail_on_a_terminal,
    "LD_PRELOAD=$PWD/build/libretrotls.so mutt": reads_mail_on_a_terminal,
    "retrotls mutt": reads_mail_on_a_terminal,
    "retrotls -v fetchmail": reads_mail_and_tells,
    "retrotls -v PROGRAM": reads_mail_and_tells,
    "retrotls PROGRAM": reads_mail,
    "retrotls -p ~/work.policy msmtp -t < letter": sends_mail,
    "retrotls -p FILE": takes_the_policy,
    "retrotls explain HOST:PORT": explains,
    "retrotls check HOST": checks,
    "retrotls help": shows_help,
    "retrotls lint": lints,
    "retrotls doctor PROGRAM": doctors,
    "retrotls doctor --pid PID": doctors_a_process,
    "retrotls status": shows_status,
    "retrotls log": shows_the_log,
    "*/5 * * * * retrotls fetchmail -s": from_cron,
    "ExecStart=/usr/bin/retrotls /usr/bin/fetchmail --nodetach -d 300": from_a_unit,
    "Exec=retrotls sylpheed %u": from_a_desktop_file,
    "echo '/usr/$LIB/libretrotls.so' >> /etc/ld.so.preload":
        elsewhere("test_packaging.py", "test_package_from_its_installation_to_its_removal"),
    "sudo retrotls PROGRAM": with_sudo,
    "retrotls --supervise PROGRAM": reads_mail_supervised,
    "LD_PRELOAD= program": elsewhere("test_cleared_environment.py", "test_empty_preload_is_on_purpose", literally=False),
    "env -i": elsewhere("test_cleared_environment.py", "test_programs_that_clear_it", literally=False),
    "proxychains4 retrotls PROGRAM": elsewhere("test_preloads.py", "test_command_under_a_wrapper"),
    "journalctl -t retrotls -g result=plaintext":
        elsewhere("test_log.py", "test_commands_shown_find_it_in_the_journal", literally=False),
    "journalctl -t retrotls -g error=":
        elsewhere("test_log.py", "test_commands_shown_find_it_in_the_journal", literally=False),
}


KNOWN.update({line: is_a_target for line in commands() if line.startswith("make ") and line not in KNOWN})


def test_all_that_is_shown_is_known():
    assert commands() == sorted(KNOWN)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("line", KNOWN)
def test_command_line(line, person, clone):
    KNOWN[line](line, person, clone)


def test_readme_names_what_building_needs():
    demo = re.search("^demo='(.*?)'$", (ROOT / "tests/install-dependencies").read_text(), re.M | re.S)[1]
    needed = re.search("Building needs (.*?)[.]\n", README, re.S)[1]
    assert set(re.findall(r"^lib\S*-dev", demo, re.M)) == set(re.findall(r"lib\S*-dev", needed))


# ---- policies

@pytest.mark.parametrize("policy", [block for block in blocks_of_readme() + blocks_of_manual()
                                    if kind_of(block) == "policy"])
def test_policy_shown_is_one(shim, policy):
    """Except for its ca-file, which is somebody else's: ours replaces it."""
    shim.policy(re.sub(r"^( *ca-file) .*", rf"\1 {certs.authority().pem}", policy, flags=re.M) + "\n")
    assert shim.run(shim.command, "lint", shim.policy_file, preload=False).ok().out.decode() == \
        f"{shim.policy_file}: no errors\n"


def test_error_shown_in_the_manual_is_what_is_told(shim):
    shown, = (block for block in blocks_of_manual() if block.startswith("/home/ada/"))
    shim.policy("level secrue\n")
    told = shim.run(shim.command, "lint", shim.policy_file, preload=False).out.decode()
    assert told == shown.replace("/home/ada/.config/retrotls/policy", str(shim.policy_file))


# ---- the words of the language, from the tables shim/wire/*.def

def test_vim_knows_the_words_of_the_language():
    vim = (ROOT / "packaging/vim/syntax.vim").read_text()

    def known(group):
        return {word for line in re.findall(rf"^syntax keyword retrotls{group} (?:contained )?(.*)$", vim, re.M)
                for word in line.split()}
    of_values = {word for setting in tables.SETTINGS for word in tables.values(setting) or []}
    assert known("Setting") == set(tables.SETTINGS)
    assert known("Match") == {"match", "include"}
    assert known("Criterion") == set(tables.words("criterion"))
    assert known("Value") == (of_values | set(tables.words("log") + tables.words("ca"))) - set(tables.SETTINGS)


def settings_of_manual():
    """Each setting with the rest of its line: '.It Ic tls Cm starttls | implicit'. Two settings may share a line."""
    section = PAGES["retrotls-policy.5"].partition(".Sh SETTINGS\n")[2].partition("\n.Sh ")[0]
    return [part for line in re.findall(r"^\.It (Ic .*)$", section, re.M)
            for part in re.findall(r"Ic ([a-z-]+)((?: (?!, Ic )[^,]+)*)", line)]


def test_manual_has_each_setting():
    assert {name for name, _ in settings_of_manual()} == set(tables.SETTINGS) | {"include"}


@pytest.mark.parametrize("setting", [name for name in tables.SETTINGS if tables.values(name) and name not in ("protocol", "final")])
def test_manual_has_the_values_of_each_setting(setting):
    shown, = (re.findall(r"[a-z]+", rest.replace(" Cm ", " ", 1)) for name, rest in settings_of_manual() if name == setting)
    assert sorted(shown) == sorted(tables.values(setting))


@pytest.mark.parametrize("page, mark", [("retrotls-policy.5", r"\.It Cm protocol Ar name \.\.\."), ("retrotls.1", r"\.Po Fl P :")])
def test_manual_has_each_protocol(page, mark):
    all_but_one, last = re.search(rf"^{mark}\s\.?Cm (.*)\nor\n\.Cm (\w+)", PAGES[page], re.M).groups()
    assert [*all_but_one.split(" , "), last] == tables.PROTOCOLS


# ---- what a person sees

def failures():
    """The words of every failure, with %s for a word from outside."""
    text = (ROOT / "shim/relay/protocol/failure_texts.h").read_text()
    return "\n".join(re.sub(r'"\s*\\?\s*"', "", words) for words in re.findall(r'X\(FAILURE_\w+, "((?:[^"]|"\s*\\\s*")*)', text))


@pytest.mark.parametrize("symptom", [
    code for row in re.findall(r"^\| (.*?) \|", README.partition("## Troubleshooting")[2].partition("## ")[0], re.M)
    for code in re.findall("`(.*?)`", row) if re.match("certificate of|TLS not|no |is ", code)])
def test_symptom_is_in_the_words_of_a_failure(symptom):
    """`H`, `A` and `NAME` stand for words from outside, `...` for the rest."""
    pattern = re.sub(r"\b(H|A|NAME)\b", "%s", re.escape(symptom).replace(r"\.\.\.", ".*")).replace(r"'.*'", "'%s %s'")
    assert re.search(pattern, failures()), pattern


# ---- what the manual says of the command

@pytest.mark.parametrize("command", ["", "check", "doctor", "explain", "help", "lint", "log", "status", "version"])
def test_manual_has_the_options_of_each_help(command):
    shown = subprocess.run([BUILD / "retrotls", *command.split(), "--help"], capture_output=True, text=True).stdout
    options = set(re.findall(r"^  (?:-\w, |    )--([a-z]+)", shown, re.M)) - {"help"}
    page = PAGES["retrotls.1"]
    synopsis = page.partition(".Sh SYNOPSIS\n")[2].partition(".Sh ")[0]
    part = "".join(part for part in synopsis.split(".Nm\n") if f".Cm {command}\n" in part) if command else page
    assert part and options <= set(re.findall(r"Fl (?:\w (?:, Fl |\| ))?-([a-z]+)", part)), (options, part)


def members(command):
    """The members of the objects that --json writes, as the manual lists them."""
    line = re.search(rf"^Of\n\.Cm {command} :\n\.Li (.*) \.$", PAGES["retrotls.1"], re.M)[1]
    return line.split(" , ")


def test_manual_lists_the_members_that_are_written(shim, dovecot):
    shim.guard(dovecot.ports["imap"], "encrypt")
    place = f"{dovecot.address}:{dovecot.ports['imap']}"
    checked, = json.loads(shim.run(shim.command, "check", "--json", place, preload=False).out)
    assert list(checked) == members("check")
    code = "import imaplib, sys\nc = imaplib.IMAP4(*sys.argv[1].split(':'))\nprint('open', flush=True)\nsys.stdin.read()"
    process = shim.popen(PYTHON, "-c", code, place, stdin=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"open\n"
        shown = json.loads(shim.run(shim.command, "status", "--json", preload=False).out)
        assert [list(c) for c in shown if c["pid"] == process.pid] == [members("status")]
    finally:
        shim.finish(process, b"\n")
    for name, source in ("verdict", "shim/check/show.c"), ("state", "shim/command/status_table.c"):
        words = re.search(rf"\.Li {name}\nis\n\.Cm (.*)\nor\n\.Cm (\w+) ;", PAGES["retrotls.1"])
        names = re.search(r"names\[(?:WIRE_STAGES)?\] = {(\"(?:met|connecting)\".*?)}", (ROOT / source).read_text(), re.S)[1]
        assert [*words[1].split(" , "), words[2]] == re.findall('"(.*?)"', names)
