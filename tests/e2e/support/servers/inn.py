"""INN's nnrpd, run from where it was unpacked, as root or as an ordinary user: one group with one article; what is
posted is kept in a folder. innd itself is not needed for reading and posting."""
import grp
import os
import shutil
import subprocess

from ..wait import wait_for
from .server import UNPACKED, Server, user_for

_ARTICLE = """Path: news.example.org!not-for-mail
From: a <a@example.org>
Newsgroups: local.test
Subject: hello
Date: Tue, 24 Nov 2020 05:53:44 +0000
Message-ID: <1@example.org>
Xref: news.example.org local.test:1
Lines: 1

the cat sat on the mat
"""

_INN_CONF = """
pathhost: news.example.org
domain: example.org
runasuser: {user}
runasgroup: {group}
organization: "retrotls tests"
mta: "/bin/true %s"
nnrpdloadlimit: 0
hismethod: hisv6
ovmethod: tradindexed
enableoverview: true
server: {address}
pathnews: {bin}/..
pathbin: {bin}
patharchive: {news}/archive
patharticles: {news}/articles
pathcontrol: {news}/control
pathdb: {news}/db
pathetc: {news}/etc
pathfilter: {news}/filter
pathincoming: {news}/incoming
pathlog: {folder}/log
pathoutgoing: {news}/outgoing
pathoverview: {news}/overview
pathrun: {news}/run
pathspool: {news}
pathtmp: {news}/tmp
tlscafile: {certificate}
tlscertfile: {certificate}
tlskeyfile: {key}
"""

_READERS_CONF = """
auth "all" {{
    hosts: "*"
    auth: "ckpasswd -f {news}/etc/passwd"
    default: "anonymous"
}}
access "all" {{
    users: "*"
    newsgroups: "*"
    access: RPA
}}
"""


class Inn(Server):
    ports = {"nntp": 10119}

    def configure(self):
        user = user_for("news")
        tree = self.folder / "inn"  # a copy: the build tree may be hidden from the user that it runs as
        shutil.copytree(UNPACKED / "inn2", tree, symlinks=True)
        news = self.folder / "news"
        for folder in ("archive", "articles/local/test", "control", "db", "etc", "filter", "incoming/tmp", "outgoing",
                       "overview", "run", "tmp", "../log"):
            (news / folder).mkdir(parents=True)
        shutil.copytree(UNPACKED / "inn2/etc/news", news / "etc", dirs_exist_ok=True)
        names = {"user": user.pw_name, "group": grp.getgrgid(user.pw_gid).gr_name, "address": self.address,
                 "bin": tree / "usr/lib/news/bin", "news": news, "folder": self.folder,
                 "certificate": self.certificate.pem, "key": self.private_key(user)}
        (news / "etc/inn.conf").write_text(_INN_CONF.format(**names))
        (news / "etc/readers.conf").write_text(_READERS_CONF.format(**names))
        password = subprocess.run(["openssl", "passwd", "-6", "secret"], capture_output=True, text=True, check=True)
        (news / "etc/passwd").write_text(f"test:{password.stdout}")
        (news / "articles/local/test/1").write_text(_ARTICLE)
        (news / "tradspool.map").touch()
        for file, content in (("active", "local.test 0000000001 0000000001 y\n"), ("active.times", ""),
                              ("newsgroups", "local.test\ta group\n"), ("history", "")):
            (news / "db" / file).write_text(content)
        self.own(news, user)
        environment = {"INNCONF": str(news / "etc/inn.conf"),
                       "LD_LIBRARY_PATH": f"{tree}/usr/lib/news:{tree}/usr/lib/x86_64-linux-gnu"}
        prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"] \
            if os.geteuid() == 0 else []
        subprocess.run([*prefix, names["bin"] / "makehistory", "-O"], check=True, cwd=self.folder,
                       env={"PATH": "/usr/bin:/bin", **environment})
        return [*prefix, str(names["bin"] / "nnrpd"), "-D", "-f", "-o", "-b", self.address,
                "-p", str(self.ports["nntp"])], environment

    def wait_for_article(self, token):
        """Waits until an article with `token` (bytes) in it was posted; returns it."""
        def posted():
            for file in (self.folder / "news/incoming").rglob("*"):
                if file.is_file() and token in file.read_bytes():
                    return file.read_bytes()
            return None
        return wait_for(posted, lambda: f"an article with {token!r}\n{self.logs()}")
