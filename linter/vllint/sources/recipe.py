"""Recipes: how to serve one model, in the form of vllm-project/recipes and in that of run-recipe scripts.

The first has a model, arguments and variants of it; what a strategy or a card adds is not in the file. The
second has a command in which `{name}` stands for one of its defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from vllint.sources.commands import Surroundings
from vllint.sources.files import Document, Found
from vllint.sources.markdown import fenced_blocks, shell_block_launches
from vllint.sources.shell import shell_launches
from vllint.sources.yaml_words import listed_words, scalar_word
from vllint.text.yaml.nodes import Mapping, Node, Scalar
from vllint_schemas import EntryPoint, HardwareClaim, Launch, Origin, Unknown, Variable, Word
from vllint_schemas.launch import NO_COUNT_CLAIM, NO_GPU_CLAIM

_FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*)\}")
_TO_COME = "the strategy and the hardware that a recipe is used with add words"


def recognises(root: Node) -> bool:
    """Whether a document is a recipe of either form."""
    return isinstance(root, Mapping) and (_model(root) is not None or _command(root) is not None)


def _model(root: Mapping) -> Mapping | None:
    model = root.get("model")
    if not isinstance(model, Mapping) or model.get("model_id") is None:
        return None
    return model if model.get("base_args") is not None or root.get("variants") is not None else None


def _command(root: Mapping) -> Scalar | None:
    command, marks = root.get("command"), (root.get("recipe_version"), root.get("defaults"))
    if not isinstance(command, Scalar) or all(mark is None for mark in marks):
        return None
    return command if "vllm" in command.value else None


def launches(document: Document) -> Found:
    """Yield one launch for each variant of the model, or what the command starts."""
    root = document.root
    if not isinstance(root, Mapping):
        return
    model = _model(root)
    if model is not None:
        yield from _variant_launches(root, model)
        guide = scalar_word(root.get("guide"))
        for block in fenced_blocks(guide) if guide is not None else ():
            yield from (found._replace(kind="recipe") for found in shell_block_launches(block))
        return
    command = _command(root)
    if command is None:
        return
    script = _filled(command.word(), root.get("defaults"))
    environment = tuple(_variables(root.get("env")))
    for found in shell_launches(script, "recipe", environment):
        yield found._replace(name="recipe", together=None) if isinstance(found, Launch) else found


def _filled(command: Word, defaults: Node | None) -> Word:
    """Return a command with its `{name}` replaced by the defaults, as Python's `str.format` does."""
    parts: list[Word] = []
    position = 0
    for match in _FIELD.finditer(command.text):
        parts.append(command.slice(position, match.start()))
        use = command.slice(*match.span())
        position = match.end()
        if match[1] is None:
            parts.append(command.slice(match.start(), match.start() + 1))
            continue
        value = scalar_word(defaults.get(match[1])) if isinstance(defaults, Mapping) else None
        if value is None:
            parts.append(Word.unknown(f"`{match[0]}` has no default in this recipe", use.site))
        else:
            parts.append(replace(value, site=use.site, via=(use.site, *value.via), slot=None))
    parts.append(command.slice(position))
    return replace(Word.join(parts, command.site), origin=Origin.LITERAL, via=())


def _variant_launches(root: Mapping, model: Mapping) -> Iterator[Launch]:
    variants = root.get("variants")
    named = variants.items() if isinstance(variants, Mapping) else ()
    found = {key.value: node for key, node in named if isinstance(key, Scalar)}
    for name in found or ("default",):
        variant = found.get(name)
        launch = _variant_launch(name, model, variant if isinstance(variant, Mapping) else None)
        if launch is not None:
            yield launch


def _variant_launch(name: str, model: Mapping, variant: Mapping | None) -> Launch | None:
    own = None if variant is None else scalar_word(variant.get("model_id"))
    model_id = own or scalar_word(model.get("model_id"))
    if model_id is None:
        return None
    args = listed_words(model.get("base_args"))
    environment = list(_variables(model.get("base_env")))
    if variant is not None:
        args += listed_words(variant.get("extra_args"))
        environment += _variables(variant.get("extra_env"))
    to_come = Word.unknown(_TO_COME, model_id.site, splits=True)
    around = Surroundings().with_variables(environment)
    return Launch(
        path=model.span.path,
        name=name,
        kind="recipe",
        extent=model.span,
        at=model_id.site,
        entry_point=EntryPoint.SERVE,
        argv=(model_id, *args, to_come),
        hardware=HardwareClaim(NO_GPU_CLAIM, NO_COUNT_CLAIM),
        vllm_version=Unknown("a recipe names the first release that it is for"),
        env=around.environment,
    )


def _variables(node: Node | None) -> Iterator[Variable]:
    for key, value in node.items() if isinstance(node, Mapping) else ():
        word = scalar_word(value)
        if isinstance(key, Scalar) and word is not None:
            yield Variable(key.value, word)
