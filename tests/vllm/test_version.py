"""Which release an image's name tells, and which a user may state."""

from __future__ import annotations

import pytest

from vllint.release_order import version_key
from vllint.statements import StatementError
from vllint.vllm.version import image_serves, image_version, split_image, stated_version
from vllint_schemas import Located, Origin, Span, Unknown, Word


@pytest.mark.parametrize(
    ("reference", "repository", "tag"),
    [
        ("vllm/vllm-openai", "vllm/vllm-openai", ""),
        ("vllm/vllm-openai:v0.9.1", "vllm/vllm-openai", "v0.9.1"),
        ("vllm/vllm-openai@sha256:01", "vllm/vllm-openai", ""),
        ("vllm/vllm-openai:v0.9.1@sha256:01", "vllm/vllm-openai", "v0.9.1"),
        ("registry:5000/vllm/vllm-openai", "registry:5000/vllm/vllm-openai", ""),
        ("registry:5000/vllm/vllm-openai:v1", "registry:5000/vllm/vllm-openai", "v1"),
        ("", "", ""),
    ],
)
def test_an_image_is_a_repository_and_a_tag(reference: str, repository: str, tag: str) -> None:
    assert split_image(reference) == (repository, tag)


@pytest.mark.parametrize(
    ("reference", "official"),
    [
        ("vllm/vllm-openai:v0.9.1", True),
        ("docker.io/vllm/vllm-openai:v0.9.1", True),
        ("ghcr.io/mirror/vllm/vllm-openai", True),
        ("vllm/vllm-openai-rocm:v0.12.0", True),
        ("myvllm/vllm-openai", False),
        ("vllm-openai:v0.9.1", False),
        ("vllm/vllm-tpu:nightly", False),
        ("rocm/vllm", False),
    ],
)
def test_the_projects_own_image_is_known_by_its_last_two_names(reference: str, official: bool) -> None:
    assert split_image(reference).is_official is official


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v0.9.1", "0.9.1"),
        ("0.9.1", "0.9.1"),
        ("v0.6.6.post1", "0.6.6.post1"),
        ("v0.10.1.1", "0.10.1.1"),
        ("v0.11.0-x86_64", "0.11.0"),
        ("v0.9", "0.9"),
        ("latest", None),
        ("", None),
        ("nightly-0123abc", None),
        ("v1", None),
        ("main", None),
    ],
)
def test_a_tag_tells_a_release(tag: str, version: str | None) -> None:
    text = f"vllm/vllm-openai:{tag}" if tag else "vllm/vllm-openai"
    found = image_version(Word.verbatim(text, "f", 100))
    if version is None:
        assert isinstance(found, Unknown)
        return
    assert isinstance(found, Located)
    start = 100 + text.index(version)
    assert (found.value, found.span) == (version, Span("f", start, start + len(version)))


def test_another_image_an_unknown_one_and_none_tell_nothing() -> None:
    for image in (None, Word.unknown("why", Span("f", 0, 1)), Word.verbatim("acme/vllm:v0.9.1", "f", 0)):
        assert isinstance(image_version(image), Unknown)


def test_versions_are_compared_by_their_numbers() -> None:
    ordered = ["0.4.3", "0.6.6", "0.6.6.post1", "0.9.2", "0.10.0", "0.10.1", "0.10.1.1", "0.11.0", "1.0"]
    assert sorted(ordered, key=version_key) == ordered


@pytest.mark.parametrize(
    ("version", "serves"), [("0.11.0", False), ("0.11.1", True), ("0.10.1.1", False), ("0.33.0", True)]
)
def test_images_serve_from_0_11_1_on(version: str, serves: bool) -> None:
    assert image_serves(Located(version)) is serves
    assert image_serves(Unknown("no tag"))


@pytest.mark.parametrize(
    "text", ["0.33.0", "v0.33.0", "0.19", "0.6.6.post1", "0.22.0rc1", "nightly", "latest"]
)
def test_a_user_may_state_a_release(text: str) -> None:
    found = stated_version(text, Origin.COMMAND_LINE, "--vllm-version")
    assert found.value == text.removeprefix("v")
    assert found.origin is Origin.COMMAND_LINE


@pytest.mark.parametrize("text", ["", "33", "newest", "0.33.0 ", "v", "vllm==0.33.0", ">=0.33"])
def test_other_texts_are_refused_with_the_place_they_come_from(text: str) -> None:
    with pytest.raises(StatementError, match="--vllm-version"):
        stated_version(text, Origin.COMMAND_LINE, "--vllm-version")


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("rocm/vllm:rocm6.4.1_vllm_0.10.1_20250909", "0.10.1"),
        ("rocm/vllm:rocm6.3.1_mi300_ubuntu22.04_py3.12_vllm_0.6.6", "0.6.6"),
        ("acme/serving:vllm-v0.2.6", "0.2.6"),
        ("acme/x:instinct_vllm0.8.3.post1_1", "0.8.3.post1"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/vllm:0.20.2-gpu-py312-sagemaker", "0.20.2"),
        ("public.ecr.aws/deep-learning-containers/vllm:0.12.0-gpu", "0.12.0"),
        ("public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo:v0.10.0", "0.10.0"),
        ("rocm/vllm-dev:nightly_0610_rc2_vllm_0.9.0rc2", None),
        ("rocm/vllm-dev:vllm_0.9.1.dev12", None),
        ("lmcache/vllm-openai:v0.3.14", None),
        ("acme/vllm:0.9.1", None),
        ("acme/notvllm:xvllm_0.9.1", None),
    ],
)
def test_images_of_others_tell_a_release_where_their_tags_name_vllm(image: str, version: str | None) -> None:
    found = image_version(Word.verbatim(image, "f", 0))
    assert (found.value if isinstance(found, Located) else None) == version
    if isinstance(found, Located) and found.span is not None:
        assert image[found.span.start : found.span.end] == version
