"""`#SBATCH` lines and the options of `srun`: GPUs, cards and nodes (Slurm's sbatch and gres.conf pages)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vllint_schemas import HardwareClaim, Located, Unknown, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM, AllGpus

MARKER = "#SBATCH"

_HEAD = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_DIRECTIVE = re.compile(r"#SBATCH[ \t]+([^\n]*)")
_ARGUMENT = re.compile(r"(?:[^\s\"'#]|\"[^\"\n]*\"|'[^'\n]*'|(?<=\S)#)+|(#)")
_COUNTED = re.compile(r"(?:([A-Za-z][\w.+-]*):)?(\d{1,6})(?:\([^)]*\))?")
_GRES = re.compile(r"(?:gres[:/])?gpu(?::([A-Za-z][\w.+-]*))?(?::(\d{1,6}))?(?:\([^)]*\))?")
_SHORT = {
    "G": "gpus", "N": "nodes", "n": "ntasks", "C": "constraint", "c": "cpus-per-task", "J": "job-name",
}  # fmt: skip
_LONG = (
    "gpus", "gpus-per-node", "gpus-per-task", "gres", "nodes", "ntasks", "ntasks-per-node", "constraint",
    "cpus-per-task", "job-name",
)  # fmt: skip
_VARIABLES = {
    "gpus-per-node": ("SLURM_GPUS_PER_NODE",),
    "gpus-per-task": ("SLURM_GPUS_PER_TASK",),
    "gpus": ("SLURM_GPUS",),
    "nodes": ("SLURM_JOB_NUM_NODES", "SLURM_NNODES"),
    "ntasks": ("SLURM_NTASKS", "SLURM_NPROCS"),
    "ntasks-per-node": ("SLURM_NTASKS_PER_NODE",),
    "cpus-per-task": ("SLURM_CPUS_PER_TASK",),
    "job-name": ("SLURM_JOB_NAME",),
}
"""The variables that hold an option's value as it is written (sbatch, "Output environment variables")."""

Options = Mapping[str, Word]


class Job(NamedTuple):
    """What a batch script asks Slurm for: per node, how many of these, and the variables it finds.

    `nodes` is None where the job has one.
    """

    claim: HardwareClaim
    nodes: Located[int] | Unknown | None
    variables: Mapping[str, Word]


class _Gpus(NamedTuple):
    """GPUs as an option counts them; `card` is the type in front of it."""

    number: int
    word: Word
    card: Word | None


def batch_job(script: Word) -> Job | None:
    """Return what the `#SBATCH` lines at the head of a script ask for, None if there are none."""
    options = _directives(script)
    if options is None:
        return None
    count = node_gpus(options)
    gpus = _asked(options)
    nodes = _nodes(options)
    card = gpus.card if gpus is not None and gpus.card is not None else options.get("constraint")
    variables = {
        name: options[option]
        for option, names in _VARIABLES.items()
        for name in names
        if option in options and not (option == "nodes" and not options[option].text.isdecimal())
    }
    if isinstance(count, Located):
        word = Word.atomic(str(count.value), count.span or script.site)
        variables["SLURM_GPUS_ON_NODE"] = gpus.word if gpus and gpus.word.text == word.text else word
    return Job(HardwareClaim(_card(card), count), nodes, variables)


def _directives(script: Word) -> Options | None:
    """Return the options in the lines before the first command, behind which Slurm reads none."""
    found: dict[str, Word] = {}
    is_job = False
    position = 0
    while position < len(script.text):
        line = _HEAD.match(script.text, position)
        if line is None or line.end() == position:
            break
        directive = _DIRECTIVE.match(script.text, position)
        if directive is not None:
            is_job = True
            found.update(_options(_arguments(script, *directive.span(1))))
        position = line.end()
    return found if is_job else None


def _arguments(script: Word, start: int, end: int) -> list[Word]:
    words: list[Word] = []
    for match in _ARGUMENT.finditer(script.text, start, end):
        if match[1]:
            break
        words.append(script.slice(*match.span()))
    return words


def _options(words: Sequence[Word]) -> Options:
    """Return the options that matter, by their long names; the last one wins."""
    found: dict[str, Word] = {}
    for at, word in enumerate(words):
        name, equals, _ = word.text.partition("=")
        following = words[at + 1] if at + 1 < len(words) else None
        short = _SHORT.get(word.text[1:2]) if re.match(r"-[A-Za-z]", word.text) else None
        value: Word | None = None
        if short is not None:
            name = short
            value = word.slice(2 + word.text.startswith("=", 2)) if len(word.text) > 2 else following
        elif name.startswith("--") and name[2:] in _LONG:
            name = name[2:]
            value = word.slice(len(name) + 3) if equals else following
        if value is not None and name in _LONG:
            found[name] = _unquoted(value)
    return found


def _unquoted(word: Word) -> Word:
    text = word.text
    return (
        word.slice(1, len(text) - 1) if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] else word
    )


def _counted(word: Word | None) -> _Gpus | None:
    match = _COUNTED.fullmatch(word.text) if word is not None and word.is_known else None
    if word is None or match is None:
        return None
    return _Gpus(int(match[2]), word.slice(*match.span(2)), word.slice(*match.span(1)) if match[1] else None)


def _of_gres(word: Word | None) -> _Gpus | None:
    """Read `gpu:4`, `gpu:h100:4` and `gpu`, among other resources."""
    position = 0
    for part in word.text.split(",") if word is not None and word.is_known else ():
        match = _GRES.fullmatch(part)
        assert word is not None
        if match is not None:
            here = word.slice(position, position + len(part))
            card = here.slice(*match.span(1)) if match[1] else None
            return _Gpus(int(match[2] or 1), here.slice(*match.span(2)) if match[2] else here, card)
        position += len(part) + 1
    return None


def _asked(options: Options) -> _Gpus | None:
    """Return the GPUs of the option that says most directly what one node gives."""
    return (
        _counted(options.get("gpus-per-node"))
        or _of_gres(options.get("gres"))
        or _counted(options.get("gpus"))
        or _counted(options.get("gpus-per-task"))
    )


def _number(options: Options, name: str, default: int) -> int | None:
    word = options.get(name)
    if word is None:
        return default
    return int(word.text) if word.is_known and re.fullmatch(r"[1-9]\d{0,5}", word.text) else None


def node_gpus(options: Options) -> Located[int | AllGpus] | Unknown:
    """Return how many GPUs each node of a job gives."""
    gpus = _asked(options)
    if gpus is None:
        return NO_COUNT_CLAIM
    count = gpus.number
    if "gpus-per-node" not in options and "gres" not in options and _nodes(options) is not None:
        return Unknown("the job does not say how many GPUs each of its nodes gives")
    if gpus == _counted(options.get("gpus-per-task")) and "gres" not in options:
        tasks = _number(options, "ntasks", _number(options, "ntasks-per-node", 1) or 0)
        if not tasks:
            return Unknown("the job does not say how many tasks it has")
        count *= tasks
    return Located(count, gpus.word.span, gpus.word.origin, gpus.word.via)


def _nodes(options: Options) -> Located[int] | Unknown | None:
    word = options.get("nodes")
    number = _number(options, "nodes", 1)
    if word is None or number == 1:
        return None
    if number is None:
        return Unknown(f"`{word.text}` is no one number of nodes")
    return Located(number, word.span, word.origin, word.via)


def step_gpus(words: Sequence[Word]) -> Located[int | AllGpus] | Unknown | None:
    """Return the GPUs that `srun` or `sbatch` is asked for by its own options, None if by none."""
    options = _options(words)
    return node_gpus(options) if _asked(options) is not None else None


def _card(word: Word | None) -> Located[str] | Unknown:
    """Return the card of a type or a feature, whose names a site chooses as it likes."""
    if word is None or not word.text:
        return NO_GPU_CLAIM
    # The table of cards is read only for the files that name one.
    from vllint.hardware.cards import find_card

    if isinstance(find_card(word.text), Unknown):
        return NO_GPU_CLAIM
    return Located(word.text, word.span, word.origin, word.via)
