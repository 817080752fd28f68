"""Which addresses may be opened for a stranger's link. Pure.

Addresses hide in others (IPv4 in IPv6, behind translators and tunnels): each that is found is judged as well.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

_NEVER: Final = (
    IPv4Network("0.0.0.0/8"),  # this network
    IPv4Network("169.254.0.0/16"),  # link-local, and most clouds' metadata
    IPv4Network("192.0.0.0/24"),  # protocols, and Oracle's metadata
    IPv4Network("100.100.100.200/32"),  # Alibaba's metadata
    IPv4Network("168.63.129.16/32"),  # Azure's
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("224.0.0.0/4"),  # multicast
    IPv4Network("240.0.0.0/4"),  # reserved, and the broadcast
    IPv6Network("::/128"),
    IPv6Network("fe80::/10"),  # link-local
    IPv6Network("fec0::/10"),  # what was site-local
    IPv6Network("ff00::/8"),  # multicast
    IPv6Network("fd00:ec2::/32"),  # Amazon's metadata
    IPv6Network("fd20:ce::/32"),  # Google's
    IPv6Network("100::/64"),  # discarded
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("3fff::/20"),
    IPv6Network("5f00::/16"),  # segment routing
)
_PRIVATE: Final = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),  # carriers' own
    IPv4Network("127.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("192.0.2.0/24"),
    IPv4Network("198.18.0.0/15"),  # benchmarks
    IPv4Network("198.51.100.0/24"),
    IPv4Network("203.0.113.0/24"),
    IPv6Network("::1/128"),
    IPv6Network("fc00::/7"),
)
_NAT64: Final = (
    IPv6Network("64:ff9b::/96"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("::ffff:0:0:0/96"),  # SIIT
)
_TEREDO: Final = IPv6Network("2001::/32")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_COMPATIBLE: Final = IPv6Network("::/96")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
_LOW: Final = (1 << 32) - 1


def is_allowed(address: Address, *, private: bool = False) -> bool:
    """Whether it may be opened; `private` lets loopback and private networks pass, and nothing else."""
    return all(_is_allowed(each, private=private) for each in (address, *_hidden(address)))


def parse(text: str) -> Address:
    """An address as the resolver gives it, with or without a zone.

    Raises:
        ValueError: it is none.
    """
    return ip_address(text.partition("%")[0])


def _is_allowed(address: Address, *, private: bool) -> bool:
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    if any(address in network for network in _PRIVATE if network.version == address.version):
        return private
    if isinstance(address, IPv6Address) and any(True for _ in _hidden(address)):
        return True  # what is hidden in it decides
    return address.is_global


def _hidden(address: Address) -> Iterator[IPv4Address]:
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address in _COMPATIBLE and number > 1:
        yield IPv4Address(number & _LOW)
    if any(address in network for network in _NAT64):
        yield IPv4Address(number & _LOW)
    if address in _SIX_TO_FOUR:
        yield IPv4Address(number >> 80 & _LOW)
    if address in _TEREDO:
        yield IPv4Address(number >> 64 & _LOW)  # the server
        yield IPv4Address(~number & _LOW)  # the client
    if number >> 32 & _LOW in _ISATAP:
        yield IPv4Address(number & _LOW)
