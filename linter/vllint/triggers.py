"""What stands in a launch, so that rules about other things need not look at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vllint.facts import LaunchFacts
from vllint_schemas import Unknown

OF_LAUNCH: Mapping[str, str] = {
    name: f"launch.{name}"
    for name in ("container", "cut_off", "ignored_fields", "platform", "repeated_launcher")
}
OF_CONTAINER: Mapping[str, str] = {
    name: f"container.{name}" for name in ("gpu_count_key", "health", "memory_limit", "services")
}
OF_MODEL: Mapping[str, str] = {name: f"model.{name}" for name in ("quantization",)}
"""Fields that trigger rules when they hold something, and what the triggers are called."""


def triggers_of(facts: LaunchFacts) -> frozenset[str]:
    """Return all that may trigger a rule about the launch.

    These are the options given, by what they fill (`kv_cache_dtype`); the environment's variables
    (`$VLLM_PORT`), and `$` for any; the kinds of mistakes in the words (`unknown_flag`); `--config` for a
    config file; fields of the launch, its container and its model that hold something; and the verdict on its
    memory (`memory.does_not_fit`).
    """
    launch, memory = facts.launch, facts.maybe_memory
    standing = {argument.dest for argument in facts.args.arguments}
    standing.update([mistake.kind for mistake in facts.mistakes])
    if launch.env:
        standing.add("$")
        standing.update([f"${variable.name}" for variable in launch.env])
    if facts.args.config is not None:
        standing.add("--config")
    standing.update(_held(launch, OF_LAUNCH))
    if launch.container is not None:
        standing.update(_held(launch.container, OF_CONTAINER))
    if not isinstance(facts.maybe_model, Unknown):
        standing.update(_held(facts.maybe_model, OF_MODEL))
    if not isinstance(memory, Unknown) and isinstance(memory.verdict, str):
        standing.add(f"memory.{memory.verdict}")
    return frozenset(standing)


def _held(part: object, fields: Mapping[str, str]) -> Iterator[str]:
    return (trigger for name, trigger in fields.items() if getattr(part, name) not in (None, ()))
