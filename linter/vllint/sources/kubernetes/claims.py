"""Claims on devices (Kubernetes "Dynamic Resource Allocation", `resource.k8s.io`)."""

from __future__ import annotations

from collections.abc import Iterable

from vllint.sources.kubernetes.cluster import Cluster, find_all
from vllint.sources.kubernetes.fields import below, mappings_in, text_at
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node
from vllint_schemas import Located, Unknown
from vllint_schemas.launch import AllGpus

_DEVICE_CLASSES = frozenset(
    {"gpu.nvidia.com", "gpu.amd.com", "gpu.intel.com", "gaudi.intel.com", "tpu.google.com"}
)
"""Device classes of the vendors' own drivers whose devices are whole cards."""


def claimed_devices(
    claims: Iterable[Node], spec: Mapping, cluster: Cluster, namespace: str
) -> Located[int | AllGpus] | Unknown:
    """Return how many cards the claims of a container get; not known unless each claim is."""
    total = 0
    place = None
    for claim in claims:
        counted = _claim_count(claim, spec, cluster, namespace)
        if isinstance(counted, Unknown):
            return counted
        total += counted.value
        place = place or counted
    if place is None:
        return Unknown("the container claims no devices")
    return Located(total, place.span)


def _claim_count(claim: Node, spec: Mapping, cluster: Cluster, namespace: str) -> Located[int] | Unknown:
    name = text_at(claim, "name")
    requests = _requests(name, spec, cluster, namespace)
    if isinstance(requests, Unknown):
        return requests
    only = text_at(claim, "request")
    counts = [_count(request) for request in requests if not only or text_at(request, "name") == only]
    unknown = next((count for count in counts if isinstance(count, Unknown)), None)
    if unknown is not None:
        return unknown
    known = [count for count in counts if isinstance(count, Located)]
    if not known:
        return Unknown(f"the claim `{name}` asks for no devices")
    return known[0]._replace(value=sum(count.value for count in known))


def _requests(name: str, spec: Mapping, cluster: Cluster, namespace: str) -> tuple[Mapping, ...] | Unknown:
    """Return what the claim that the pod calls `name` asks for."""
    for item in mappings_in(spec.get("resourceClaims")):
        if text_at(item, "name") != name:
            continue
        for key, kind in (
            ("resourceClaimTemplateName", "ResourceClaimTemplate"),
            ("resourceClaimName", "ResourceClaim"),
        ):
            named = text_at(item, key)
            found = find_all(cluster, kind, named, namespace) if named else ()
            if len(found) == 1:
                return tuple(mappings_in(below(found[0], *_SPECS[kind], "devices", "requests")))
            if named:
                return Unknown(f"the {kind} `{named}` is not at hand")
    return Unknown(f"the pod has no claim `{name}`")


_SPECS = {"ResourceClaimTemplate": ("spec", "spec"), "ResourceClaim": ("spec",)}


def _count(request: Mapping) -> Located[int] | Unknown:
    """Return how many cards a request gets: of `exactly`, or of the fields before `v1beta2`."""
    name = text_at(request, "name")
    if request.get("firstAvailable") is not None:
        return Unknown(f"the request `{name}` has alternatives")
    exactly = request.get("exactly")
    asked = exactly if isinstance(exactly, Mapping) else request
    device_class = text_at(asked, "deviceClassName")
    if device_class not in _DEVICE_CLASSES:
        return Unknown(f"what devices the class `{device_class}` has is not known")
    if text_at(asked, "allocationMode") == "All":
        return Unknown(f"the request `{name}` takes all devices of a node")
    entry = asked.entry("count")
    if entry is None:
        where = asked.get("deviceClassName")
        return Located(1, where.span if where is not None else asked.span)
    word = scalar_word(entry[1])
    if word is None or not word.is_known or not word.text.isdecimal():
        return Unknown(f"the request `{name}` has no number of devices")
    return Located(int(word.text), word.span, word.origin, word.via)
