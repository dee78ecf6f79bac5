"""RunPod's `.runpod/hub.json`: the variables of a vLLM worker, one launch for each preset.

A variable is an option in capitals (`runpod-workers/worker-vllm` 7a92503).
"""

from __future__ import annotations

from collections.abc import Iterator

from vllint.sources.blank_words import words_at_blanks
from vllint.sources.commands import Start
from vllint.sources.deployments import (
    Deployment,
    deployed,
    platform_card,
    text_of,
    whole_number,
)
from vllint.sources.files import Document, Found
from vllint.sources.yaml_words import scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import EntryPoint, HardwareClaim, Located, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM

_MODEL = "MODEL_NAME"
_RENAMED = {
    "MODEL_REVISION": "--revision",
    "TOKENIZER_NAME": "--tokenizer",
    "OPENAI_SERVED_MODEL_NAME_OVERRIDE": "--served-model-name",
    "CUSTOM_CHAT_TEMPLATE": "--chat-template",
}
_WORKER = frozenset({"MODEL_NAME", "MAX_CONCURRENCY", "VLLM_EXTRA_ARGS", "VLLM_CONFIG_FILE", "HF_TOKEN"})


def recognises(root: Node) -> bool:
    """Whether a document describes a worker for RunPod's hub."""
    config = root.get("config") if isinstance(root, Mapping) else None
    return isinstance(config, Mapping) and any(
        config.get(key) is not None for key in ("gpuIds", "runsOn", "gpuCount")
    )


def launches(document: Document) -> Found:
    """Yield the server of each preset that names a model, else that of the variables' defaults."""
    root = document.root
    config = root.get("config") if isinstance(root, Mapping) else None
    if not isinstance(root, Mapping) or not isinstance(config, Mapping):
        return
    hardware = _hardware(config)
    common = tuple(_defaults(config.get("env")))
    presets = config.get("presets")
    listed = (
        [preset for preset in presets if isinstance(preset, Mapping)] if isinstance(presets, Sequence) else []
    )
    for preset in listed or [config]:
        own = tuple(_mapping(preset.get("defaults")))
        names = {variable.name for variable in own}
        variables = (*(variable for variable in common if variable.name not in names), *own)
        name = text_of(preset.get("name"), text_of(root.get("title"), "worker"))
        argv = tuple(_words({variable.name: variable.value for variable in variables}))
        if not argv:
            continue
        deployment = Deployment(document.file.path, name, "runpod", preset.span, hardware, variables)
        start = Start(EntryPoint.SERVE, argv, argv[0].site, deployment.surroundings)
        yield from deployed(deployment, (start,))


def _mapping(node: Node | None) -> Iterator[Variable]:
    for key, value in node.items() if isinstance(node, Mapping) else ():
        word = scalar_word(value)
        if isinstance(key, Scalar) and word is not None and isinstance(value, Scalar) and value.value != "":
            yield Variable(key.value, word)


def _defaults(node: Node | None) -> Iterator[Variable]:
    """Yield the defaults of the variables that a user of the hub may set."""
    for item in node if isinstance(node, Sequence) else ():
        key = item.get("key") if isinstance(item, Mapping) else None
        field = item.get("input") if isinstance(item, Mapping) else None
        value = field.get("default") if isinstance(field, Mapping) else None
        if value is None and isinstance(item, Mapping):
            value = item.get("value")
        word = scalar_word(value)
        given = isinstance(value, Scalar) and value.resolved() not in (None, "")
        if isinstance(key, Scalar) and word is not None and given:
            yield Variable(key.value, word)


def _words(variables: dict[str, Word]) -> Iterator[Word]:
    """Yield the model and the options; variables that no option is called are the worker's own."""
    from vllint.vllm.options import releases_with

    model = variables.get(_MODEL)
    if model is None:
        return
    yield model
    for name, value in variables.items():
        flag = _RENAMED.get(name, "--" + name.lower().replace("_", "-"))
        if name in _WORKER or not releases_with(flag):
            continue
        lowered = value.text.strip().lower() if value.is_known else "?"
        if lowered == "false":
            continue
        yield Word.atomic(flag, value.site)
        if lowered != "true":
            yield value
    if "VLLM_EXTRA_ARGS" in variables:
        yield from words_at_blanks(variables["VLLM_EXTRA_ARGS"])


def _hardware(config: Mapping) -> HardwareClaim:
    """Return the pool's card, where all pools named have the same one, and the number of cards."""
    count = scalar_word(config.get("gpuCount"))
    claimed = whole_number(count) if count is not None else NO_COUNT_CLAIM
    pools = scalar_word(config.get("gpuIds"))
    if pools is None:
        return HardwareClaim(Unknown("no card is named"), claimed)
    if "," in pools.text:
        return HardwareClaim(Unknown(f"any card of the pools {pools.text} may be given"), claimed)
    card = platform_card(pools, "runpod")
    if isinstance(card, Located) and card.value == pools.text:
        return HardwareClaim(Unknown(f"the pool `{pools.text}` is not known"), claimed)
    return HardwareClaim(card, claimed)
