"""On PYTHONPATH this logs every way out of the machine that a Python process tries, and bars it.

It sees what goes through Python's sockets. With ``LIGHTSAFT_NETWORK_LOG`` in a network namespace of
its own the process also logs how often the kernel found no way for anyone's packets.
"""

import atexit
import fcntl
import ipaddress
import os
import socket
import struct
import sys
from pathlib import Path

LOG = Path(os.environ["LIGHTSAFT_NETWORK_LOG"])
INTERFACE_UP, SET_FLAGS = 0x1, 0x8914


def is_of_this_machine(host):
    if host in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
    except (ValueError, AttributeError):
        return False
    return address.is_loopback or address.is_unspecified


def note(line):
    with LOG.open("a") as file:
        file.write(f"{line}\n")


def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""  # a path is a Unix socket
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0] or ""
    else:
        return
    if not is_of_this_machine(host):
        note(f"{event} {host}")
        raise OSError(f"{event} {host}: not in this test")


def packets_without_a_way():
    """Return the kernel's count of packets of this namespace that have nowhere to go."""
    lines = Path("/proc/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("Ip:"))
    return int(dict(zip(names, values, strict=True))["OutNoRoutes"])


def note_packets():
    if packets_without_a_way():
        note(f"packets: {packets_without_a_way()}")


sys.addaudithook(watch)
if os.environ.get("LIGHTSAFT_OWN_NETWORK"):
    with socket.socket() as some:
        fcntl.ioctl(some, SET_FLAGS, struct.pack("16sh14x", b"lo", INTERFACE_UP))
    atexit.register(note_packets)
