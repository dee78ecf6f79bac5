"""What stands in a launch, so that rules about other things need not look at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vllint.facts import LaunchFacts
from vllint.vllm.options import option_table
from vllint.vllm.written_words import spelled
from vllint_schemas import Located, Unknown

OF_LAUNCH: Mapping[str, str] = {
    name: f"launch.{name}"
    for name in ("container", "cut_off", "ignored_fields", "not_found", "platform", "repeated_launcher")
}
OF_CONTAINER: Mapping[str, str] = {
    name: f"container.{name}" for name in ("gpu_count_key", "health", "memory_limit", "services")
}
OF_MODEL: Mapping[str, str] = {name: f"model.{name}" for name in ("quantization",)}
"""Fields that trigger rules when they hold something, and what the triggers are called."""

OF_OPTIONS = ("option.cut_short", "option.deprecated", "option.json", "option.repeated")
"""What may be so of one of the options given: no option has its name, it is to go, it takes JSON, another one
sets the same."""

OF_FACTS = ("hardware.instance", "memory.unknown", "model.path", "model.unread")
"""A machine of a cloud; no verdict on memory; a model in a folder, or with a config that vLLM cannot read."""

BESIDE = "launch.beside"
"""Stands in the launches of a file that holds several."""


def triggers_of(facts: LaunchFacts, alone: bool = True) -> frozenset[str]:
    """Return all that may trigger a rule about the launch, which may be `alone` in its file.

    These are the options given, by what they fill (`kv_cache_dtype`), and what is so of them; the
    environment's variables (`$VLLM_PORT`), and `$` for any; the kinds of mistakes in the words
    (`unknown_flag`); `--config` for a config file, named in whatever way; fields of the launch, its container
    and its model that hold something; the verdict on its memory (`memory.does_not_fit`); and `OF_FACTS`.
    """
    launch, memory = facts.launch, facts.maybe_memory
    standing = {argument.dest for argument in facts.args.arguments}
    if len(standing) < len(facts.args.arguments):
        standing.add("option.repeated")
    standing.update(_of_options(facts))
    standing.update([mistake.kind for mistake in facts.mistakes])
    if not alone:
        standing.add(BESIDE)
    if launch.env:
        standing.add("$")
        standing.update([f"${variable.name}" for variable in launch.env])
    if facts.args.config is not None or any(word.text.startswith("--config") for word in launch.argv):
        standing.add("--config")
    standing.update(_held(launch, OF_LAUNCH))
    if launch.container is not None:
        standing.update(_held(launch.container, OF_CONTAINER))
    if not isinstance(facts.maybe_model, Unknown):
        standing.update(_held(facts.maybe_model, OF_MODEL))
    if not isinstance(memory, Unknown) and isinstance(memory.verdict, str):
        standing.add(f"memory.{memory.verdict}")
    standing.update(_of_facts(facts))
    return frozenset(standing)


def _of_facts(facts: LaunchFacts) -> Iterator[str]:
    named, model, memory = facts.args.model, facts.maybe_model, facts.maybe_memory
    if facts.hardware.instance is not None:
        yield "hardware.instance"
    if not isinstance(memory, Unknown) and isinstance(memory.verdict, Unknown):
        yield "memory.unknown"
    if isinstance(named, Located) and named.value.startswith(("/", ".", "~")):
        yield "model.path"
    if not isinstance(model, Unknown) and model.configuration != "known":
        yield "model.unread"


def _of_options(facts: LaunchFacts) -> Iterator[str]:
    options = option_table(facts.release.judged).by_flag
    for argument in facts.args.arguments:
        name, option = spelled(argument.flag), options.get(argument.option)
        if name not in options and name.startswith("--"):
            yield "option.cut_short"
        if option is not None and option.deprecated:
            yield "option.deprecated"
        if option is not None and option.kind.startswith("json"):
            yield "option.json"


def _held(part: object, fields: Mapping[str, str]) -> Iterator[str]:
    return (trigger for name, trigger in fields.items() if getattr(part, name) not in (None, ()))
