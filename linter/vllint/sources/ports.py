"""Published ports as `docker run -p` and the short form of Compose's `ports` write them."""

from __future__ import annotations

import re

from vllint_schemas import Located, PortMapping, Unknown, Word

_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")

Ports = tuple[Located[int] | Unknown, int]
"""The first port of a range and how many there are."""


def port_mapping(word: Word) -> PortMapping | None:
    """Read `[[IP:][HOST]:]CONTAINER[/PROTOCOL]`; `None` for other protocols than TCP."""
    text = word.text
    end = text.rfind("/")
    if end >= 0 and text[end + 1 :].lower() != "tcp":
        return None
    end = len(text) if end < 0 else end
    colon = text.rfind(":", 0, end)
    container, count = _ports(_part(word, colon + 1, end))
    if colon < 0:
        return PortMapping("", None, container, count)
    address = text.rfind(":", 0, colon)
    host_ip = _address(word, address)
    named = _part(word, address + 1, colon)
    if isinstance(named, Word) and not named.text:
        return PortMapping(host_ip, None, container, count)
    host, host_count = _ports(named)
    if host_count != count:
        # The host takes any port of a longer range, as in `8000-8010:8000`.
        host = Unknown("the host chooses a port")
    return PortMapping(host_ip, host, container, count)


def single_port(word: Word) -> Located[int] | Unknown:
    """Read one port."""
    return _ports(word)[0]


def _address(word: Word, end: int) -> str | Unknown:
    """Return the address in front of the ports, without the brackets of IPv6."""
    if end < 0:
        return ""
    part = _part(word, 0, end)
    return part if isinstance(part, Unknown) else part.text.strip("[]")


def _part(word: Word, start: int, end: int) -> Word | Unknown:
    """Return the text between two separators; a hole belongs to the part that it stands in or ends."""
    hole = next((hole for hole in word.holes if start <= hole.at <= end), None)
    return word.slice(start, end) if hole is None else Unknown(hole.reason)


def _ports(part: Word | Unknown) -> Ports:
    if isinstance(part, Unknown):
        return part, 1
    if not part.is_known:
        return Unknown(part.reason), 1
    match = _PORTS.fullmatch(part.text.strip())
    if match is None:
        return Unknown(f"`{part.text}` is not a port"), 1
    first = int(match[1])
    last = int(match[2] or first)
    return Located(first, part.span, part.origin, part.via), max(1, last - first + 1)
