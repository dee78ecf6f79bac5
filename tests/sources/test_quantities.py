"""Sizes, durations and ports in the forms in which containers are given them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.sources.ports import port_mapping
from vllint.sources.quantities import docker_bytes, kubernetes_bytes, seconds
from vllint_schemas import Located, Unknown, Word


def value(fact: Any) -> Any:
    """Return what a fact says: its value, `?` where it is not known."""
    if isinstance(fact, Unknown):
        return "?"
    return fact.value if isinstance(fact, Located) else fact


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("16gb", 16 * 1024**3),
        ("1g", 1024**3),
        ("64M", 64 * 1024**2),
        ("64MiB", 64 * 1024**2),
        ("1.5g", 3 * 1024**3 // 2),
        ("512", 512),
        ("512b", 512),
        ("2k", 2048),
        ("lots", "?"),
        ("16 GB or so", "?"),
    ],
)
def test_sizes_are_read_as_docker_reads_them(written: str, size: object) -> None:
    assert value(docker_bytes(Word.verbatim(written, "f", 0))) == size


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("8Gi", 8 * 1024**3),
        ("500M", 500 * 10**6),
        ("1k", 1000),
        ("2Ti", 2 * 1024**4),
        ("12", 12),
        ("8gb", "?"),
    ],
)
def test_sizes_are_read_as_kubernetes_reads_them(written: str, size: object) -> None:
    assert value(kubernetes_bytes(Word.verbatim(written, "f", 0))) == size


@pytest.mark.parametrize(
    ("written", "length"), [("90s", 90.0), ("1m30s", 90.0), ("1.5h", 5400.0), ("500ms", 0.5), ("90", "?")]
)
def test_durations_are_those_of_go(written: str, length: object) -> None:
    assert value(seconds(Word.verbatim(written, "f", 0))) == length


@pytest.mark.parametrize(
    ("written", "address", "host", "container", "length"),
    [
        ("8000", "", None, 8000, 1),
        ("8001:8000", "", 8001, 8000, 1),
        ("127.0.0.1:8001:8000", "127.0.0.1", 8001, 8000, 1),
        ("127.0.0.1::8000", "127.0.0.1", None, 8000, 1),
        ("[::1]:8001:8000/tcp", "::1", 8001, 8000, 1),
        ("8000-8003:9000-9003", "", 8000, 9000, 4),
        ("8000-8010:8000", "", "?", 8000, 1),
        ("8001:http", "", 8001, "?", 1),
    ],
)
def test_ports_are_read_in_all_their_forms(
    written: str, address: str, host: object, container: object, length: int
) -> None:
    mapping = port_mapping(Word.verbatim(written, "f", 0))
    assert mapping is not None
    assert (mapping.host_ip, mapping.length) == (address, length)
    assert (value(mapping.host_port), value(mapping.container_port)) == (host, container)


def test_a_port_of_another_protocol_is_none_of_the_server() -> None:
    assert port_mapping(Word.verbatim("8000:8000/udp", "f", 0)) is None


@given(st.integers(1, 65535), st.integers(1, 65535), st.sampled_from(["", "10.0.0.1:"]))
def test_each_port_knows_where_it_stands(host: int, container: int, address: str) -> None:
    text = f"{address}{host}:{container}"
    mapping = port_mapping(Word.verbatim(text, "f", 0))
    assert mapping is not None
    for port in (mapping.host_port, mapping.container_port):
        assert isinstance(port, Located)
        assert port.span is not None
        assert text[port.span.start : port.span.end] == str(port.value)
