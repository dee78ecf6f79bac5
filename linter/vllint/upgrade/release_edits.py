"""Where a launch states its vLLM release, and how another one is written there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from vllint.facts import LaunchFacts
from vllint.vllm.version import split_image
from vllint_schemas import Edit, Located, Unknown


class Restated(NamedTuple):
    """The edits that make a launch state another release; `obstacle` says why there are none."""

    edits: tuple[Edit, ...] = ()
    obstacle: str = ""


def restated(facts: LaunchFacts, target: str, texts: Mapping[str, str]) -> Restated:
    """Return the edits by which a launch, and a directive about it, state the release `target`."""
    launch = facts.launch
    stated = [place for place in (launch.vllm_version, facts.release.stated) if isinstance(place, Located)]
    if not stated:
        return Restated(obstacle=_why_unstated(facts))
    if launch.image is not None and "@" in launch.image.text:
        return Restated(obstacle="the image is pinned by its digest, which only its registry can tell anew")
    edits: list[Edit] = []
    for place in stated:
        if place.span is None:
            return Restated(obstacle=f"the release {place.value} is stated in the {place.origin.value}")
        written = texts.get(place.span.path, "")[place.span.start : place.span.end]
        if written.removeprefix("v") != place.value:
            return Restated(obstacle=f"the release {place.value} is put together from several places")
        edit = Edit(place.span, f"v{target}" if written.startswith("v") else target)
        if edit not in edits:
            edits.append(edit)
    return Restated(tuple(edits))


def _why_unstated(facts: LaunchFacts) -> str:
    image, version = facts.launch.image, facts.launch.vllm_version
    if image is not None and image.is_known and image.text and not split_image(image.text).is_official:
        return f"`{split_image(image.text).repository}` is not vLLM's own image: its release is not known"
    reason = version.reason if isinstance(version, Unknown) else "no release is stated"
    return f"no release is stated: {reason}"
