"""The AMI link over TLS: a certificate we were told to trust, one we were not, and a port without TLS."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from core.clock import system_clock
from pbx_bridge.ami.link import AmiLink
from pbx_bridge.ami.queue import LinkLost, LinkUp
from pbx_bridge.ami.session import Credentials
from pbx_bridge.ami.target import AmiTarget
from tests.integration.ami_peer import AmiPeer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file, as Asterisk has it."""
    path = tmp_path_factory.mktemp("tls") / "asterisk.pem"
    key = path.with_suffix(".key")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pbx -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*command.split(), "-keyout", key, "-out", path], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


def secure_peer(certificate: Path) -> AmiPeer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return AmiPeer(tls=context)


def link_to(port: int, tls_ca: Path | None) -> AmiLink:
    target = AmiTarget("main", "127.0.0.1", port, Credentials("u", "s"), tls=True, tls_ca=tls_ca)
    return AmiLink(target, clock=system_clock)


async def first_item(link: AmiLink) -> object:
    async with link, asyncio.timeout(30):
        return await anext(link)


async def test_with_the_right_certificate_it_logs_in(certificate: Path) -> None:
    async with secure_peer(certificate) as peer:
        assert isinstance(await first_item(link_to(peer.port, certificate)), LinkUp)


async def test_a_certificate_nobody_vouches_for_gets_no_secret(certificate: Path) -> None:
    async with secure_peer(certificate) as peer:
        lost = await first_item(link_to(peer.port, None))
        assert isinstance(lost, LinkLost)
        assert "no TLS with 127.0.0.1" in lost.reason
        assert "pbx.main.tls_ca" in lost.reason
        assert peer.actions == []


async def test_a_port_without_tls_is_told_as_such(certificate: Path) -> None:
    async with AmiPeer() as peer:
        lost = await first_item(link_to(peer.port, certificate))
        assert isinstance(lost, LinkLost)
        assert "no TLS with" in lost.reason
        assert peer.actions == []


async def test_a_missing_certificate_file_is_named(tmp_path: Path) -> None:
    lost = await first_item(link_to(1, tmp_path / "nowhere.pem"))
    assert isinstance(lost, LinkLost)
    assert "nowhere.pem: No such file or directory" in lost.reason
