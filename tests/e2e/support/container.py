"""buildah images and containers, in the test's own store."""
import shutil
import subprocess
from pathlib import Path

from .guest import Guest


class Store:
    """buildah keeps everything in `folder`, which must be empty at first."""

    def __init__(self, folder):
        assert shutil.which("buildah"), "buildah is not installed: tests/install-dependencies --roots installs it"
        self.folder = Path(folder)
        self.words = ["buildah", "--root", str(folder / "store"), "--runroot", str(folder / "run")]

    def run(self, *words):
        done = subprocess.run([*self.words, *map(str, words)], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def image_of_root(self, name, root):
        """An image of everything in the folder `root`."""
        context = self.folder / name
        context.mkdir()
        subprocess.run(["tar", "-C", root, "-cf", context / "root.tar", "."], check=True)
        (context / "Containerfile").write_text("FROM scratch\nADD root.tar /\n")
        return self.build(name, context)

    def build(self, name, context, *options):
        self.run("bud", "-q", "--pull=never", "--isolation", "chroot", "-t", f"localhost/{name}", *options, context)
        shutil.rmtree(context)
        return f"localhost/{name}"

    def container(self, image):
        return self.run("from", "--pull=never", image)

    def close(self):
        self.run("rm", "--all")
        self.run("rmi", "--all", "--force")


class Contained(Guest):
    """Runs its programs in a container. Only the container's image decides what they preload."""

    def __init__(self, store, container, root, bundle):
        super().__init__(root, bundle)
        self.store, self.container = store, container

    def placed(self, words, environment):
        environment = {name: value for name, value in environment.items() if name not in ("LD_PRELOAD", "PATH")}
        return [*self.store.words, "run", "--isolation", "chroot", "--network", "host", "-v", f"{self.folder}:{self.folder}",
                *(f"--env={name}={value}" for name, value in environment.items()), "--workingdir", str(self.folder),
                self.container, "--", *words], {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
