"""vLLM's own config files (`vllm serve --config FILE`) that no command at hand names.

A config file is a flat mapping of option names. Many projects have files of their own that look like one,
so it is taken for vLLM's only if every key is an option of vLLM, and one is an option of nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from vllint.sources.files import Document, File, Found
from vllint.text.yaml.nodes import Mapping, Node, Scalar
from vllint_schemas import (
    ConfigFile,
    EntryPoint,
    HardwareClaim,
    Launch,
    Span,
    Unknown,
    Word,
)
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_FEWEST_OPTIONS = 2
_SURE_PARTS = 3
_NOT_SURE = frozenset({"trust-remote-code", "allow-credentials", "ssl-ca-certs", "root-path"})
"""Options that servers and trainers of other projects have too."""

_FOLDERS = ("./", "../")
_USERS = (".sh", ".bash", ".yaml", ".yml", ".service", ".py", ".md", ".mk", ".toml", ".json", "file")
_MOST_USERS = 40


def recognises(root: Node) -> bool:
    """Whether a document is a flat mapping of vLLM's options."""
    if not isinstance(root, Mapping) or len(root.items()) < _FEWEST_OPTIONS:
        return False
    names = [key.value.replace("_", "-") for key, _ in root.items() if isinstance(key, Scalar)]
    if len(names) != len(root.items()) or not any(_is_sure(name) for name in names):
        return False
    from vllint.vllm.options import known_elsewhere

    return all(known_elsewhere(f"--{name}") is not None for name in names)


def _is_sure(name: str) -> bool:
    """Whether an option's name is vLLM's alone, going by how much it says: `max-num-seqs`."""
    return name.count("-") + 1 >= _SURE_PARTS and name not in _NOT_SURE


def launches(document: Document) -> Found:
    """Yield the launch with the file's options, unless a file beside it starts vLLM with it."""
    file = document.file
    if len(document.roots) != 1 or not file.path.lower().endswith((".yaml", ".yml")) or _is_named(file):
        return
    from vllint.vllm.config_file import read_config_file

    config = read_config_file(file.source)
    if not isinstance(config, ConfigFile):
        return
    start = Span(file.path, document.root.span.start, document.root.span.start)
    named = (Word.atomic("--config", start), Word.atomic(file.path.rpartition("/")[2], start))
    has_model = any(word.text == "--model" for word in config.words)
    reason = "the model and perhaps more is given on the command line"
    yield Launch(
        path=file.path,
        name="config",
        kind="vllm_config",
        extent=document.root.span,
        at=start,
        entry_point=EntryPoint.SERVE,
        argv=named if has_model else (Word.unknown(reason, start, splits=True), *named),
        hardware=HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM),
        vllm_version=Unknown("the file does not name a vLLM release"),
        config=config,
    )


def _is_named(file: File) -> bool:
    """Whether a file beside this one, or in the folder above, names it for `--config`."""
    name = file.path.rpartition("/")[2]
    return any("--config" in text and name in text for text in _texts_beside(file, name))


def _texts_beside(file: File, name: str) -> Iterator[str]:
    read = 0
    for folder in _FOLDERS:
        listed = file.neighbour(folder)
        for other in listed.text.split("\n") if listed is not None else ():
            if (other == name and folder == "./") or not other.lower().endswith(_USERS):
                continue
            source = file.neighbour(f"{folder}{other}")
            read += 1
            if source is not None:
                yield source.text
            if read >= _MOST_USERS:
                return
