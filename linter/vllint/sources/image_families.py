"""What images that are not vLLM's own most likely start, going by their names and by what they are given."""

from __future__ import annotations

from collections.abc import Sequence

from vllint.vllm.version import split_image
from vllint_schemas import EntryPoint, Word

OWN_OPTIONS = frozenset({"--gpu-memory-utilization", "--max-model-len", "--max-num-seqs"})
"""Options that no other server has."""

_PROGRAMS = (".sh", ".py", ".bash")


def family_entry_point(command: Sequence[Word], image: Word | None) -> EntryPoint | None:
    """Return what an image given these words starts; None where that may be anything.

    An image derived from vLLM's says so in its name, or in the name of the variable that stands for it; of
    one that the file does not name, words tell that only vLLM takes.
    """
    if image is None or not command:
        return None
    first = command[0].text
    name, variable = _name(image), _variable(image)
    if name.startswith("vllm-openai") and "/" in first and not first.startswith(("-", "/")):
        return EntryPoint.SERVE
    names_model = first.startswith("--") and "--model" in _options(command)
    if "vllm" in name and names_model:
        return EntryPoint.API_SERVER
    if name and "vllm" not in name:
        return None
    if _is_model(command):
        return EntryPoint.SERVE if are_for_vllm(command[1:]) else None
    fits = _are_known(command) if variable else are_for_vllm(command)
    return EntryPoint.API_SERVER if names_model and fits else None


def are_for_vllm(words: Sequence[Word]) -> bool:
    """Whether all options are vLLM's, one of which no other server has."""
    return not _options(words).isdisjoint(OWN_OPTIONS) and _are_known(words)


def _are_known(words: Sequence[Word]) -> bool:
    """Whether some release of vLLM has each option; simulators and routers have others as well."""
    from vllint.vllm.options import releases_with

    return all(releases_with(name) for name in _options(words))


def _name(image: Word) -> str:
    """Return the last part of an image's name; empty where that is not known."""
    repository = split_image(image.text).repository
    start = repository.rfind("/") + 1
    is_known = all(hole.at < start or hole.at > len(repository) for hole in image.holes)
    return repository[start:].lower() if is_known else ""


def _variable(image: Word) -> str:
    """Return what stands in an image's place and names vLLM: `$VLLM_IMAGE`; empty if nothing does."""
    named = [hole.reason.partition("`")[2].partition("`")[0].lower() for hole in image.holes]
    return next((variable for variable in named if "vllm" in variable), "")


def _options(words: Sequence[Word]) -> set[str]:
    """Return the names of the options among words, as vLLM spells them."""
    texts = (word.text for word in words if word.text.startswith("--") and len(word.text) > 2)
    return {text.partition("=")[0].partition(".")[0].replace("_", "-") for text in texts}


def _is_model(command: Sequence[Word]) -> bool:
    """Whether the first word is what to serve: a name, or a variable, before nothing but options."""
    first = command[0]
    if len(command) < 2 or not command[1].text.startswith("--"):
        return False
    if first.holes and not first.text:
        return not first.splits
    return (
        "/" in first.text.strip("/.") and not first.text.endswith(_PROGRAMS) and first.text[:1] not in "./-"
    )
