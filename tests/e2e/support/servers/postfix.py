"""postfix, run from where it was unpacked, as root: its master refuses any other user. exim covers what ordinary users
can run."""
import shutil

from ..wait import wait_for
from .server import UNPACKED, Server, user_for

_MAIN_CF = """
compatibility_level = 3.6
local_recipient_maps =
alias_maps =
alias_database =
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {tree}/usr/sbin
daemon_directory = {tree}/usr/lib/postfix/sbin
shlib_directory = {tree}/usr/lib/postfix
meta_directory = {tree}/etc/postfix
mail_owner = nobody
setgid_group = mail
default_privs = daemon
import_environment = MAIL_CONFIG LD_LIBRARY_PATH
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = {folder}/log/postfix.log
maillog_file_prefixes = {folder}
myhostname = mail.example.org
mydestination =
virtual_mailbox_domains = localhost
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:out
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
message_size_limit = 200000000
smtpd_relay_restrictions = permit_auth_destination, reject
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key}, {certificate}
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
"""

_MASTER_CF = """
{address}:{smtp} inet n  -  n  -     -  smtpd
cleanup     unix  n  -  n  -     0  cleanup
qmgr        unix  n  -  n  300   1  qmgr
tlsmgr      unix  -  -  n  1000? 1  tlsmgr
rewrite     unix  -  -  n  -     -  trivial-rewrite
bounce      unix  -  -  n  -     0  bounce
defer       unix  -  -  n  -     0  bounce
trace       unix  -  -  n  -     0  bounce
error       unix  -  -  n  -     -  error
retry       unix  -  -  n  -     -  error
virtual     unix  -  n  n  -     -  virtual
proxymap    unix  -  -  n  -     -  proxymap
anvil       unix  -  -  n  -     1  anvil
scache      unix  -  -  n  -     1  scache
smtp        unix  -  -  n  -     -  smtp
postlog     unix-dgram n - n -   1  postlogd
"""

_QUEUE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")


class Postfix(Server):
    ports = {"smtp": 10588}
    more = {}  # settings of main.cf
    environment = {}  # of the master


    def configure(self):
        owner, user = user_for("nobody"), user_for("mail")
        tree = self.folder / "postfix"  # a copy: the build tree may be hidden from the users that it runs as
        shutil.copytree(UNPACKED / "postfix", tree, symlinks=True)
        for folder in _QUEUE:
            self.own(self.folder / "queue" / folder, owner)
        for folder in ("queue/pid", "etc", "log"):
            (self.folder / folder).mkdir()
        for folder in ("queue/maildrop", "queue/public"):
            self.own(self.folder / folder, owner)
        self.own(self.folder / "data", owner)
        self.own(self.folder / "mail", user)
        names = {"folder": self.folder, "tree": tree, "address": self.address, "certificate": self.certificate.pem,
                 "key": self.private_key(user_for("root")), "uid": user.pw_uid, "gid": user.pw_gid}
        more = "".join(f"{name} = {value}\n" for name, value in self.more.items())
        (self.folder / "etc/main.cf").write_text(_MAIN_CF.format(**names) + more)
        (self.folder / "etc/master.cf").write_text(_MASTER_CF.format(address=self.address, **self.ports))
        return ([str(tree / "usr/lib/postfix/sbin/master"), "-d", "-c", str(self.folder / "etc")],
                {"LD_LIBRARY_PATH": str(tree / "usr/lib/postfix"), "MAIL_CONFIG": str(self.folder / "etc"),
                 **self.environment})

    def wait_for_message(self, token):
        """Waits until the mailbox holds a message with `token` (bytes) in it; returns the mailbox."""
        mailbox = self.folder / "mail/out"

        def delivered():
            content = mailbox.read_bytes() if mailbox.exists() else b""
            return content if token in content else None
        return wait_for(delivered, lambda: f"{token!r} in {mailbox}\n{self.logs()}", timeout=60)

    def main_log(self):
        return (self.folder / "log/postfix.log").read_text()
