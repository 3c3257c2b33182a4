"""dovecot: IMAP, POP3, LMTP, ManageSieve, as root or as an ordinary user."""
import email.utils
import itertools
import os

from .server import Server, user_for

PASSWORD = "secret"

_CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = retrotls-test
log_path = {folder}/log/dovecot.log
auth_verbose = yes
listen = {address}
protocols = imap pop3 lmtp sieve
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%n
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 200
maildir_very_dirty_syncs = yes
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%n.home allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service managesieve-login {{
  chroot =
  inet_listener sieve {{
    port = {sieve}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
{as_ordinary_user}
"""

_AS_ORDINARY_USER = """
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
"""


class Dovecot(Server):
    """Any user name is welcome, the password is `secret`: each test makes a mailbox of its own."""

    ports = {"imap": 10143, "pop3": 10110, "lmtp": 10024, "sieve": 10190}
    implicit_ports = {"imap": 10993, "pop3": 10995}

    def configure(self):
        import grp
        user = user_for("mail")
        names = {"user": user.pw_name, "group": grp.getgrgid(user.pw_gid).gr_name}
        self._user = user
        self._numbers = itertools.count(1)
        for folder in ("log", "run", "state"):
            (self.folder / folder).mkdir()
        self.own(self.folder / "mail", user)
        file = self.folder / "dovecot.conf"
        file.write_text(_CONFIGURATION.format(
            folder=self.folder, address=self.address, certificate=self.certificate.pem, key=self.certificate.key,
            imaps=self.implicit_ports["imap"], pop3s=self.implicit_ports["pop3"], **names, **self.ports,
            as_ordinary_user="" if os.geteuid() == 0 else _AS_ORDINARY_USER.format(**names)))
        return ["/usr/sbin/dovecot", "-F", "-c", str(file)], {}

    def mailbox(self, *messages):
        """A new user's name, whose INBOX holds `messages` (bytes each)."""
        name = f"test{next(self._numbers)}"
        inbox = self.folder / "mail" / name
        for part in ("cur", "new", "tmp"):
            (inbox / part).mkdir(parents=True)
        for number, message in enumerate(messages, 1):
            (inbox / "cur" / f"{number:06}.retrotls:2,").write_bytes(message)
        self.own(inbox, self._user)
        return name

    def messages(self, user):
        """The messages in a user's INBOX now."""
        inbox = self.folder / "mail" / user
        return [file.read_bytes() for part in ("cur", "new") for file in sorted((inbox / part).glob("*"))]


def message(subject, text, to="b@localhost"):
    """A small mail."""
    lines = ["From: a@example.org", f"To: {to}", f"Subject: {subject}", f"Date: {email.utils.formatdate()}",
             f"Message-ID: {email.utils.make_msgid(domain='example.org')}", "", text, ""]
    return "\r\n".join(lines).encode()
