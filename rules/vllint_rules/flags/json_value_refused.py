"""FLG031 json-value-refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vllint import (
    Example,
    JsonProblem,
    LaunchFacts,
    Rule,
    class_of_option,
    folded,
    json_problems,
    option_table,
    part_of_json,
    read_json,
    registered_names,
    similar_name,
    version_key,
)
from vllint_schemas import Applicability, Argument, Edit, Finding, Fix, Located, Severity, Word

_RENAMED = {("--compilation-config", "level"): ("mode", "0.22.1")}
"""Keys that have another name since a release: recorded verdicts of parsers, 0.17.1 taking the old one."""

_OWN_RULES = {"--speculative-config": frozenset({"num_speculative_tokens", "method", "tensor_parallel_size"})}
"""Keys whose values have a rule to themselves."""

_SHOWN = 8


class JsonValueRefused(Rule):
    """The JSON of an option must have the keys and the values that its configuration has.

    ## What it does

    Reads the JSON of options such as `--compilation-config`, `--kv-transfer-config` and
    `--speculative-config` and holds it against vLLM's configuration classes: their keys, the types, names
    and bounds of their values, and what each class checks of its own.

    ## Why is this bad?

    vLLM prints `1 validation error for ...` and exits, once the image has been pulled.

    ## Example

    `--compilation-config '{"level": 3}'`: the key is `mode` in newer releases.

    ## Use instead

    `--compilation-config '{"mode": 3}'`

    ## Fix safety

    Safe where a key or a name is the same but for its letters or has been renamed; else unsafe, since the
    nearest one may not be the one that was meant.

    ## Since

    0.1.0
    """

    code = "FLG031"
    name = "json-value-refused"
    severity = Severity.ERROR
    stage = "parse"
    source = "engine/arg_utils.py:361"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"option.json"})
    tags = ("flags", "json")

    BAD = (
        Example(
            title="a key that has another name now",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --compilation-config '{\"level\": 3}'\n"
            "#                                                ~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --compilation-config '{\"mode\": 3}'\n",
        ),
        Example(
            title="a name",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command:
      - Qwen/Qwen3-8B
      - --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"KV_BOTH"}
      #                                                                 ~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command:
      - Qwen/Qwen3-8B
      - --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}
""",
        ),
        Example(
            title="no object",
            vllm_version="0.22.1",
            text="vllm serve Qwen/Qwen3-8B --compilation-config 3\n"
            "#                                             ~\n",
        ),
        Example(
            title="a type",
            path="serve.py",
            vllm_version="0.33.0",
            text='from vllm import LLM\n\nllm = LLM("Qwen/Qwen3-8B", eplb_config={"window_size": 0})\n',
        ),
        Example(
            title="a key that needs another",
            vllm_version="0.33.0",
            text='vllm serve Qwen/Qwen3-8B --kv-transfer-config \'{"kv_connector": "NixlConnector"}\'\n',
        ),
    )
    GOOD = (
        Example(
            title="a connector of one's own",
            vllm_version="0.33.0",
            text='vllm serve Qwen/Qwen3-8B --kv-transfer-config \'{"kv_connector": "MultiConnector",'
            ' "kv_role": "kv_both", "kv_connector_extra_config": {"connectors": [{"kv_connector": "Ours",'
            ' "kv_connector_module_path": "ours.connector", "kv_role": "kv_both"}]}}\'\n',
        ),
        Example(
            vllm_version="0.33.0",
            text='vllm serve Qwen/Qwen3-8B -cc \'{"mode": "vllm_compile", "cudagraph_mode": "FULL"}\'\n',
        ),
        Example(vllm_version="0.17.1", text="vllm serve Qwen/Qwen3-8B -cc '{\"level\": 3}'\n"),
        Example(vllm_version="0.33.0", text="vllm serve Qwen/Qwen3-8B --pt-load-map-location 3\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every part of an option's JSON that its configuration refuses."""
        for argument in facts.args.arguments:
            option = option_table(facts.release.judged).by_flag.get(argument.option)
            if option is None or not option.kind.startswith("json") or not argument.values:
                continue
            word = argument.values[-1]
            value = _value(argument, option.kind)
            if isinstance(value, _NoJson):
                continue
            yield from self._of_option(facts, argument, word, value)

    def _of_option(self, facts: LaunchFacts, argument: Argument, word: Word, value: Any) -> Iterator[Finding]:
        release = facts.release.judged
        found = class_of_option(argument.option, release)
        parsed = found is None or found.stage == "parse"
        if not parsed and facts.args.given(argument.dest) is not argument:
            return
        if isinstance(value, dict) and found is not None and found.stage == "config":
            value = {key.replace("-", "_"): content for key, content in value.items()}
        problems = json_problems(argument.option, value, release)
        stage = "parse" if found is not None and found.stage == "parse" else "config"
        for problem in problems:
            keys = _OWN_RULES.get(argument.option, frozenset())
            own = (
                problem.path and problem.path[0] in keys and problem.kind in {"out_of_bounds", "unknown_name"}
            )
            python = facts.launch.kind == "python" and problem.kind == "not_an_object"
            if not own and not python:
                yield self._refused(facts, argument, word, problem, stage)
        if not problems:
            yield from self._known_otherwise(facts, argument, word, value)
            yield from self._connector(facts, argument, word, value)

    def _connector(self, facts: LaunchFacts, argument: Argument, word: Word, value: Any) -> Iterator[Finding]:
        """Check the KV connector, which vLLM looks up when it builds the configuration."""
        if argument.option != "--kv-transfer-config" or not isinstance(value, dict):
            return
        names = registered_names("KVTransferConfig", "kv_connector", facts.release.judged)
        for path, content in _connectors(value):
            name = content.get("kv_connector")
            if not isinstance(name, str) or not names or name in names:
                continue
            if not content.get("kv_connector_module_path"):
                place = (*path, "kv_connector")
                problem = JsonProblem(
                    "unknown_name", place, "KVTransferConfig", "", names, "config/kv_transfer.py"
                )
                yield self._refused(facts, argument, word, problem, "config")

    def _known_otherwise(
        self, facts: LaunchFacts, argument: Argument, word: Word, value: Any
    ) -> Iterator[Finding]:
        """Judge by what is known of releases whose classes are not."""
        release = facts.release.judged
        option = option_table(release).by_flag[argument.option]
        if option.type == "parse_dataclass" and not isinstance(value, dict) and facts.launch.kind != "python":
            problem = JsonProblem("not_an_object", (), argument.option, expected="an object")
            yield self._refused(facts, argument, word, problem, "parse")
        elif isinstance(value, dict):
            for key in value:
                _, since = _RENAMED.get((argument.option, key), ("", ""))
                no_table = class_of_option(argument.option, release) is None
                if since and no_table and version_key(release) >= version_key(since):
                    problem = JsonProblem("unknown_key", (key,), argument.option)
                    yield self._refused(facts, argument, word, problem, "parse")

    def _refused(
        self, facts: LaunchFacts, argument: Argument, word: Word, problem: JsonProblem, stage: str
    ) -> Finding:
        release = facts.release
        part = part_of_json(word, problem.path, key=problem.kind == "unknown_key")
        meant, same = _meant(argument, problem, part)
        by_release = problem.kind not in {"wrong_type", "out_of_bounds"}
        fix = None
        if meant is not None and part is not None and part.text_span is not None and not word.via:
            level = Applicability.SAFE if same else Applicability.UNSAFE
            fix = Fix(f"write `{meant}`", level, (Edit(part.text_span, meant),))
        return self.finding(
            facts,
            part.span if part is not None else word.span,
            f"{_said(argument, problem, part)}{release.caveat(by_release)}",
            _advice(problem, meant),
            severity=release.severity(by_release),
            stage="parse" if stage == "parse" else "config",
            source=problem.source or None,
            fix=fix,
            subject=f"flag={argument.option}{''.join(f'.{key}' for key in problem.path)}",
        )


def _connectors(
    value: dict[str, Any], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Yield a connector's configuration, and those of the connectors that it combines, with their paths."""
    yield path, value
    extra = value.get("kv_connector_extra_config")
    below = extra.get("connectors") if isinstance(extra, dict) else None
    for index, one in enumerate(below if isinstance(below, list) and len(path) < _DEEPEST else ()):
        if isinstance(one, dict):
            yield from _connectors(one, (*path, "kv_connector_extra_config", "connectors", index))


_DEEPEST = 12


class _NoJson:
    """Stands for a text that is no JSON."""


def _value(argument: Argument, kind: str) -> Any:
    """Return the JSON of an option; where it may be a text as well, as its parser has read it."""
    word = argument.values[-1]
    if not word.is_known:
        return _NoJson()
    if kind != "json":
        read = argument.value.value if isinstance(argument.value, Located) else None
        return read if isinstance(read, dict) else _NoJson()
    try:
        return read_json(word.text)
    except (ValueError, RecursionError):
        return _NoJson()


def _name(argument: Argument, problem: JsonProblem) -> str:
    path = ".".join(str(key) for key in problem.path)
    return f"`{path}` of `{argument.option}`" if path else f"`{argument.option}`"


def _said(argument: Argument, problem: JsonProblem, part: Word | None) -> str:
    name = _name(argument, problem)
    value = f", not `{part.text}`" if part is not None and part.text else ""
    if problem.kind == "unknown_key":
        above = problem._replace(path=problem.path[:-1])
        return f"{_name(argument, above)} has no key `{problem.path[-1]}`"
    if problem.kind == "missing_key":
        return f"{name} needs the key `{problem.names[0]}`"
    if problem.kind == "conflict":
        return f"{name} is refused: {problem.expected}"
    if problem.kind == "unknown_name":
        return f"{name} is none of the names that it takes{value.replace(', not', ':')}"
    return f"{name} must be {problem.expected or 'of another type'}{value}"


def _meant(argument: Argument, problem: JsonProblem, part: Word | None) -> tuple[str | None, bool]:
    """Return the key or name that was probably meant, and whether that is sure."""
    if problem.kind == "unknown_key":
        key = str(problem.path[-1])
        renamed = _RENAMED.get((argument.option, key))
        if renamed is not None:
            return renamed[0], True
        text = key
    elif problem.kind == "unknown_name" and part is not None:
        text = part.text
    else:
        return None, False
    near = similar_name(text, problem.names) if text else None
    return near, near is not None and folded(near) == folded(text)


def _advice(problem: JsonProblem, meant: str | None) -> str:
    if meant is not None:
        return f"write `{meant}`"
    if problem.kind == "conflict":
        return "give the other key too, or remove this one"
    if not problem.names:
        return "see vLLM's page on engine arguments"
    more = f" and {len(problem.names) - _SHOWN} more" if len(problem.names) > _SHOWN else ""
    listed = ", ".join(f"`{name}`" for name in problem.names[:_SHOWN])
    return f"it has {listed}{more}"
