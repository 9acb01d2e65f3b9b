"""Servers on the loopback that behave as badly as a test wants."""

from __future__ import annotations

import contextlib
import itertools
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api.outbound.addresses import networks
from api.outbound.urls import UrlRules

LOOPBACK = networks("127.0.0.0/8")


@dataclass
class Served:
    """A running server, and what it was sent."""

    port: int
    stopped: Event
    """Set when the test is over: what waits on it ends."""
    requests: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    """Server names asked for in TLS."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/recording"

    @property
    def rules(self) -> UrlRules:
        """Rules under which this server may be connected to, and nothing else of the loopback."""
        return UrlRules(ports=frozenset({self.port}), allow_http=True, allowed_networks=LOOPBACK)


Behaviour = Callable[[socket.socket, Served], None]


@contextlib.contextmanager
def serving(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """A server that reads each request, then does as `behaviour` does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Served(listener.getsockname()[1], Event())
        if tls is not None:
            tls.sni_callback = lambda _socket, name, _context: served.names.append(name)
        thread = Thread(target=_serve, args=(listener, behaviour, served, tls))
        thread.start()
        try:
            yield served
        finally:
            served.stopped.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, behaviour: Behaviour, served: Served, tls: ssl.SSLContext | None) -> None:
    while not served.stopped.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        # A client that goes away is what many of these tests are about.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            with tls.wrap_socket(connection, server_side=True) if tls else contextlib.nullcontext(connection) as stream:
                served.requests.append(_read_request(stream))
                behaviour(stream, served)


def _read_request(stream: socket.socket) -> bytes:
    data = b""
    while not _is_whole(data) and (more := stream.recv(65_536)):
        data += more
    return data


def _is_whole(data: bytes) -> bool:
    """Whether a request is all there, or is the beginning of TLS, which a server without it cannot wait to end."""
    head, end, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return data.startswith(b"\x16") or (bool(end) and len(body) >= (int(length[1]) if length else 0))


def sending(data: bytes) -> Behaviour:
    """Send everything and close."""
    return lambda stream, _served: stream.sendall(data)


def dribbling(head: bytes, piece: bytes, pause: float = 0.005, pieces: int | None = None) -> Behaviour:
    """Send the head at once, then the same piece again and again, with a pause before each."""

    def behave(stream: socket.socket, served: Served) -> None:
        stream.sendall(head)
        for _ in range(pieces) if pieces is not None else itertools.count():
            if served.stopped.wait(pause):
                return
            stream.sendall(piece)

    return behave


def silent_after(data: bytes) -> Behaviour:
    """Send this, then nothing, and leave the connection open."""

    def behave(stream: socket.socket, served: Served) -> None:
        stream.sendall(data)
        served.stopped.wait(5)

    return behave


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate."""

    path: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context

    def trusting(self) -> ssl.SSLContext:
        """What a client uses that trusts this certificate alone."""
        return ssl.create_default_context(cafile=str(self.path))


def make_certificate(folder: Path, host: str) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{host}.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return Certificate(path)
