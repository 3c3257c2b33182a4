"""exim4, run from where it was unpacked, as root or as an ordinary user: a submission server that keeps what it takes
in one mailbox, and logs the cipher of each message."""
from ..wait import wait_for
from .server import UNPACKED, Server, user_for

_CONFIGURATION = """
exim_path = {exim}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/spool/exim.pid
primary_hostname = localhost
local_interfaces = {address}
daemon_smtp_ports = {smtp}
keep_environment =
smtp_accept_max = 200
smtp_accept_max_per_connection = 1000
message_size_limit = 200M
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
auth_advertise_hosts = *
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_ok
qualify_domain = localhost
host_lookup =
rfc1413_query_timeout = 0s
begin acl
acl_rcpt:
  accept
acl_ok:
  accept logwrite = DATA-ACCEPTED cipher=$tls_in_cipher auth=$authenticated_id size=$message_size
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  file = {folder}/spool/out.mbox
  user = {uid}
  group = {gid}
  envelope_to_add
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{test}}}}{{eq{{$auth3}}{{secret}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{test}}}}{{eq{{$auth2}}{{secret}}}}}}}}
  server_set_id = $auth1
"""

_COMPILED_USER = b"Debian-exim"  # the user and group whose name is compiled in; a string of digits is taken as a number


class Exim(Server):
    ports = {"smtp": 10587}

    def configure(self):
        user = user_for("mail")
        for folder in ("log", "spool"):
            self.own(self.folder / folder, user)
        # The machine may lack exim's user, and an ordinary user is not it: our copy of the program names ours.
        program = (UNPACKED / "exim/usr/sbin/exim4").read_bytes()
        exim = self.folder / "exim4"
        exim.write_bytes(program.replace(_COMPILED_USER, b"%0*d" % (len(_COMPILED_USER), user.pw_uid)))
        exim.chmod(0o755)
        file = self.folder / "exim.conf"
        file.write_text(_CONFIGURATION.format(
            exim=exim, folder=self.folder, address=self.address, certificate=self.certificate.pem,
            key=self.private_key(user), uid=user.pw_uid, gid=user.pw_gid, **self.ports))
        return [str(exim), "-C", str(file), "-bdf"], {}

    def wait_for_message(self, token):
        """Waits until the mailbox holds a message with `token` (bytes) in it; returns the mailbox."""
        mailbox = self.folder / "spool/out.mbox"

        def delivered():
            content = mailbox.read_bytes() if mailbox.exists() else b""
            return content if token in content else None
        return wait_for(delivered, lambda: f"{token!r} in {mailbox}\n{self.logs()}", timeout=60)

    def has(self, token):
        """Whether the mailbox holds a message with `token` (bytes) in it now."""
        mailbox = self.folder / "spool/out.mbox"
        return mailbox.exists() and token in mailbox.read_bytes()

    def logged_in(self):
        """Whether anybody who sent a message was logged in."""
        return " auth=" in self.main_log()

    def main_log(self):
        return (self.folder / "log/mainlog").read_text()
