"""Programs that have nothing to do with mail, as jobs: shell scripts whose output does not depend on when they run. Each
runs in its own empty folder, with $ADDRESS for servers, $SOURCE (of this project), $NGINX_TREE and $POSTGRES."""

COMPILE = r"""
cat > Makefile <<X
CFLAGS = -O2 -std=c17 -D_GNU_SOURCE -I$SOURCE -I$SOURCE/shim
vpath %.c $SOURCE/shim/wire $SOURCE/shim/preload/*
all: greeting.o strbuf.o open_numbers.o names.o
	ar rcD all.a \$^
X
make -s -j4 && sha256sum *.o all.a
echo 'int main(void) { return x; }' | gcc -x c -o never - 2>&1 | head -1
echo '#include <stdio.h>
int main(void) { return puts("compiled") < 0; }' | gcc -x c -o hello - && ./hello
"""

SHELL = r"""
seq 1000 | while read n; do echo $((n * n)); done | awk '{ s += $1 } END { print s }'
for i in 1 2 3 4 5; do (exit $i) & wait $!; echo "exit $?"; done
mkfifo pipe; (seq 100 > pipe &); sort -rn pipe | head -3
trap 'echo got USR1' USR1; kill -USR1 $$
sh -c 'kill -9 $$'; echo "killed: $?"
exec 5> five 6>&5; echo one >&5; echo two >&6; exec 5>&- 6>&-; cat five
(ulimit -n 5; sh -c 'cat five') && echo "few descriptors"
find /usr/share/doc -maxdepth 1 -name 'l*' | sort | xargs -n 50 -P 4 ls -d | sort | cksum
tar -cf - --sort=name -C /usr/share/doc/bash . | gzip -n | gunzip | tar -tf - | sort | cksum
yes | head -c 3000000 | cksum
timeout 5 sh -c 'echo in time; exit 3'; echo "exit $?"
env -i /bin/echo nothing around
echo "$(echo nested $(echo twice $(echo thrice)))"
bash -c 'exec 3<>/dev/tcp/127.0.0.1/9 || echo refused' 2>/dev/null
python3 - <<'X'
import socket, threading, subprocess, select
l = socket.create_server(("127.0.0.1", 0))
def serve():
    for _ in range(20):
        c, _ = l.accept()
        with c:
            c.sendall(c.recv(100)[::-1])
t = threading.Thread(target=serve)
t.start()
for i in range(20):
    with socket.create_connection(l.getsockname()) as c:
        c.sendall(b"abc%d" % i)
        print(c.recv(100), c.family.name, c.getpeername() == l.getsockname())
t.join()
print(subprocess.run(["cat"], input=b"to a child", capture_output=True))
a, b = socket.socketpair()
socket.send_fds(a, [b"x"], [1])
print(len(socket.recv_fds(b, 10, 1)[1]), select.select([a], [b], [], 0)[1] == [b])
X
"""

# The server listens on $ADDRESS.
APT = r"""
mkdir www
(cd www && seq 100000 > big && echo small > small && touch -d 2020-01-01 big small)
cat > session.py <<'X'
import functools, http.server, os, subprocess, threading
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    log_message = lambda *_: None
    def do_GET(self):
        if self.path != "/moved":
            return super().do_GET()
        self.send_response(302)
        self.send_header("Location", "/small")
        self.send_header("Content-Length", "0")
        self.end_headers()
server = http.server.ThreadingHTTPServer((os.environ["ADDRESS"], 10080), functools.partial(Handler, directory="www"))
threading.Thread(target=server.serve_forever, daemon=True).start()
apt = subprocess.Popen(["/usr/lib/apt/methods/http"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
names = "big", "small", "missing", "moved", "small"
for name in names:
    apt.stdin.write(f"600 URI Acquire\nURI: http://{server.server_address[0]}:10080/{name}\nFilename: {name}.got\n\n")
apt.stdin.flush()
ended = 0
while ended < len(names):
    reply = iter(apt.stdout.readline, "\n")
    reply = "".join(line for line in reply if not line.startswith("Date:"))
    assert reply or apt.poll() is None
    if not reply.startswith("102"):
        print(reply)
    ended += reply[:3] in ("201", "400", "103")
apt.stdin.close()
print("exit", apt.wait())
X
python3 session.py && sha256sum *.got
"""

NGINX_UNDER_LOAD = r"""
cat > conf <<X
daemon off;
worker_processes 2;
pid pid;
error_log error.log;
events { worker_connections 400; }
http {
    access_log off;
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    server {
        listen $ADDRESS:10080 reuseport;
        location / { root $PWD/www; }
        location /through/ { proxy_pass http://$ADDRESS:10080/; }
    }
}
X
mkdir www; seq 20000 > www/numbers; echo small > www/small; chmod -R a+rX .
$NGINX_TREE/usr/sbin/nginx -e error.log -p . -c conf &
for try in $(seq 200); do curl -sf http://$ADDRESS:10080/small && break; sleep 0.05; done
for what in small numbers through/small through/numbers; do
    curl -sf http://$ADDRESS:10080/$what | cksum
    for keep in '' -k; do
        LD_LIBRARY_PATH=$NGINX_TREE/usr/lib/x86_64-linux-gnu $NGINX_TREE/usr/bin/ab -q $keep -n 500 -c 20 \
            http://$ADDRESS:10080/$what | grep -E '^(Complete|Failed|Non-2xx|HTML|Document)'
    done
done
kill -QUIT $!; wait $!; echo "exit $?"
grep -vF "[notice]" error.log
"""

DATABASE = r"""
export PATH=$POSTGRES/bin:$PATH LD_LIBRARY_PATH=$POSTGRES/libs LC_ALL=C TZ=UTC
initdb -D data -N -A trust -U me --locale=C -E UTF8 > initdb.log || cat initdb.log
cat >> data/postgresql.conf <<X
listen_addresses = '$ADDRESS'
port = 10432
unix_socket_directories = '$PWD'
fsync = off
jit = off
X
pg_ctl -D data -w -l log start | tail -1
ask() { psql -X -U me -d postgres -p 10432 -h "$@" 2>&1 | sed 's/PID [0-9]*/PID/'; }
for from in $ADDRESS $PWD; do
    ask $from -q <<'X'
DROP TABLE IF EXISTS t;
CREATE TABLE t (n int PRIMARY KEY, s text);
INSERT INTO t SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 5000) n;
SELECT count(*), sum(n), md5(string_agg(s, '' ORDER BY n)) FROM t;
SELECT no_such_column FROM t;
\copy t TO copy.out
SELECT pg_notify('x', 'y');
LISTEN x; NOTIFY x, 'heard';
X
    cksum copy.out
    for i in 1 2 3 4 5; do ask $from -Atc "SELECT pg_sleep(0.1), sum(n) * $i FROM t" & done | sort
    wait
done
pg_dump -U me -h $ADDRESS -p 10432 postgres | grep -v -E '^--|restrict' | cksum
pg_ctl -D data -w -m smart stop
grep -E 'FATAL|PANIC' log | grep -v 'the database system is starting up'
"""
