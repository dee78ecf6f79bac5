"""What container tools' words say: `docker run`, image entry points, and claims on GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from vllint.vllm.version import image_serves, image_version, split_image
from vllint_schemas import (
    EntryPoint,
    HardwareClaim,
    Located,
    Unknown,
    Variable,
    Word,
)
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM, AllGpus

# fmt: off
_SWITCHES = frozenset(
    {
        "-d", "--detach", "-i", "--interactive", "-t", "--tty", "--rm", "--init", "--privileged",
        "--read-only", "-P", "--publish-all", "--no-healthcheck", "--oom-kill-disable", "--sig-proxy",
        "--disable-content-trust", "-q", "--quiet", "--help", "--use-api-socket", "--replace",
        "--env-host", "--http-proxy", "--no-hosts", "--no-hostname", "--rmi", "--tls-verify",
        "--unsetenv-all", "--passwd",
    }
)
# fmt: on
"""Options of `docker run` and `podman run` that take no value; all others take one (`docker run --help`)."""

_OTHER_SELECTORS = ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES")
"""What lists the visible devices of AMD and Huawei as `CUDA_VISIBLE_DEVICES` does NVIDIA's."""


class ContainerRun(NamedTuple):
    """A `docker run`: the image, the words after it, and its options.

    `open_ended` says why there may be more options: words that are not known may be any.
    """

    image: Word
    arguments: tuple[Word, ...]
    options: tuple[tuple[str, Word], ...]
    open_ended: Unknown | None = None

    def last(self, *names: str) -> Word | None:
        """Return the last value of an option, under any of its names."""
        values = [value for name, value in self.options if name in names]
        return values[-1] if values else None

    def all(self, *names: str) -> tuple[Word, ...]:
        """Return all values of a repeatable option."""
        return tuple(value for name, value in self.options if name in names)


def container_run(words: Sequence[Word]) -> ContainerRun | None:
    """Read the words after `docker run`; `None` where no image is named."""
    options: list[tuple[str, Word]] = []
    open_ended: Unknown | None = None
    position = 0
    while position < len(words):
        word = words[position]
        text = word.text
        if not text.startswith("-") or text == "-":
            names_model = position + 1 < len(words) and words[position + 1].text.startswith("--model")
            if word.splits and not text and not names_model:
                open_ended = Unknown(word.reason)
                position += 1
                continue
            return ContainerRun(word, tuple(words[position + 1 :]), tuple(options), open_ended)
        position += 1
        name, value = _option(word)
        options.extend((switch, word) for switch in _switches_before(name, text))
        if name in _SWITCHES:
            options.append((name, word))
        elif value is not None:
            options.append((name, value))
        elif position < len(words):
            options.append((name, words[position]))
            position += 1
    return None


def _switches_before(name: str, text: str) -> Iterator[str]:
    """Yield the switches that share a word with the option `name`: `-d` and `-i` in `-dip80:80`."""
    if not text.startswith("--"):
        yield from (f"-{letter}" for letter in text[1 : text.find(name[1:], 1)])


def _option(word: Word) -> tuple[str, Word | None]:
    """Return an option's name and the value in the same word: `--gpus=2`, `-p80:80`, `-itp80:80`."""
    text = word.text
    if text.startswith("--"):
        name, equals, _ = text.partition("=")
        return name, word.slice(len(name) + 1) if equals else None
    start = 1
    while f"-{text[start]}" in _SWITCHES and start + 1 < len(text):
        start += 1
    rest = start + 2 if text[start + 1 : start + 2] == "=" else start + 1
    return f"-{text[start]}", word.slice(rest) if rest < len(text) else None


def run_environment(run: ContainerRun, outside: Iterable[Variable] = ()) -> tuple[Variable, ...]:
    """Return the variables that `-e` sets; those without a value are passed on from `outside`."""
    known = {variable.name: variable for variable in outside}
    return tuple(
        known.get(word.text) or variable_of(word) if word.is_known else variable_of(word)
        for word in run.all("-e", "--env")
    )


def variable_of(word: Word) -> Variable:
    """Read `NAME=value`; without `=` the value comes from outside."""
    name, equals, _ = word.text.partition("=")
    if not equals:
        return Variable(name, Word.unknown(f"`{name}` is passed on from the environment", word.site))
    return Variable(name, word.slice(len(name) + 1))


def image_entry_point(image: Word | None) -> EntryPoint | None:
    """Return what the official image starts; `None` for images that are not known."""
    if image is None or not _names_repository(image):
        return None
    return EntryPoint.SERVE if image_serves(image_version(image)) else EntryPoint.API_SERVER


def _names_repository(image: Word) -> bool:
    """Whether the image is the project's own; its tag need not be known, as in `vllm-openai:$TAG`."""
    repository = split_image(image.text).repository
    return split_image(image.text).is_official and all(hole.at > len(repository) for hole in image.holes)


def gpus_option(word: Word) -> Located[int | AllGpus] | Unknown:
    """Read the value of `--gpus`: `all`, a number, or `device=0,1` (docker's `opts/gpus.go`)."""
    if not word.is_known:
        return Unknown(word.reason)
    import csv

    count: int | AllGpus | None = None
    try:
        rows = list(csv.reader([word.text.strip("'")]))
    except csv.Error as error:
        return Unknown(f"docker cannot read the value of `--gpus`: {error}")
    for row in rows:
        fields = dict(part.partition("=")[::2] for part in row)
        if "device" in fields:
            # `"device=0,1"` in quotes of its own is one field; without them the list goes on in the next.
            ids = [fields["device"], *(part for part in row if "=" not in part)]
            return _devices(",".join(ids), word)
        if "count" in fields:
            count = gpu_number(fields["count"])
        elif row:
            count = gpu_number(row[0])
    if count is None:
        return Unknown(f"`--gpus {word.text}` names no number of GPUs")
    return Located(count, word.span, word.origin, word.via)


def gpu_number(text: str) -> int | AllGpus | None:
    """Read a number of GPUs; `all` and -1 mean all there are, and other texts none."""
    if text in {"all", "-1"}:
        return "all"
    return int(text) if text.isdecimal() else None


def claim_with_environment(
    claim: Located[int | AllGpus] | Unknown, environment: Mapping[str, Word], nvidia_runtime: bool
) -> Located[int | AllGpus] | Unknown:
    """Return how many GPUs the process sees, given what the container gets and what variables hide.

    Variables of other vendors count where nothing speaks of NVIDIA's GPUs.
    """
    handed_out = environment.get("NVIDIA_VISIBLE_DEVICES")
    if handed_out is not None and nvidia_runtime and isinstance(claim, Unknown):
        claim = visible_devices(handed_out)
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None and isinstance(claim, Unknown):
        visible = next((environment[name] for name in _OTHER_SELECTORS if name in environment), None)
    if visible is None:
        return claim
    seen = visible_devices(visible)
    if isinstance(seen, Unknown) or isinstance(claim, Unknown):
        return seen
    if isinstance(claim.value, int) and isinstance(seen.value, int) and seen.value > claim.value:
        return claim
    return seen if isinstance(seen.value, int) else claim


def visible_devices(word: Word) -> Located[int | AllGpus] | Unknown:
    """Read `CUDA_VISIBLE_DEVICES` or `NVIDIA_VISIBLE_DEVICES`: a list of numbers or UUIDs, or `all`."""
    if not word.is_known:
        return Unknown(word.reason)
    return _devices(word.text, word)


def listed_ids(word: Word) -> Located[tuple[str, ...]] | None:
    """Return the devices that a variable lists; `None` when it lists none, or all."""
    devices = tuple(part.strip() for part in word.text.split(",") if part.strip())
    if not word.is_known or not devices or devices[0] in {"all", "none", "void", "-1"}:
        return None
    return Located(devices, word.span, word.origin, word.via)


def _devices(text: str, word: Word) -> Located[int | AllGpus] | Unknown:
    """Count the devices that `text`, part of `word`, lists."""
    devices = [part.strip() for part in text.split(",") if part.strip()]
    if not devices or devices[0] in {"none", "void", "-1"}:
        return Unknown("the visible devices are none")
    if any(device == "all" or device.endswith("=all") for device in devices):
        return Located("all", word.span, word.origin, word.via)
    if any(device.startswith("MIG-") or re.fullmatch(r"\d+:\d+", device) for device in devices):
        return Unknown("the visible devices are slices of a GPU")
    return Located(len(devices), word.span, word.origin, word.via)


def no_claim() -> HardwareClaim:
    """Return the claim of a file that says nothing about hardware."""
    return HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM)
