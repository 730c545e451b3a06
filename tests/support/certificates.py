"""Certificates for the tests of TLS, made on the spot by the `openssl` command."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import environment_for, run_command

# Everything spelled out, because what the system's own configuration adds differs; Python 3.13 is strict about it.
_CONFIGURATION = """\
[req]
distinguished_name = name
prompt = no
x509_extensions = authority
[name]
CN = {name}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = {alternatives}
authorityKeyIdentifier = keyid
"""
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl_is_here() -> bool:
    return shutil.which("openssl") is not None


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates; whoever trusts `certificate` trusts these."""

    certificate: Path
    key: Path

    def sign(self, name: str, alternatives: str) -> Certificate:
        """For a server that goes by `alternatives`, for instance `IP:127.0.0.1,DNS:localhost`."""
        folder = self.certificate.parent
        signed = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
        request = folder / f"{name}.csr"
        configuration = _configure(folder, name, alternatives)
        _openssl("req", "-new", *_NEW_KEY, "-config", configuration, "-keyout", signed.key, "-out", request)
        issuer = ("-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial")
        extensions = ("-extfile", configuration, "-extensions", "server")
        _openssl("x509", "-req", "-in", request, *issuer, *extensions, "-days", "2", "-out", signed.certificate)
        return signed


def make_authority(folder: Path, name: str) -> Authority:
    authority = Authority(folder / f"{name}.pem", folder / f"{name}.key")
    configuration = _configure(folder, name, "DNS:unused")
    files = ("-keyout", authority.key, "-out", authority.certificate)
    _openssl("req", "-x509", *_NEW_KEY, "-config", configuration, "-days", "2", *files)
    return authority


def _configure(folder: Path, name: str, alternatives: str) -> Path:
    file = folder / f"{name}.cnf"
    file.write_text(_CONFIGURATION.format(name=name, alternatives=alternatives), encoding="ascii")
    return file


def _openssl(*arguments: str | Path) -> None:
    done = run_command("openssl", *map(str, arguments), env=environment_for())
    assert done.returncode == 0, done.stderr
