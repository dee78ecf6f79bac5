"""Facts of models from the Hugging Face Hub, asked only on request, and kept with the commit they are of."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from vllint.hub_cache import REPOSITORY, REVISION, own_cache
from vllint.models.attributes import mapping
from vllint.models.config import LARGEST_CONFIG
from vllint.models.hub_requests import INSTALL, Budget, Requests
from vllint.models.local import MODEL_FILES, OWN_SIZES, Folder, folder_facts, model_config
from vllint.statements import StatementError
from vllint.text.source import SourceText, UndecodableText, decode
from vllint_schemas import ModelFacts, Unknown

SECONDS = 60.0
"""What a run may spend on the Hub in all."""

_FILES = (*sorted(MODEL_FILES), "hf_quant_config.json", "quantize_config.json", "quant_config.json")
_MOST_SHARDS = 256
_FIRST_PART = 100_000
_SHA_LENGTH = 40


class Found(NamedTuple):
    """What the Hub has of a model: files by name as of the commit `sha`, and whether it is gated."""

    sha: str
    files: Mapping[str, str]
    gated: bool | None

    def folder(self, model: str) -> Folder:
        """Return the files as a model's folder."""

        def read(name: str) -> SourceText | None:
            return SourceText(f"{model}/{name}", self.files[name]) if name in self.files else None

        return Folder(model, frozenset(self.files), read)


class Hub:
    """Asks the Hub for models, each once. `told` hears of each model before it is asked for, then `None`.

    With `required`, StatementError is raised where the client is not installed; without, nothing is known.
    """

    def __init__(
        self,
        required: bool,
        told: Callable[[str | None], None] | None = None,
        budget: Budget | None = None,
        store: Path | None = None,
    ) -> None:
        self._installed = find_spec("huggingface_hub") is not None
        if required and not self._installed:
            raise StatementError(f"--online: {INSTALL}")
        self._told = told
        self._budget = budget or Budget(SECONDS)
        self._store = store or own_cache(os.environ)
        self._known: dict[tuple[str, str], Found | Unknown] = {}

    def facts(self, model: str, revision: str | None) -> ModelFacts | Unknown:
        """Return the facts of a model at a revision, by default at the newest commit."""
        found = self.find(model, revision)
        if isinstance(found, Unknown):
            return found
        facts = folder_facts(model, found.folder(model), "hub")
        return facts if isinstance(facts, Unknown) else facts._replace(gated=found.gated)

    def config(self, model: str, revision: str | None) -> Mapping[str, object] | None:
        """Return the config that the facts are of."""
        found = self.find(model, revision)
        config = None if isinstance(found, Unknown) else model_config(found.folder(model))
        return None if isinstance(config, Unknown) else config

    def find(self, model: str, revision: str | None) -> Found | Unknown:
        """Return what the Hub has of a model; each is asked for once in a run."""
        key = (model, revision or "main")
        if key not in self._known:
            if self._told is not None:
                self._told(model)
            self._known[key] = self._find(*key)
            if self._told is not None:
                self._told(None)
        return self._known[key]

    def _find(self, model: str, revision: str) -> Found | Unknown:
        if not self._installed:
            return Unknown(f"the Hub is not asked for `{model}`: {INSTALL}")
        if not REPOSITORY.fullmatch(model) or not REVISION.fullmatch(revision):
            return Unknown(f"`{model}` at `{revision}` is no name on the Hub")
        requests = Requests(model, revision, self._budget)
        answer = requests.described(LARGEST_CONFIG)
        if isinstance(answer, Unknown):
            return answer
        described = _object(answer.content)
        sha = described.get("sha")
        if not isinstance(sha, str) or len(sha) != _SHA_LENGTH or not sha.isalnum():
            return Unknown(f"the Hub does not say which commit of `{model}` it describes")
        gated = bool(described["gated"]) if "gated" in described else None
        kept = self._kept(model, sha)
        files = kept or _files(requests, model, sha, described)
        if isinstance(files, Unknown):
            return files
        self._keep(model, revision, sha, files)
        return Found(sha, files, gated)

    def _snapshot(self, model: str, sha: str) -> Path | None:
        if self._store is None:
            return None
        return self._store / f"models--{model.replace('/', '--')}" / "snapshots" / sha

    def _kept(self, model: str, sha: str) -> Mapping[str, str] | None:
        """Return what an earlier run kept of a commit; `None` if there is none or it is incomplete."""
        folder = self._snapshot(model, sha)
        if folder is None or not (folder / OWN_SIZES).is_file():
            return None
        try:
            files = {name: (folder / name) for name in (*_FILES, OWN_SIZES) if (folder / name).is_file()}
            return {name: file.read_text(encoding="utf-8") for name, file in files.items()}
        except (OSError, UnicodeDecodeError):
            # It is asked for again.
            return None

    def _keep(self, model: str, revision: str, sha: str, files: Mapping[str, str]) -> None:
        """Write the files, the sizes last, and which commit the revision is; a full disk means no cache."""
        folder = self._snapshot(model, sha)
        if folder is None:
            return
        ref = folder.parents[1] / "refs" / revision
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in sorted(files, key=lambda name: name == OWN_SIZES):
                _write(folder / name, files[name])
            ref.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(ref, sha)
        except OSError:
            # What is not kept is asked for again.
            return


def _write(place: Path, content: str) -> None:
    """Replace a file at once, so that runs at the same time see it whole."""
    beside = place.with_name(f"{place.name}.{os.getpid()}")
    beside.write_text(content, encoding="utf-8", newline="")
    beside.replace(place)


def _files(
    requests: Requests, model: str, sha: str, described: Mapping[str, Any]
) -> Mapping[str, str] | Unknown:
    """Download the model's configs, and what the headers of its weights say."""
    names = _names(described)
    if names.isdisjoint(MODEL_FILES):
        return Unknown(f"`{model}` has no `config.json` on the Hub")
    files: dict[str, str] = {}
    for name in _FILES:
        if name not in names:
            continue
        answer = requests.file(name, sha, LARGEST_CONFIG)
        if isinstance(answer, Unknown):
            return answer
        try:
            files[name] = decode(name, answer.content).text
        except UndecodableText:
            return Unknown(f"`{name}` of `{model}` is no text")
    weights = _weights(requests, sha, names, described)
    # Sizes are worth less than the shape: without them the model is known all the same.
    files[OWN_SIZES] = json.dumps({} if isinstance(weights, Unknown) else weights, sort_keys=True)
    return files


def _names(described: Mapping[str, Any]) -> frozenset[str]:
    siblings = described.get("siblings")
    named = (mapping(file).get("rfilename") for file in (siblings if isinstance(siblings, list) else ()))
    return frozenset(name for name in named if isinstance(name, str))


def _weights(
    requests: Requests, sha: str, names: frozenset[str], described: Mapping[str, Any]
) -> Mapping[str, Any] | Unknown:
    """Return the sizes of the weights: as the Hub counts them, else from the files' headers."""
    from vllint.checkpoints.safetensors_header import DTYPE_BITS, joined

    counted = mapping(mapping(described.get("safetensors")).get("parameters"))
    if counted and all(_is_count(number) and name in DTYPE_BITS for name, number in counted.items()):
        dtypes = {name: (number, number * DTYPE_BITS[name] // 8) for name, number in counted.items()}
        return {"bytes": sum(size for _, size in dtypes.values()), "dtypes": dtypes, "components": {}}
    from vllint.models.local import weight_files

    shards = weight_files(names)
    if not 0 < len(shards) <= _MOST_SHARDS:
        return Unknown("there are no safetensors files, or too many")
    parts = []
    for name in shards:
        part = _header(requests, sha, name)
        if isinstance(part, Unknown):
            return part
        parts.append(part)
    return joined(parts)._asdict()


def _header(requests: Requests, sha: str, name: str) -> Any:
    """Return the weights in a file by its header, which is asked for by ranges of bytes."""
    from vllint.checkpoints.safetensors_header import LARGEST_HEADER, weights_of_header

    first = requests.file(name, sha, _FIRST_PART + 1, (0, _FIRST_PART))
    if isinstance(first, Unknown):
        return first
    length = int.from_bytes(first.content[:8], "little")
    if len(first.content) < 8 or length > LARGEST_HEADER:
        return Unknown(f"the header of `{name}` is missing, or too large")
    header = first.content[8 : 8 + length]
    if len(header) < length:
        rest = requests.file(name, sha, length, (8 + len(header), 7 + length))
        if isinstance(rest, Unknown):
            return rest
        header += rest.content
    whole = first.whole
    data = 2**62 if whole is None else whole - 8 - length
    return weights_of_header(header, data) if len(header) == length else Unknown(f"`{name}` is cut off")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def _object(content: bytes) -> dict[str, Any]:
    """Return the object that an answer holds; an empty one for anything else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        # What is missing in an empty answer is said where it is needed.
        return {}
    return found if isinstance(found, dict) else {}
