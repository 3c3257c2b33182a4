"""Clients that send over SMTP."""
from ..shim import PYTHON
from .imap import mutt_rc
from .registry import ELSEWHERE, sends


@sends("curl", "smtp")
def curl_smtp(s):
    return ["curl", "-sS", "-u", "test:secret", f"smtp://{ELSEWHERE}:{s.port}", "--mail-from", "a@example.org",
            "--mail-rcpt", "b@localhost", "-T", str(s.mail)]


@sends("python3 (imaplib, poplib, smtplib, nntplib)", "smtp")
def python_smtp(s):
    return [PYTHON, "-c", f"""
import smtplib
c = smtplib.SMTP("localhost", {s.port})
c.login("test", "secret")
c.sendmail("a@example.org", ["b@localhost"], open("{s.mail}", "rb").read())
c.quit()
"""]


@sends("msmtp", "smtp")
def msmtp(s):
    rc = s.file("msmtprc", """
account default
host localhost
port {port}
from a@example.org
auth plain
user test
password secret
tls off
""")
    return ["sh", "-c", f"msmtp -C {rc} b@localhost < {s.mail}"]


@sends("mutt", "smtp")
def mutt_smtp(s):
    return ["sh", "-c", f"mutt -F {mutt_rc(s)} -s hello b@localhost < {s.mail}"]


@sends("swaks", "smtp")
def swaks(s):
    return ["swaks", "--server", "localhost", "--port", str(s.port), "--auth", "PLAIN", "--auth-user", "test",
            "--auth-password", "secret", "--from", "a@example.org", "--to", "b@localhost", "--data", f"@{s.mail}"]


@sends("perl (Net::POP3, SMTP, NNTP)", "smtp")
def perl_smtp(s):
    return ["perl", "-MNet::SMTP", "-e", f"""
my $c = Net::SMTP->new("localhost", Port => {s.port}, Timeout => 30) or die "connect: $@";
$c->mail("a\\@example.org") && $c->to("b\\@localhost") or die $c->message;
open my $f, "<", "{s.mail}" or die;
$c->data(<$f>) or die $c->message;
$c->quit;
"""]


@sends("java (commons-net)", "smtp")
def java_smtp(s):
    """Sockets are AF_INET6, addresses IPv4-mapped."""
    return s.java("""
import org.apache.commons.net.smtp.*;
AuthenticatingSMTPClient c = new AuthenticatingSMTPClient();
c.connect("localhost", {port});
c.ehlo("localhost");
if (!c.auth(AuthenticatingSMTPClient.AUTH_METHOD.PLAIN, "test", "secret"))
    throw new Exception(c.getReplyString());
c.setSender("a@example.org");
c.addRecipient("b@localhost");
Writer mail = c.sendMessageData();
mail.write(new String(java.nio.file.Files.readAllBytes(new File("{mail}").toPath())));
mail.close();
if (!c.completePendingCommand())
    throw new Exception(c.getReplyString());
c.logout();
c.disconnect();
""")


@sends("node", "smtp")
def node_smtp(s):
    return ["node", "-e", f"""
const mail = require("fs").readFileSync("{s.mail}", "latin1").replace(/\\n/g, "\\r\\n");
const socket = require("net").connect({s.port}, "localhost").setEncoding("latin1");
const plain = Buffer.from("\\0test\\0secret").toString("base64");
const steps = ["EHLO localhost", "AUTH PLAIN " + plain, "MAIL FROM:<a@example.org>", "RCPT TO:<b@localhost>", "DATA",
               mail + ".", "QUIT"];
let text = "";
socket.on("data", data => {{
    text += data;
    if (!/^\\d\\d\\d [^\\n]*\\n$/m.test(text))
        return;
    if (!/^[23]/.test(text))
        throw new Error(text);
    text = "";
    if (steps.length)
        socket.write(steps.shift() + "\\r\\n", "latin1");
}});
"""]


@sends("s-nail", "smtp")
def s_nail_smtp(s):
    return ["sh", "-c", f"s-nail -:/ -S v15-compat -S mta=smtp://test:secret@localhost:{s.port} -S smtp-auth=plain "
                        f"-S from=a@example.org -S sendwait -s hello b@localhost < {s.mail}"]


@sends("esmtp", "smtp")
def esmtp(s):
    rc = s.file("esmtprc", """
hostname = localhost:{port}
username = "test"
password = "secret"
starttls = disabled
""")
    return ["sh", "-c", f"esmtp -C {rc} -f a@example.org b@localhost < {s.mail}"]


@sends("ruby (net/imap, pop, smtp)", "smtp")
def ruby_smtp(s):
    return ["ruby", "-rnet/smtp", "-e", f"""
mail = File.read("{s.mail}")
Net::SMTP.start("localhost", {s.port}, "localhost", "test", "secret", :plain, starttls: false) do |c|
    c.send_message(mail, "a@example.org", "b@localhost")
end
"""]


@sends("tclsh (tcllib)", "smtp")
def tcl_smtp(s):
    """Tcl's own channels, with events."""
    return ["tclsh", str(s.file("session.tcl", """
package require mime
package require smtp
set message [mime::initialize -file {mail}]
smtp::sendmessage $message -originator a@example.org -recipients b@localhost -servers localhost -ports {port} \
    -username test -password secret -usetls 0
"""))]
