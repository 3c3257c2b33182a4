"""exim4 as a client: takes messages from the command line, and sends them to a smarthost on this machine."""
import os
import shutil
import subprocess

_CONFIGURATION = """
exim_path = {folder}/exim4
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
primary_hostname = queue.example.org
keep_environment =
tls_advertise_hosts =
host_lookup =
begin routers
smarthost:
  driver = manualroute
  route_list = * localhost::{port} byname
  self = send
  transport = smtp
begin transports
smtp:
  driver = smtp
  hosts_avoid_tls = *
  allow_localhost
begin retry
* * F,1h,1m
"""


class EximQueue:
    """In `folder`, with a copy of the program of the server `exim` (servers/exim.py), under `shim`."""

    def __init__(self, shim, exim, port):
        self.shim, self.folder = shim, shim.folder / "queue"
        self.program = self.folder / "exim4"
        for folder in (self.folder, self.folder / "log", self.folder / "spool"):
            folder.mkdir()
            if os.geteuid() == 0:  # the user whose name exim has
                of = (exim.folder / "spool").stat()
                os.chown(folder, of.st_uid, of.st_gid)
        shutil.copy(exim.folder / "exim4", self.program)
        (self.folder / "conf").write_text(_CONFIGURATION.format(folder=self.folder, port=port))

    def run(self, *arguments, **options):
        return self.shim.run(self.program, "-C", self.folder / "conf", *arguments, **options)

    def send(self, text, *arguments):
        """Sends a message from a@example.org to b@localhost."""
        return self.run(*arguments, "-f", "a@example.org", "b@localhost", stdin=b"Subject: hello\n\n" + text + b"\n")

    def main_log(self):
        log = self.folder / "log/mainlog"
        return log.read_text() if log.exists() else ""

    def waiting(self):
        """How many messages are in the queue."""
        count = subprocess.run([self.program, "-C", self.folder / "conf", "-bpc"], capture_output=True, text=True, check=True,
                               timeout=60)
        return int(count.stdout)
