"""A port for TLS from the first byte in front of a server that has none: takes off the TLS, and passes on the bytes."""
import asyncio
import contextlib
import ssl
import threading

from . import certs, loopback


class TlsPort:
    """Listens, and copies each connection to `server` = (address, port) and back. Use as a context."""

    def __init__(self, server):
        self.server = server
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certs.case("good").pem, certs.case("good").key)
        self.listener = loopback.listen()
        self.address = self.listener.getsockname()[:2]
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        self.listener.close()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self._serve, sock=self.listener, ssl=self.context))
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        with contextlib.suppress(OSError, ssl.SSLError):
            server = await asyncio.open_connection(*self.server)
            await asyncio.gather(self._copy(reader, server[1]), self._copy(server[0], writer))
            server[1].close()

    @staticmethod
    async def _copy(source, to):
        """TLS of asyncio has no half-close: the server's end closes the connection, the client's is passed on."""
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await source.read(65536):
                to.write(data)
                await to.drain()
        with contextlib.suppress(OSError, ssl.SSLError):
            if to.can_write_eof():
                to.write_eof()
            else:
                to.close()
