"""No request reaches our own network, whatever a name resolves to and when; and none is sent to whom the certificate does not name."""

import asyncio
import datetime as dates
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ledger_api.webhooks.sending import Answer, Sender
from tests.receivers import Receiver, receiving
from tests.unit.webhooks.test_guard import Says

NAMED = "https://hooks.example.com:8443/hooks"


def sent(sender: Sender, url: str) -> Answer:
    async def send() -> Answer:
        async with sender as opened:
            return await opened.send(url, {"webhook-id": "msg_1"}, "{}")

    return asyncio.run(send())


def port_of(receiver: Receiver) -> int:
    return int(receiver.url.split(":")[2].split("/")[0])


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(the server's side, a client's that trusts it): a certificate for this name alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dates.datetime.now(dates.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dates.timedelta(hours=1))
        .not_valid_after(now + dates.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    keyed = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(*keyed))
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=str(folder / "cert.pem"))


def test_a_name_that_leads_to_our_own_network_is_not_asked(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, "hooks.example.com")
    with receiving(tls=server) as receiver:
        for address in ("127.0.0.1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "64:ff9b::7f00:1"):
            assert sent(Sender(resolver=Says([address], port=port_of(receiver)), tls=trusting), NAMED) == (None, "address-refused")

    assert receiver.seen == []


def test_a_name_that_resolves_to_something_else_the_next_moment_gains_nothing(tmp_path: Path) -> None:
    """The connection is made to the address that was looked at: there is no second question that could be answered differently."""
    server, trusting = certificate(tmp_path, "hooks.example.com")
    with receiving(tls=server) as receiver:
        rebinding = Says(["127.0.0.1"], ["10.0.0.1"], port=port_of(receiver))
        answer = sent(Sender(resolver=rebinding, tls=trusting, loopback=True), NAMED)

    assert (answer, len(receiver.seen)) == ((204, None), 1)
    assert rebinding.answers == [["10.0.0.1"]]
    assert receiver.seen[0].headers["Host"] == "hooks.example.com:8443"


def test_each_new_connection_is_looked_at_anew(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, "hooks.example.com")
    with receiving(tls=server) as receiver:
        rebinding = Says(["127.0.0.1"], ["10.0.0.1"], port=port_of(receiver))
        answers = [sent(Sender(resolver=rebinding, tls=trusting, loopback=True), NAMED) for _ in range(2)]

    assert answers == [(204, None), (None, "address-refused")]
    assert len(receiver.seen) == 1


def test_the_certificate_must_be_for_the_host_name(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, "other.example.com")
    with receiving(tls=server) as receiver:
        wrong_name = sent(Sender(resolver=Says(["127.0.0.1"], port=port_of(receiver)), tls=trusting, loopback=True), NAMED)
        unknown = sent(Sender(resolver=Says(["127.0.0.1"], port=port_of(receiver)), loopback=True), NAMED.replace("hooks", "other"))

    assert (wrong_name, unknown, receiver.seen) == ((None, "tls"), (None, "tls"), [])


def test_an_address_typed_as_a_number_is_refused_at_sending_too() -> None:
    """Whatever is in the database: connections to numbers do not ask a resolver."""
    with receiving() as receiver:
        answers = [
            sent(Sender(), receiver.url),
            sent(Sender(), f"https://127.0.0.1:{port_of(receiver)}/"),
            sent(Sender(loopback=True), "http://10.0.0.1/"),
        ]

    assert set(answers) == {(None, "address-refused")}
    assert receiver.seen == []


def test_no_redirect_is_followed() -> None:
    with receiving() as inside, receiving(lambda _seen: 307) as receiver:
        receiver.headers["location"] = inside.url
        answer = sent(Sender(loopback=True), receiver.url)

    assert (answer, inside.seen) == ((307, "redirect"), [])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n" + b"x" * 1000 + b"\r\n", (200, None)),  # and never ends
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", (200, None)),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, (None, "connection")),
        (b"SSH-2.0-OpenSSH_9.2\r\n", (None, "connection")),
        (b"", (None, "timeout")),
    ],
)
def test_an_answer_without_an_end_costs_little(said: bytes, expected: tuple[int | None, str | None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        release = threading.Event()

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(said)
                release.wait(10)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        found = sent(Sender(loopback=True, seconds=1.5), f"http://127.0.0.1:{listening.getsockname()[1]}/")
        release.set()
        thread.join()

    assert found == expected
