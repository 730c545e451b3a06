"""Hosts on a network of their own: a network namespace each, joined by a bridge that this machine has an address on.

A host can be cut off: from then on its packets, and those to it, vanish without a word, as behind a switch that has
lost its power. Everything is made by `ip`, with names of this process, and removed however the test ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

# Set apart for tests of networks by RFC 2544: no real one has it.
_NETWORK = "198.18.{third}.{fourth}"
_HARDWARE = "02:00:00:00:00:{fourth:02x}"
_OURS = 1


def why_not() -> str | None:
    """Why there can be no namespaces here, or None."""
    if os.geteuid() != 0:
        return "making network namespaces takes root"
    if shutil.which("ip") is None:
        return "the ip command (iproute2) is missing"
    try:
        with network(0):
            return None
    except subprocess.CalledProcessError as error:
        return f"this machine makes no network namespaces: {error.stderr.strip()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """`command(...)` is what to run for a command to run on it."""

    name: str
    address: str
    bridge: str

    def command(self, *arguments: str) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name, *arguments)

    def cut_off(self) -> None:
        """Pulls the cable out of the bridge: the host's own device notices nothing."""
        _ip("link", "set", _port_of(self.name), "nomaster")

    def join(self) -> None:
        _ip("link", "set", _port_of(self.name), "master", self.bridge)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """`address` is where the hosts find this machine."""

    address: str
    hosts: tuple[Host, ...]


@contextmanager
def network(hosts: int) -> Iterator[Network]:
    """Raises CalledProcessError, with what `ip` said, where that is not allowed."""
    number = os.getpid()
    bridge = f"bf{number:x}"
    address = _address(number, _OURS)
    with ExitStack() as stack:
        _ip("link", "add", bridge, "address", _HARDWARE.format(fourth=_OURS), "type", "bridge")
        stack.callback(_ip, "link", "delete", bridge)
        _ip("address", "add", f"{address}/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        yield Network(
            address=address,
            hosts=tuple(_make_host(bridge, number, _OURS + 1 + one, stack) for one in range(hosts)),
        )


def _make_host(bridge: str, number: int, fourth: int, stack: ExitStack) -> Host:
    name, address, hardware = f"{bridge}-{fourth}", _address(number, fourth), _HARDWARE.format(fourth=fourth)
    port = _port_of(name)
    _ip("netns", "add", name)
    stack.callback(_ip, "netns", "delete", name)
    peer = ("peer", "name", "eth0", "address", hardware, "netns", name)
    _ip("link", "add", port, "type", "veth", *peer)
    _ip("link", "set", port, "master", bridge, "up")
    inside = ("-n", name)
    _ip(*inside, "address", "add", f"{address}/24", "dev", "eth0")
    _ip(*inside, "link", "set", "lo", "up")
    _ip(*inside, "link", "set", "eth0", "up")
    # Known for good, as through a router: else the kernel would soon report that a host is gone.
    _ip("neighbour", "replace", address, "lladdr", hardware, "dev", bridge)
    ours = (_address(number, _OURS), "lladdr", _HARDWARE.format(fourth=_OURS))
    _ip(*inside, "neighbour", "replace", *ours, "dev", "eth0")
    return Host(name=name, address=address, bridge=bridge)


def _port_of(name: str) -> str:
    """A device's name may have 15 letters."""
    return f"{name}p"


def _address(number: int, fourth: int) -> str:
    return _NETWORK.format(third=number % 256, fourth=fourth)


def _ip(*arguments: str) -> None:
    subprocess.run(("ip", *arguments), capture_output=True, text=True, check=True)
