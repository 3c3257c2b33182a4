"""Clients that read over POP3."""
import subprocess
from pathlib import Path

from ..shim import BUILD, PYTHON, ROOT
from .registry import ELSEWHERE, MAILCHECK_32, offered, reads


@reads("curl", "pop3")
def curl_pop3(s):
    return ["curl", "-sS", "-u", f"{s.user}:secret", f"pop3://{ELSEWHERE}:{s.port}/1"]


@reads("python3 (imaplib, poplib, smtplib, nntplib)", "pop3")
def python_pop3(s):
    return [PYTHON, "-c", f"""
import poplib
c = poplib.POP3("localhost", {s.port})
c.user("{s.user}")
c.pass_("secret")
print(b"\\n".join(c.retr(1)[1]).decode())
c.quit()
"""]


@reads("fetchmail", "pop3")
def fetchmail(s):
    rc = s.file("fetchmailrc", 'poll localhost protocol POP3 port {port} user {user} password secret sslproto "" '
                               'mda "cat" keep\n')
    return ["fetchmail", "-f", str(rc), "-d0", "--idfile", str(s.folder / "ids"), "--pidfile", str(s.folder / "pid")]


@reads("mpop", "pop3")
def mpop(s):
    rc = s.file("mpoprc", """
account default
host localhost
port {port}
user {user}
password secret
auth user
tls off
keep on
uidls_file {folder}/uidls
delivery mbox {folder}/mbox
""")
    return ["sh", "-c", f"mpop -q -C {rc} && cat mbox"]


@reads("fdm", "pop3", gone=offered("fdm"))
def fdm(s):
    s.open_to_others()
    rc = s.file("fdmrc", """
set lock-file "{folder}/lock"
set default-user "{me}"
account "p" pop3 server "localhost" port {port} user "{user}" pass "secret"
action "keep" mbox "{folder}/mbox"
match all action "keep"
""")
    return ["sh", "-c", f"fdm -f {rc} -q -a p fetch && cat mbox"]


@reads("perl (Net::POP3, SMTP, NNTP)", "pop3")
def perl_pop3(s):
    return ["perl", "-MNet::POP3", "-e", f"""
my $c = Net::POP3->new("localhost", Port => {s.port}, Timeout => 30) or die "connect: $@";
defined $c->login("{s.user}", "secret") or die "login: " . $c->message;
print @{{$c->get(1)}};
$c->quit;
"""]


@reads("bash (/dev/tcp)", "pop3")
def bash_dev_tcp(s):
    """The builtin printf writes with stdio; the exec'ed cat reads the same descriptor."""
    return ["bash", "-c", f"""
set -e
exec 3<>/dev/tcp/localhost/{s.port}
read -r greeting <&3
printf 'USER %s\\r\\n' {s.user} >&3
read -r reply <&3
printf 'PASS %s\\r\\n' secret >&3
read -r reply <&3
printf 'RETR 1\\r\\nQUIT\\r\\n' >&3
cat <&3
"""]


@reads("ruby (net/imap, pop, smtp)", "pop3")
def ruby_pop3(s):
    return ["ruby", "-rnet/pop", "-e",
            f'Net::POP3.start("localhost", {s.port}, "{s.user}", "secret") {{ |c| puts c.mails[0].pop }}']


@reads("tclsh (tcllib)", "pop3")
def tcl_pop3(s):
    return ["tclsh", str(s.file("session.tcl", """
package require pop3
set c [pop3::open localhost {user} secret {port}]
puts [lindex [pop3::retrieve $c 1] 0]
pop3::close $c
"""))]


@reads("nc (OpenBSD)", "pop3")
def nc(s):
    """It sends everything at once, ends its direction, and waits for the answers."""
    s.stdin = f"USER {s.user}\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n".encode()
    return ["nc.openbsd", "-N", "localhost", str(s.port)]


@reads("tcpclient", "pop3", by_address=True)
def tcpclient(s):
    """The connection is handed to an exec'ed program on descriptors 6 and 7."""
    script = s.file("script", """#!/bin/bash
read -r greeting <&6
printf 'USER %s\\r\\nPASS secret\\r\\nRETR 1\\r\\nQUIT\\r\\n' {user} >&7
cat <&6
""", 0o700)
    return ["tcpclient", "-RHl", "localhost", "127.0.0.1", str(s.port), str(script)]


@reads("node", "pop3")
def node_pop3(s):
    """Each reply in an event of its own; libuv closes descriptors by a system call of its own."""
    return ["node", "-e", f"""
const socket = require("net").connect({s.port}, "localhost").setEncoding("latin1");
const commands = ["USER {s.user}", "PASS secret", "RETR 1"];
let text = "";
socket.on("data", data => {{
    text += data;
    if (!text.endsWith("\\r\\n") || commands.length == 0 && !text.endsWith("\\r\\n.\\r\\n"))
        return;
    if (commands.length == 0)
        process.stdout.write(text);
    text = "";
    socket.write((commands.shift() || "QUIT") + "\\r\\n");
}});
socket.on("error", error => {{ throw error; }});
"""]


@reads("java (commons-net)", "pop3")
def java_pop3(s):
    return s.java("""
import org.apache.commons.net.pop3.*;
POP3Client c = new POP3Client();
c.connect("localhost", {port});
if (!c.login("{user}", "secret"))
    throw new Exception(c.getReplyString());
BufferedReader mail = c.retrieveMessage(1);
for (String line = mail.readLine(); line != null; line = mail.readLine())
    System.out.println(line);
c.logout();
c.disconnect();
""")


@reads("GIO (python3-gi)", "pop3")
def gio(s):
    """GSocketClient: it looks up names in threads of its own, but not `localhost`."""
    return [PYTHON, "-c", f"""
from gi.repository import Gio
connection = Gio.SocketClient().connect_to_host("{ELSEWHERE}", {s.port}, None)
reader = Gio.DataInputStream.new(connection.get_input_stream())
reader.set_newline_type(Gio.DataStreamNewlineType.CR_LF)
line = lambda: reader.read_line_utf8(None)[0]
assert line().startswith("+OK")
for command in "USER {s.user}", "PASS secret", "RETR 1":
    connection.get_output_stream().write_all((command + "\\r\\n").encode(), None)
    reply = line()
    assert reply.startswith("+OK"), reply
while (reply := line()) != ".":
    print(reply)
connection.get_output_stream().write_all(b"QUIT\\r\\n", None)
assert line().startswith("+OK")
connection.close(None)
"""]


@reads("musl (a C program)", "pop3", only="x86_64")
def musl(s):
    """Linked with another libc than the system's."""
    program = s.folder / "client"
    subprocess.run(["musl-gcc", "-D_GNU_SOURCE", "-O2", "-o", program, ROOT / "tests/e2e/programs/careless.c"], check=True)
    s.shim.library = BUILD / "musl/libretrotls.so"
    s.shim.hosts = {}
    s.stdin = f"USER {s.user}\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n".encode()
    return [str(program), "localhost", str(s.port)]


def mailcheck_words(s, program, protocol="pop3"):
    """gethostbyname(), one stream of stdio for reading and writing. It counts messages."""
    s.file(".netrc", "machine localhost login {user} password secret\n")
    return [program, "-f", str(s.file("mailcheckrc", f"{protocol}://{{user}}@localhost:{{port}}/"
                                      + ("INBOX" if protocol == "imap" else "")))]


@reads("mailcheck", "pop3", shows=b" 3 ")
def mailcheck_pop3(s):
    return mailcheck_words(s, "mailcheck")


@reads("mailcheck", "imap", shows=b" 3 ")
def mailcheck_imap(s):
    return mailcheck_words(s, "mailcheck", "imap")


@reads("mailcheck (32 bits)", "pop3", only="x86_64",
       gone="" if "ID=debian" in Path("/etc/os-release").read_text().splitlines() else "Debian alone has it for i386", shows=b" 3 ")
def mailcheck_32(s):
    s.shim.library = BUILD / "lib32/libretrotls.so"
    s.shim.hosts = {}
    return mailcheck_words(s, str(MAILCHECK_32))


@reads("s-nail", "pop3")
def s_nail_pop3(s):
    return ["sh", "-c", f"echo type 1 | s-nail -:/ -S v15-compat -S password=secret -S headline-plain "
                        f"-f pop3://{s.user}@localhost:{s.port}"]


@reads("inc (nmh)", "pop3")
def inc(s):
    (s.folder / "Mail/inbox").mkdir(parents=True)
    s.file(".mh_profile", "Path: Mail\n")
    s.file(".netrc", "machine localhost login {user} password secret\n")
    return ["sh", "-c", f"/usr/bin/mh/inc -host localhost -port {s.port} -user {s.user} -silent && cat Mail/inbox/1"]
