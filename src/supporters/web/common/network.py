"""Whose request this is: the peer, or what our own proxies say of it, never what a stranger's header says."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
UNKNOWN = "0.0.0.0"  # noqa: S104 - a name for "no address", nothing listens on it


def parse_networks(trusted: Iterable[str]) -> tuple[Network, ...]:
    """The networks that the settings name. Raises ValueError for one that is none."""
    return tuple(ip_network(text.strip(), strict=False) for text in trusted)


def client_address(peer: str | None, forwarded: str | None, trusted: tuple[Network, ...]) -> str:
    """The address of the client: the last hop of `X-Forwarded-For` that is not one of our own proxies.

    The header counts only when the peer itself is a trusted proxy; a hop that is no address ends the walk.
    """
    current = _parse(peer)
    if current is None:
        return UNKNOWN
    for hop in reversed((forwarded or "").split(",")):
        if not any(current in network for network in trusted if network.version == current.version):
            break
        following = _parse(hop.strip())
        if following is None:
            break
        current = following
    return str(current)


def _parse(text: str | None) -> Address | None:
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
