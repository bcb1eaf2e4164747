"""TLS for tests: an authority that nothing trusts by itself."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Authority:
    """A throw-away certificate authority, and the server it vouches for."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.file = folder / "ca.pem"
        key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away")])
        own = _certificate(name, name, key, key, is_authority=True)
        server = _certificate(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]),
            name,
            server_key,
            key,
            host=host,
        )
        pem = serialization.Encoding.PEM
        self.file.write_bytes(own.public_bytes(pem))
        (folder / "server.pem").write_bytes(
            server.public_bytes(pem)
            + server_key.private_bytes(
                pem,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(folder / "server.pem")
        # A real service would choose HTTP/2 if it were offered.
        self.server.set_alpn_protocols(["h2", "http/1.1"])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    is_authority: bool = False,
    host: str = "127.0.0.1",
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(
        issuer_key.public_key()
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    address = ipaddress.ip_address(host)
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=is_authority, path_length=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (issuer_id, False),
        (usage, True),
        (x509.SubjectAlternativeName([x509.IPAddress(address)]), False),
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return builder.sign(issuer_key, hashes.SHA256())
