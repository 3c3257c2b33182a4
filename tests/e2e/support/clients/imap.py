"""Clients that read over IMAP."""
import os
import pwd

from ..servers.dovecot import version
from ..shim import PYTHON
from .registry import ELSEWHERE, reads


@reads("curl", "imap")
def curl_imap(s):
    return ["curl", "-sS", "-u", f"{s.user}:secret", f"imap://{ELSEWHERE}:{s.port}/INBOX;MAILINDEX=1"]


@reads("python3 (imaplib, poplib, smtplib, nntplib)", "imap")
def python_imap(s):
    return [PYTHON, "-c", f"""
import imaplib
c = imaplib.IMAP4("localhost", {s.port})
c.login("{s.user}", "secret")
c.select()
print(c.fetch("1", "(RFC822)")[1][0][1].decode())
c.logout()
"""]


def mutt_rc(s):
    return s.file("muttrc", """
set ssl_starttls=no ssl_force_tls=no imap_pass=secret smtp_pass=secret
set smtp_url=smtp://test@localhost:{port}/ smtp_authenticators=plain from=a@example.org
set folder={folder}
set header_cache= message_cachedir= record= certificate_file={folder}/none sendmail= copy=no
set imap_keepalive=900 wait_key=no confirmappend=no mail_check=900 timeout=900
""")


@reads("mutt", "imap")
def mutt_imap(s):
    keys = "<last-entry><display-message><exit><pipe-message>cat>got<enter><exit>"
    mutt = f"mutt -F {mutt_rc(s)} -f imap://{s.user}@localhost:{s.port}/INBOX -e 'push \"{keys}\"'"
    terminal = "stty rows 24 cols 80"  # one that script(1) makes has no size by itself
    return ["sh", "-c", 'script -qefc "$1" /dev/null && cat got', "mutt", f"{terminal}; {mutt}"]


@reads("ruby (net/imap, pop, smtp)", "imap")
def ruby_imap(s):
    """A thread of its own reads all answers."""
    return ["ruby", "-rnet/imap", "-e", f"""
c = Net::IMAP.new("localhost", port: {s.port})
c.login("{s.user}", "secret")
c.select("INBOX")
puts c.fetch(1, "RFC822")[0].attr["RFC822"]
c.logout
"""]


@reads("mbsync", "imap")
def mbsync(s):
    (s.folder / "down").mkdir()
    rc = s.file("mbsyncrc", """
IMAPAccount a
Host localhost
Port {port}
User {user}
Pass secret
SSLType None
AuthMechs LOGIN

IMAPStore far
Account a

MaildirStore near
Path {folder}/down/
Inbox {folder}/down/INBOX

Channel c
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
""")
    return ["sh", "-c", f"mbsync -q -c {rc} -a && cat down/INBOX/*/*"]


IMAPC_2_3 = """
import_environment = TZ LD_PRELOAD RETROTLS_POLICY RETROTLS_LOG RETROTLS_TEST_HOSTS
mail_location = imapc:{folder}/home/imapc
"""

# Its first line must be the first of the file.
IMAPC_2_4 = """dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
import_environment {{
  LD_PRELOAD = %{{env:LD_PRELOAD}}
  RETROTLS_POLICY = %{{env:RETROTLS_POLICY}}
  RETROTLS_LOG = %{{env:RETROTLS_LOG}}
  RETROTLS_TEST_HOSTS = %{{env:RETROTLS_TEST_HOSTS}}
}}
mail_driver = imapc
mail_path = {folder}/home/imapc
"""


@reads("doveadm (imapc)", "imap", by_address=True)
def doveadm(s):
    """It gets an address, because another process, which does not run here, would look up a name."""
    user = pwd.getpwnam("mail") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    home = s.folder / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(home, user.pw_uid, user.pw_gid)  # it refuses to be root
    of_version = IMAPC_2_4 if version() >= (2, 4) else IMAPC_2_3
    conf = s.file("imapc.conf", of_version + """
log_path = /dev/stderr
ssl = no
mail_home = {folder}/home
mail_uid = %d
mail_gid = %d
first_valid_uid = 1
first_valid_gid = 1
imapc_host = 127.0.0.1
imapc_port = {port}
imapc_user = {user}
imapc_password = secret
imapc_ssl = no
base_dir = {folder}/run
stats_writer_socket_path =
service stats {{
  chroot =
}}
""" % (user.pw_uid, user.pw_gid), 0o644)
    s.open_to_others()
    alone = ["--no-userdb-lookup"] if version() >= (2, 4) else []
    return ["doveadm", "-c", str(conf), "fetch", *alone, "text", "mailbox", "INBOX", "uid", "1:20"]


@reads("offlineimap", "imap")
def offlineimap(s):
    """A thread that reads, one that writes, and one for each account and folder."""
    rc = s.file("offlineimaprc", """
[general]
accounts = a
metadata = {folder}/metadata
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {folder}/down
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {user}
remotepass = secret
ssl = no
starttls = no
auth_mechanisms = LOGIN
""")
    return ["sh", "-c", f"offlineimap -c {rc} -o -u quiet && cat down/INBOX/*/*"]


@reads("s-nail", "imap")
def s_nail_imap(s):
    """Types the message; its own TLS is only for imaps://, or where imap-use-starttls is set."""
    return ["sh", "-c", f"echo type 1 | s-nail -:/ -S v15-compat -S password=secret -S headline-plain "
                        f"-f imap://{s.user}@localhost:{s.port}/INBOX"]


@reads("alpine", "imap", slow=True)
def alpine(s):
    """It warns for three seconds that, as far as it knows, its password goes to a server without TLS."""
    rc = s.file("pinerc", """
inbox-path={{localhost:{port}/notls/user={user}}}INBOX
user-domain=example.org
personal-name=a
feature-list=quit-without-confirm
last-version-used=9.99
""")
    return s.with_keys(["alpine", "-p", str(rc), "-i"], ["PASSWORD", "secret\\r", "Preserve", "n",
                                                         "hello", "\\r", "cat sat", "q"])


@reads("imapfilter", "imap")
def imapfilter(s):
    rc = s.file("config.lua", """
options.starttls = false
account = IMAP {{ server = "localhost", port = {port}, username = "{user}", password = "secret" }}
mailbox, uid = table.unpack(account.INBOX:select_all()[1])
print(mailbox[uid]:fetch_message())
""")
    return ["imapfilter", "-c", str(rc)]
