"""retrotls explain and retrotls lint: what they say about a policy."""
import os
import pwd
import re
import shutil
import subprocess

import pytest
from support import tables
from support.tree import assert_fits, on_terminal, one_line

ROOT = os.geteuid() == 0

POLICY = """\
timeout 30s
log none

match host mail.example.org port 143 1143
    level encrypt
    connect-to [2001:db8::7]:993
    tls implicit
    name mail.example.org imap.example.org

match address 192.0.2.0/24 program fetchmail
    level none
match program *sh
    level may
    testing yes
"""
SETTINGS = [name for name in tables.SETTINGS if name != "final"]


@pytest.fixture
def policy(tree):
    return write(tree, POLICY)


def write(tree, text, name="policy"):
    path = tree.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)
    return path


def explain(tree, *arguments, **environment):
    result = tree.run("-p", "policy", "explain", *arguments, **environment)
    assert result.returncode == 0 and result.stderr == "", result
    return result.stdout


def rows(text):
    """Each setting with its value and where it was written."""
    return {name: (value, origin) for name, value, origin in
            re.findall(r"^  ([a-z-]+) +(.*?)\s+\(([^()]+)\)$", re.sub(r"\n {8,}", " ", text), re.M)}


def test_explain_names_the_block_and_the_origin_of_each_setting(tree, policy):
    out = explain(tree, "--address", "198.51.100.1", "Mail.Example.Org:1143")
    assert one_line(out).startswith("Mail.Example.Org, port 1143 (198.51.100.1): guarded with level encrypt "
                                    f"Decided by the block at {policy}:4 ")
    found = rows(out)
    assert list(found) == SETTINGS
    assert found["level"] == ("encrypt", f"{policy}:5")
    assert found["connect-to"] == ("[2001:db8::7]:993", f"{policy}:6")
    assert found["tls"] == ("implicit", f"{policy}:7")
    assert found["name"] == ("mail.example.org imap.example.org", f"{policy}:8")
    assert found["timeout"] == ("30s", f"{policy}:1")
    assert found["log"] == ("none", f"{policy}:2")
    assert found["greeting-timeout"] == ("300s", "built in")
    assert found["sandbox"] == ("required", "built in")
    assert found["unreached"] == ("warn", "built in")
    assert found["reach"] == ("auto", "built in")
    assert found["ca-file"] == ("the system's", "built in")


def test_explain_shows_every_setting_that_a_policy_can_have(tree):
    (tree.folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n-----BEGIN X509 CRL-----\n"
                                        "-----BEGIN PRIVATE KEY-----\n")
    (tree.folder / "ca.pem").chmod(0o600)
    policy = write(tree, f"""\
level fingerprint
fingerprint sha256:{'ab' * 32} spki-sha256:{'00' * 32}
protocol imap
connect-to 993
servername sni.example.org
ca-file ca.pem
crl-file ca.pem
certificate-checks strict
tls-min 1.3
tls-max 1.3
ciphers HIGH
ciphersuites TLS_AES_256_GCM_SHA384
groups X25519
client-cert ca.pem
sandbox optional
unreached refuse
reach both
""")
    found = rows(explain(tree, "192.0.2.1:143"))
    assert found["fingerprint"] == (f"sha256:{'ab' * 32} spki-sha256:{'00' * 32}", f"{policy}:2")
    for line, (name, value) in enumerate([("protocol", "imap"), ("connect-to", "993 of the same host"),
                                          ("servername", "sni.example.org"), ("ca-file", f"{tree.folder}/ca.pem"),
                                          ("crl-file", f"{tree.folder}/ca.pem"), ("certificate-checks", "strict"), ("tls-min", "1.3"),
                                          ("tls-max", "1.3"), ("ciphers", "HIGH"),
                                          ("ciphersuites", "TLS_AES_256_GCM_SHA384"), ("groups", "X25519"),
                                          ("client-cert", f"{tree.folder}/ca.pem"), ("sandbox", "optional"),
                                          ("unreached", "refuse"), ("reach", "both")], 3):
        assert found[name] == (value, f"{policy}:{line}")
    assert found["client-key"] == ("in the same file", "built in")
    assert found["ca-dir"] == ("none", "built in")
    write(tree, "connect-to imap.example.org:993\n")
    assert rows(explain(tree, "192.0.2.1:143"))["connect-to"][0] == "imap.example.org:993"


def test_explain_without_port_shows_the_usual_ones_together_where_they_are_alike(tree, policy):
    out = explain(tree, "mail.example.org", "--address=2001:db8::1")
    others = ", ".join(str(port) for port in tables.USUAL_PORTS if port != 143)
    assert f"mail.example.org, ports {others} (2001:db8::1): guarded with level secure" in one_line(out)
    assert "mail.example.org, port 143 (2001:db8::1): guarded with level encrypt" in one_line(out)
    assert "No block fits: decided by the built-in defaults" in out
    write(tree, "level may\n")
    assert f"No block fits: decided by the defaults, {policy}:1" in one_line(explain(tree, "192.0.2.1:smtp"))


def test_explain_tells_why_a_connection_is_not_touched(tree, policy):
    assert "left alone: a loopback address, and no block names it" in one_line(explain(tree, "localhost:25"))
    assert "127.0.0.1, port 25: left alone: a loopback" in one_line(explain(tree, "127.0.0.1:25"))
    assert "::1, port 25: left alone: a loopback" in one_line(explain(tree, "[::1]:25"))
    assert "2001:db8::1, ports 25, 587" in one_line(explain(tree, "2001:db8::1"))
    assert "left alone: not a usual mail port, and no block names it" in one_line(explain(tree, "192.0.2.1:443"))
    out = explain(tree, "--program=fetchmail", "192.0.2.1:143")
    assert f"left alone: level none Decided by the block at {policy}:10" in one_line(out)
    assert not rows(out)


def test_explain_follows_a_program_to_what_runs_it(tree, policy):
    script = tree.folder / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    shell = os.path.basename(os.path.realpath("/bin/sh"))
    write(tree, f"match program {shell}\n level may\n testing yes\nmatch program absent\n level encrypt\n")
    for program in "./script", "sh", "/bin/sh":
        assert "guarded with level may, but only as a test: failures are logged and allowed" in \
            one_line(explain(tree, "--program", program, "192.0.2.1:25"))
    assert "guarded with level encrypt" in one_line(explain(tree, "--program", "absent", "192.0.2.1:25"))
    assert "guarded with level secure" in one_line(explain(tree, "192.0.2.1:25"))


def test_explain_says_where_a_name_has_no_address(tree, policy):
    host = f"{'a' * 64}.example.org"  # no resolver accepts it
    result = tree.run("-p", "policy", "explain", f"{host}:143")
    assert result.returncode == 0 and "(" not in result.stdout.split(":")[0]
    assert "blocks that name addresses are taken not to fit (use --address to give one)" in one_line(result.stderr)
    assert "guarded with level secure" in one_line(result.stdout)


def test_explain_tells_errors_and_what_they_stop(tree):
    policy = write(tree, "levle may\n")
    result = tree.run("-p", "policy", "explain", "192.0.2.1:25")
    assert result.returncode == 1
    assert result.stderr == f"{policy}:1:1: unknown setting 'levle'\n    levle may\n    ^~~~~\n    did you mean 'level'?\n"
    assert "fails, because the policy has errors" in one_line(result.stdout)


def test_explain_of_a_user(tree):
    me = pwd.getpwuid(os.geteuid())
    write(tree, f"match user {me.pw_name}\n level may\nmatch user 12345\n level encrypt\n")
    for user in [], ["--user", me.pw_name], ["--user", str(me.pw_uid)]:
        assert "guarded with level may" in explain(tree, *user, "192.0.2.1:25")
    result = tree.run("-p", "policy", "explain", "--user=12345", "192.0.2.1:25")
    assert result.returncode == 0 and "guarded with level encrypt" in one_line(result.stdout)
    result = tree.run("explain", "--user=no-such-user", "192.0.2.1:25")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "retrotls: explain: there is no user 'no-such-user' here\n"


@pytest.mark.root
@pytest.mark.skipif(not ROOT, reason="to become another user takes root")
def test_explain_reads_another_users_policy_as_that_user_does(tree):
    """Root does not own a user's file. What counts is what the user's own programs see."""
    user = pwd.getpwnam("news")  # with a home of its own, which the test must not write to
    home = tree.folder / "home"
    file = write(tree, "level encrypt\n", "home/.config/retrotls/policy")
    os.chown(file, user.pw_uid, user.pw_gid)
    file.chmod(0o600)
    home.chmod(0o755)
    result = tree.run("explain", "192.0.2.1:25", user=user.pw_uid, HOME=str(home))
    assert "guarded with level encrypt" in result.stdout and result.stderr == ""
    result = tree.run("explain", "192.0.2.1:25", HOME=str(home))
    assert result.returncode == 1 and f"belongs to user {user.pw_uid}" in result.stderr
    result = tree.run("explain", "--user", "root", "192.0.2.1:25", user=user.pw_uid, HOME=str(home))
    assert "only root can read another user's policy" in one_line(result.stderr)
    result = tree.run("explain", "--user", "news", "192.0.2.1:25")
    assert result.returncode == 0 and "guarded with level secure" in result.stdout


@pytest.mark.root
@pytest.mark.skipif(not ROOT, reason="to become another user takes root")
def test_home_that_another_user_left_behind(tree):
    """A program that root started has become another user, and HOME is still root's: the program has no policy of its own.
    If the home is the user's own and cannot be entered, that is an error."""
    user = pwd.getpwnam("news")
    home = tree.folder / "root"
    write(tree, "level encrypt\n", "root/.config/retrotls/policy")
    home.chmod(0o700)
    result = tree.run("explain", "192.0.2.1:25", user=user.pw_uid, HOME=str(home))
    assert (result.returncode, result.stderr) == (0, "") and "guarded with level secure" in result.stdout
    os.chown(home, user.pw_uid, user.pw_gid)
    home.chmod(0o600)
    result = tree.run("explain", "192.0.2.1:25", user=user.pw_uid, HOME=str(home))
    assert result.returncode == 1 and "policy: cannot be read: permission denied" in result.stderr


@pytest.mark.parametrize("arguments, words", [
    ([], "explain: which HOST?"),
    (["a", "b"], "explain: one HOST at a time"),
    (["-x", "a"], "explain: unknown option '-x'"),
    (["--colour", "a"], "explain: unknown option '--colour'"),
    (["a", "--program"], "explain: option '--program' needs an argument"),
    (["--address=mail.example.org", "a"], "explain: 'mail.example.org' is not an address"),
    (["a:"], "explain: '' is not a port"),
    (["a:0"], "explain: '0' is not a port"),
    (["a:65536"], "explain: '65536' is not a port"),
    (["a:no-such-service"], "explain: 'no-such-service' is not a port"),
    (["a:b:c"], "explain: 'a:b:c' is not an address"),
    ([":25"], "explain: ':25' is not HOST[:PORT]"),
    (["[::1"], "explain: '[::1' is not HOST[:PORT]"),
    (["a" * 256], "is not HOST[:PORT]"),
])
def test_explain_usage_errors(tree, arguments, words):
    result = tree.run("explain", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in one_line(result.stderr) and "Try 'retrotls explain --help'" in result.stderr


def test_explain_fits_any_terminal_and_is_coloured_there_alone(tree, policy):
    arguments = "-p", "policy", "explain", "--address=192.0.2.1", "mail.example.org"
    assert "\033" not in explain(tree, "192.0.2.1")
    assert_fits(explain(tree, "192.0.2.1", LANG="C"))
    for columns in 40, 60, 132:
        plain = on_terminal(tree, columns, *arguments, NO_COLOR="1")
        coloured = on_terminal(tree, columns, *arguments)
        assert_fits(plain, columns)
        assert "\033" not in plain and "\033[1m" in coloured
        assert re.sub(r"\033\[[0-9]*m", "", coloured) == plain


def test_help_of_both(tree):
    for command in "explain", "lint":
        result = tree.run(command, "--help")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith(f"Usage: retrotls {command} ")
        assert_fits(result.stdout)
        assert re.search(rf"^  {command} ", tree.run("--help").stdout, re.M)


def test_all_tell_where_their_output_is_lost(tree, policy):
    for arguments in (["explain", "192.0.2.1"], ["lint"], ["lint", "--help"], ["explain", "--help"], ["--help"], ["--version"],
                      ["doctor", "sh"], ["status", "--json"], ["check", "--json", "127.0.0.1:1"], ["check", "::1"]):
        result = subprocess.run(["sh", "-c", '"$@" > /dev/full', "sh", tree.command, "-p", policy, *arguments],
                                capture_output=True, text=True, timeout=60)
        assert result.returncode == 1
        assert result.stderr == "retrotls: standard output: No space left on device\n"


# ---- lint

def test_lint_tells_all_errors_at_once(tree):
    first, second = write(tree, "level may\ninclude more\n"), write(tree, "levle may\n\ttimeout 0\n", "more")
    result = tree.run("lint", "policy")
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout == (f"{second}:1:1: unknown setting 'levle'\n    levle may\n    ^~~~~\n"
                             "    did you mean 'level'?\n"
                             f"{second}:2:10: '0' is not between 1s and 60m\n    \ttimeout 0\n    \t        ^\n")
    assert first.exists()


def test_lint_of_the_policy_in_force(tree):
    result = tree.run("lint")
    if not os.path.exists("/etc/retrotls/policy"):
        assert (result.returncode, result.stdout) == \
            (0, "There is no policy file: the built-in defaults are in force.\n")
    own = write(tree, "level may\n", ".config/retrotls/policy")
    result = tree.run("lint")
    assert result.returncode == 0 and result.stdout.startswith(f"{own}: no errors\n")
    own.write_text("level\n")
    assert f"{own}:1:1: 'level' needs a value" in tree.run("lint").stdout
    write(tree, "level may\n")
    for arguments, path in (["-p", "policy", "lint"], tree.folder / "policy"), (["lint", "policy"], "policy"):
        result = tree.run(*arguments)
        assert (result.returncode, result.stdout) == (0, f"{path}: no errors\n")


def test_lint_of_a_file_that_is_not_there(tree):
    result = tree.run("lint", "missing")
    assert result.returncode == 1
    assert result.stdout.startswith(f"{tree.folder}/missing: no such file\n")


def test_lint_usage_errors(tree):
    for arguments, words in (["a", "b"], "lint: one file at a time"), (["-x"], "lint: unknown option '-x'"):
        result = tree.run("lint", *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert words in one_line(result.stderr)


def test_lint_passes_what_is_shipped(tree):
    """As a package installs them: only the owner can write."""
    shipped = os.path.join(os.path.dirname(__file__), "../../policy")
    names = ["default", *(f"examples/{name}" for name in os.listdir(f"{shipped}/examples"))]
    assert len(names) >= 6
    for name in names:
        copy = tree.folder / os.path.basename(name)
        shutil.copy(f"{shipped}/{name}", copy)
        copy.chmod(0o644)
        result = tree.run("lint", copy)
        assert (result.returncode, result.stdout) == (0, f"{copy}: no errors\n"), result
