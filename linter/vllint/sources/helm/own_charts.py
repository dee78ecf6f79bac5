"""Values of charts that nobody else knows: the parts of them that are plainly a vLLM server's.

A part is one when its command starts vLLM, or when its image or key is named after vLLM and it holds
options or a model. What the chart's template adds is not known, so the words have an open end unless a
command of their own starts the server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vllint.sources.containers import image_entry_point
from vllint.sources.helm.chart_engines import Engine, named_variables, open_end, option, text_at, text_of
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence, scalar_of
from vllint.vllm.version import split_image
from vllint_schemas import Word

_STARTS_SERVER = re.compile(r"\bvllm\s+serve\b|\bvllm\.entrypoints\.")
_NAMED = re.compile(r"vllm", re.IGNORECASE)
_BESIDE = re.compile(
    r"router|simulator|[-_]sim\b|exporter|proxy|gateway|dashboard|controller|benchmark|operator|semantic|cache-",
    re.IGNORECASE,
)
"""Names of what works beside vLLM's server."""

_ARGUMENTS = re.compile(r"(?:args|arguments|flags)$")
_COMMANDS = re.compile(r"(?:^|vllm|serve|server|start|container|model)(?:command|cmd)$")
_MODEL_KEYS = frozenset(
    {
        "model", "modelname", "modelid", "modelurl", "modelrepo", "modelrepository", "hfmodel",
        "hfmodelid", "hfmodelname", "llmmodelid", "vllmmodel", "huggingfacemodel", "huggingfacemodelid",
    }
)  # fmt: skip
_MODEL_PART_KEYS = frozenset({"id", "name", "repository", "repo", "huggingfaceid", "hfid"})
_PLACES = frozenset(
    {"modelpath", "path", "uri", "storageuri", "localpath", "modelurl", "bucket", "pvc", "hostpath"}
)
"""Keys that name another place of the model than the Hub."""

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PARTS = frozenset(
    {"model", "modelconfig", "config", "vllm", "vllmconfig", "engine", "engineconfig", "server", "parameters"}
)
"""Parts of a server's values that hold its options, too."""

_FIELDS = {
    "tensorparallelsize": "--tensor-parallel-size",
    "pipelineparallelsize": "--pipeline-parallel-size",
    "dataparallelsize": "--data-parallel-size",
    "maxmodellen": "--max-model-len",
    "maxnumseqs": "--max-num-seqs",
    "maxnumbatchedtokens": "--max-num-batched-tokens",
    "gpumemoryutilization": "--gpu-memory-utilization",
    "kvcachedtype": "--kv-cache-dtype",
    "dtype": "--dtype",
    "quantization": "--quantization",
}
"""Fields with the names of vLLM's options, in lower case and without what parts their words."""

_CONTAINER_KEYS = ("resources",)
_POD_KEYS = ("nodeSelector", "affinity")
_SHORT = {"-tp": "--tensor-parallel-size", "-pp": "--pipeline-parallel-size", "-dp": "--data-parallel-size"}


class _Part(NamedTuple):
    """A mapping of the values, what it says, and the key it stands at."""

    values: Mapping
    key: Scalar | None
    image: Word | None
    command: tuple[Node, ...]
    args: tuple[Node, ...]


def folded(key: Node) -> str:
    """Return a key in lower case without what parts its words: `max_model_len`, `maxModelLen`."""
    return re.sub(r"[-_.]", "", key.value).lower() if isinstance(key, Scalar) else ""


def engine_of(values: Mapping, key: Scalar | None, shared: Word | None = None) -> Engine | None:
    """Return the server that a part of the values is, if it is one.

    `key` names the part; `shared` is the image that it has where it names none itself.
    """
    part = _Part(values, key, image_of(values) or shared, _command(values), _args(values))
    if _starts_server(part.command + part.args):
        return _engine(part, part.command or part.args, part.args if part.command else ())
    if part.command or not _is_server(part):
        return None
    fields = (*_model(part), *_fields(part))
    says = bool(fields) or _has_options(part.args)
    if not says and not isinstance(values.get("image"), Mapping):
        return None
    engine = _engine(part, _launcher(part), (open_end(values.span), *fields, *part.args))
    return engine._replace(certain=False, says_nothing=not says)


def _starts_server(words: tuple[Node, ...]) -> bool:
    text = " ".join(word.value for word in words if isinstance(word, Scalar))
    return _STARTS_SERVER.search(text) is not None


def _is_server(part: _Part) -> bool:
    if part.image is not None:
        name = split_image(part.image.text).repository
        return _NAMED.search(name) is not None and _BESIDE.search(name.rpartition("/")[2]) is None
    name = part.key.value if part.key is not None else ""
    return _NAMED.search(name) is not None and _BESIDE.search(name) is None and _has_options(part.args)


def _has_options(args: tuple[Node, ...]) -> bool:
    return any(isinstance(word, Scalar) and word.value.startswith("--") for word in args)


def _launcher(part: _Part) -> tuple[Node, ...] | None:
    """Return what starts the server where the image does not say: the plain command."""
    if image_entry_point(part.image) is not None:
        return None
    place = part.values.span if part.image is None else part.image.site
    return tuple(text_at(word, place) for word in ("vllm", "serve"))


def _engine(part: _Part, command: tuple[Node, ...] | None, args: tuple[Node, ...]) -> Engine:
    values = part.values
    env = next(
        (values.get(name) for name in ("env", "extraEnv", "environment") if values.get(name) is not None),
        None,
    )
    return Engine(
        values=values,
        name="vllm" if part.key is None else part.key.value,
        image=part.image,
        command=command or None,
        args=args,
        at=None if part.key is None else part.key.span,
        environment=tuple(named_variables(env)),
        container=tuple(_given(values, _CONTAINER_KEYS)),
        settings=tuple(_given(values, _POD_KEYS)),
    )


def shared_gpus(values: Mapping) -> tuple[tuple[tuple[str, Node], ...], ...]:
    """Return what values say of GPUs beside their parts: settings of a container, and of a pod."""
    return tuple(
        tuple((name, value) for name, value in _given(values, names) if "gpu" in _keys_of(value))
        for names in (_CONTAINER_KEYS, _POD_KEYS)
    )


def _keys_of(node: Node) -> str:
    """Return the keys and texts of a node, in lower case."""
    if isinstance(node, Scalar):
        return node.value.lower()
    if isinstance(node, Mapping):
        return " ".join(f"{_keys_of(key)} {_keys_of(value)}" for key, value in node.items())
    return " ".join(map(_keys_of, node))


def _given(values: Mapping, names: tuple[str, ...]) -> Iterator[tuple[str, Node]]:
    for name in names:
        value = values.get(name)
        if isinstance(value, Mapping):
            yield name, value


def image_of(values: Mapping) -> Word | None:
    """Return a part's image: a text, or `registry`, `repository` and `tag` or `digest`."""
    image = values.get("image")
    if isinstance(image, Scalar):
        return _with_tag(scalar_word(image), values)
    if isinstance(image, Mapping):
        return _joined_image(image)
    return _joined_image(values) if isinstance(values.get("repository"), Scalar) else None


def _with_tag(image: Word | None, values: Mapping) -> Word | None:
    """Return an image with the tag beside it, unless it names one itself."""
    if image is None or not image.text or split_image(image.text).tag:
        return image
    tag = next(
        (values.get(key) for key in ("tag", "imageTag", "version") if text_of(values.get(key)) is not None),
        None,
    )
    return _image((image,), scalar_word(tag), ":")


def _joined_image(image: Mapping) -> Word | None:
    names = [image.get(name) for name in ("registry", "repository")]
    parts = [word for node in names if text_of(node) is not None and (word := scalar_word(node)) is not None]
    if not parts:
        node = next(
            (image.get(name) for name in ("image", "name") if text_of(image.get(name)) is not None), None
        )
        parts = [] if (word := scalar_word(node)) is None else [word]
    if not parts:
        return None
    digest, tag = image.get("digest"), image.get("tag")
    if text_of(tag) is None and text_of(digest) is not None:
        return _image(tuple(parts), scalar_word(digest), "@")
    stated = scalar_word(tag) if text_of(tag) is not None else _missing_tag(parts[-1])
    return _image(tuple(parts), stated, ":")


def _missing_tag(name: Word) -> Word | None:
    """Return the tag that a chart gives an image whose values leave it open."""
    if split_image(name.text).tag or "@" in name.text:
        return None
    return Word.unknown("the values leave the image's tag to the chart", name.site)


def _image(parts: tuple[Word, ...], tag: Word | None, mark: str) -> Word:
    """Join an image's parts: registry and repository with a slash, the tag with its mark."""
    site = parts[-1].site
    joined: list[Word] = []
    for part in parts:
        if joined:
            joined.append(Word.atomic("/", part.site))
        joined.append(part)
    if tag is not None:
        joined += [Word.atomic(mark, tag.site), tag]
        site = site.cover(tag.site)
    if len(joined) == 1:
        return joined[0]
    return Word.join(joined, site)


def _command(values: Mapping) -> tuple[Node, ...]:
    """Return a part's command; some charts keep it with the image."""
    image = values.get("image")
    for holder in (values, image):
        if isinstance(holder, Mapping):
            for key, value in holder.items():
                if _COMMANDS.search(folded(key)) and (words := words_of(value)):
                    return words
    return ()


def _args(values: Mapping) -> tuple[Node, ...]:
    """Return the words of all keys that hold options, in the order they stand in."""
    found: list[Node] = []
    for holder in (values, *_option_parts(values), values.get("image")):
        if isinstance(holder, Mapping):
            for key, value in holder.items():
                if _ARGUMENTS.search(folded(key)):
                    found.extend(words_of(value))
    return tuple(found)


def _option_parts(values: Mapping) -> Iterator[Mapping]:
    for key, value in values.items():
        if folded(key) in _PARTS and isinstance(value, Mapping) and image_of(value) is None:
            yield value


def words_of(node: Node) -> tuple[Node, ...]:
    """Return the words of a list, or of a text as a shell splits it."""
    if isinstance(node, Sequence):
        return tuple(item for item in node if isinstance(item, Scalar))
    if text_of(node) is None or not isinstance(node, Scalar):
        return ()
    from vllint.text.shell.words import CommandStringError, split_words

    try:
        return tuple(scalar_of(word) for word in split_words(node.word()))
    except CommandStringError as error:
        return (scalar_of(Word.unknown(f"the text is no command: {error}", node.span, splits=True)),)


def _model(part: _Part) -> tuple[Node, ...]:
    """Return the words of the model that fields name, where they leave no doubt that vLLM gets it."""
    if _sets(part.args, "--model"):
        return ()
    found: dict[str, tuple[Node, Node]] = {}
    for key, value in part.values.items():
        if folded(key) in _MODEL_KEYS and text_of(value) is not None and isinstance(value, Scalar):
            found[value.value] = (key, value)
    for holder in _option_parts(part.values):
        for key, value in holder.items():
            if isinstance(value, Scalar) and text_of(value) is not None and _names_model(key, holder, part):
                found[value.value] = (key, value)
            if folded(key) in _PLACES and _is_given(value) and folded(key) not in _MODEL_KEYS:
                return ()
    names = [entry for text, entry in found.items() if _REPOSITORY.fullmatch(text)]
    return option("--model", *names[0]) if len(names) == 1 else ()


def _is_given(value: Node) -> bool:
    return text_of(value) is not None or (isinstance(value, Mapping) and bool(value.children()))


def _names_model(key: Node, holder: Mapping, part: _Part) -> bool:
    if folded(key) in _MODEL_KEYS:
        return True
    return folded(key) in _MODEL_PART_KEYS and holder is part.values.get("model")


def _fields(part: _Part) -> Iterator[Node]:
    """Yield the options of fields that are named after them, those given among the words left out."""
    for holder in (part.values, *_option_parts(part.values)):
        for key, value in holder.items():
            flag = _FIELDS.get(folded(key))
            text = text_of(value)
            if flag is not None and text is not None and text != "0" and not _sets(part.args, flag):
                yield from option(flag, key, value)


def _sets(args: tuple[Node, ...], flag: str) -> bool:
    for word in args:
        name = word.value.partition("=")[0].replace("_", "-") if isinstance(word, Scalar) else ""
        if _SHORT.get(name, name) == flag:
            return True
    return False
