"""dovecot: IMAP, POP3, LMTP, ManageSieve, as root or as an ordinary user."""
import email.utils
import functools
import itertools
import os
import subprocess

from .server import Server, user_for

PASSWORD = "secret"

_CONFIGURATION = """
{of_version}
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = retrotls-test
log_path = {folder}/log/dovecot.log
auth_verbose = yes
listen = {address}
protocols = {protocols}
ssl = yes
ssl_min_protocol = TLSv1.2
auth_mechanisms = plain login
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 200
maildir_very_dirty_syncs = yes
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
{more_services}service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
{as_ordinary_user}
"""

# Of packages of their own.
_MORE_SERVICES = {"lmtp": """
service lmtp {{
  inet_listener lmtp {{
    port = {port}
  }}
}}
""", "sieve": """
service managesieve-login {{
  chroot =
  inet_listener sieve {{
    port = {port}
  }}
}}
"""}

_VERSION_2_3 = """
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%n
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%n.home allow_all_users=yes
}}
"""

# Its first line must be the first of the file.
_VERSION_2_4 = """dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
ssl_server_cert_file = {certificate}
ssl_server_key_file = {key}
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = {folder}/mail/%{{user | username}}
passdb static {{
  password = secret
}}
userdb static {{
  static_allow_all_users = yes
  fields {{
    uid = {user}
    gid = {group}
    home = {folder}/mail/%{{user | username}}.home
  }}
}}
"""

_AS_ORDINARY_USER = """
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
"""


@functools.lru_cache(maxsize=None)
def version():
    """Of the server, as (2, 4): the names of settings changed with it."""
    words = subprocess.run(["/usr/sbin/dovecot", "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return tuple(int(number) for number in words.split(".")[:2])


class Dovecot(Server):
    """Any user name is welcome, the password is `secret`: each test makes a mailbox of its own. IMAP and POP3 are always
    among `protocols`."""

    ports = {"imap": 10143, "pop3": 10110, "lmtp": 10024, "sieve": 10190}
    implicit_ports = {"imap": 10993, "pop3": 10995}

    def __init__(self, certificate, protocols=tuple(ports)):
        super().__init__(certificate)
        self.ports = {protocol: self.ports[protocol] for protocol in protocols}

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
        of_version = (_VERSION_2_4 if version() >= (2, 4) else _VERSION_2_3).format(
            folder=self.folder, certificate=self.certificate.pem, key=self.certificate.key, **names)
        file.write_text(_CONFIGURATION.format(
            of_version=of_version, folder=self.folder, address=self.address, protocols=" ".join(self.ports),
            more_services="".join(text.format(port=self.ports[name]) for name, text in _MORE_SERVICES.items() if name in self.ports),
            imaps=self.implicit_ports["imap"], pop3s=self.implicit_ports["pop3"], **names, **self.ports,
            as_ordinary_user="" if os.geteuid() == 0 else _AS_ORDINARY_USER.format(**names)).lstrip())
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

    def logged_in(self):
        """Whether anybody has logged in."""
        return "Login: user=" in (self.folder / "log/dovecot.log").read_text()

    def messages(self, user):
        """The messages in a user's INBOX now."""
        inbox = self.folder / "mail" / user
        return [file.read_bytes() for part in ("cur", "new") for file in sorted((inbox / part).glob("*"))]


def message(subject, text, to="b@localhost"):
    """A small mail."""
    lines = ["From: a@example.org", f"To: {to}", f"Subject: {subject}", f"Date: {email.utils.formatdate()}",
             f"Message-ID: {email.utils.make_msgid(domain='example.org')}", "", text, ""]
    return "\r\n".join(lines).encode()
