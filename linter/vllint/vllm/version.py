"""Which vLLM release a file runs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from vllint.release_order import version_key
from vllint.statements import StatementError
from vllint_schemas import Located, Origin, Unknown, Word

_RELEASE = re.compile(r"v?(\d+\.\d+(?:\.\d+)*(?:\.post\d+)?)")
_NAMED = (
    r"(?i)(?:^|[^a-z0-9])vllm[-_]?v?(?P<release>\d+\.\d+\.\d+(?:\.post\d+)?)(?![\d.]*(?:dev|rc|[abd]\d|\d))"
)
"""A release behind vLLM's name, as the tags of `rocm/vllm` have it: `rocm6.4.1_vllm_0.10.1_20250909`."""

_NUMBERED = (
    r"(?:^|/)(?:deep-learning-containers/vllm|q9t5s3a7/vllm-(?:cpu-)?release-repo)$"
    r"|\.dkr\.ecr\.[^/]+/vllm$"
)
"""Repositories of others whose tags start with vLLM's release: AWS's, and vLLM's own builds for CPUs."""

_FIRST_SERVE_ENTRYPOINT = (0, 11, 1)
"""The image's ENTRYPOINT is `vllm serve` from here on, before it was the api_server module."""


class ImageName(NamedTuple):
    """An image reference: `repository` with its registry, and `tag` (empty when none is given)."""

    repository: str
    tag: str

    @property
    def is_official(self) -> bool:
        """Whether it is the vLLM project's image, also through a mirror that keeps its name."""
        owner, slash, name = self.repository.rpartition("/")
        return bool(slash) and name.startswith("vllm-openai") and owner.rpartition("/")[2] == "vllm"


@lru_cache(maxsize=1024)
def split_image(reference: str) -> ImageName:
    """Split `registry:5000/owner/name:tag@sha256:...`."""
    name = reference.partition("@")[0]
    slash = name.rfind("/")
    colon = name.find(":", slash + 1)
    if colon < 0:
        return ImageName(name, "")
    return ImageName(name[:colon], name[colon + 1 :])


def image_version(image: Word | None) -> Located[str] | Unknown:
    """Return the vLLM release an image's tag names.

    Tags of others' images count their own releases, unless they name vLLM beside the number.
    """
    if image is None:
        return Unknown("no image is named")
    if not image.is_known:
        return Unknown(image.reason)
    name = split_image(image.text)
    is_numbered = name.is_official or re.search(_NUMBERED, name.repository) is not None
    match = _RELEASE.match(name.tag) if is_numbered else re.search(_NAMED, name.tag)
    if match is None:
        tag, repository = name.tag or "latest", name.repository
        said = (
            f"tag `{tag}` does not name a" if is_numbered else f"image `{repository}` does not tell its vLLM"
        )
        return Unknown(f"the {said} release")
    start = len(name.repository) + 1 + match.start(1)
    part = image.slice(start, start + len(match.group(1)))
    return Located(match.group(1), part.span, part.origin, part.via)


def image_serves(version: Located[str] | Unknown) -> bool:
    """Whether the official image of a release starts `vllm serve`; the newest does."""
    return isinstance(version, Unknown) or version_key(version.value) >= _FIRST_SERVE_ENTRYPOINT


def stated_version(text: str, origin: Origin, where: str) -> Located[str]:
    """Return a release that the user states; raises StatementError, naming `where`, for other text."""
    if not re.fullmatch(r"v?\d+\.\d+(?:\.\d+)*[A-Za-z0-9.+-]*|nightly|latest", text):
        raise StatementError(f"{where}: `{text}` is not a vLLM release, as `0.33.0`")
    return Located(text.removeprefix("v"), None, origin)
