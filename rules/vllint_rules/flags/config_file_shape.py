"""FLG018 config-file-shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise

from vllint import Example, LaunchFacts, Mistake, Rule, option_table, remove_argument
from vllint_schemas import (
    Applicability,
    ConfigFile,
    ConfigProblem,
    Edit,
    Finding,
    Fix,
    Severity,
    Word,
)

_WHAT = {
    "not_parsed": "the config file is not YAML",
    "not_a_mapping": "the config file holds no keys and values",
    "several_documents": "the config file holds several documents",
    "key_not_text": "the key is no text",
}
_HELP = {
    "not_parsed": "mend it",
    "not_a_mapping": "write one `option: value` a line, or leave `--config` out",
    "several_documents": "keep one of them",
    "key_not_text": "write the option's name, in quotes if it reads as a number",
}


class ConfigFileShape(Rule):
    """A config file must have the shape that vLLM reads.

    ## What it does

    Checks the file of `--config`: that its name ends with `.yaml` or `.yml`, that it is one YAML mapping of
    options, without sections, dashes before the names, keys without a value, or mappings in a list; and
    that there is one such file.

    ## Why is this bad?

    vLLM makes words of the file as if they stood on the command line: a key without a value becomes the
    word `None`, a section an option of that name, a mapping in a list Python's notation instead of JSON.
    It exits with an error that names none of this.

    ## Example

    `max-num-seqs:` with nothing behind it: `invalid int value: 'None'`.

    ## Use instead

    `max-num-seqs: 256`, or no such line.

    ## Fix safety

    Safe: the fix removes a key that has no value, takes dashes off a name, and writes a mapping as JSON.

    ## Since

    0.1.0
    """

    code = "FLG018"
    name = "config-file-shape"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:606"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/serve_args.html"
    triggers = frozenset({"--config", "null_value", "unshaped_key"})
    tags = ("flags", "config")

    _COMMAND = "vllm serve Qwen/Qwen3-8B --config config.yaml\n"

    BAD = (
        Example(
            title="another format",
            text="vllm serve Qwen/Qwen3-8B --config vllm.json\n#                                 ~~~~~~~~~\n",
        ),
        Example(
            title="two files",
            text="vllm serve Qwen/Qwen3-8B --config a.yaml --config b.yaml\n"
            "#                                                 ~~~~~~\n",
        ),
        Example(
            title="no value",
            path="config.yaml",
            command=_COMMAND,
            text="max-num-seqs: null\n~~~~~~~~~~~~\nport: 8001\n",
            fixed="port: 8001\n",
        ),
        Example(
            title="a section",
            path="config.yaml",
            command=_COMMAND,
            text="engine:\n~~~~~~\n  tensor-parallel-size: 2\n",
        ),
        Example(
            title="dashes",
            path="config.yaml",
            command=_COMMAND,
            text="--tensor-parallel-size: 2\n~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="tensor-parallel-size: 2\n",
        ),
        Example(
            title="a mapping in a list",
            path="config.yaml",
            command=_COMMAND,
            text="enable-lora: true\nlora-modules:\n  - {name: sql, path: /lora}\n"
            "#   ~~~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed='enable-lora: true\nlora-modules:\n  - \'{"name": "sql", "path": "/lora"}\'\n',
        ),
        Example(title="nothing in it", path="config.yaml", command=_COMMAND, text=""),
        Example(title="a list", path="config.yaml", command=_COMMAND, text="- --port\n- 8001\n"),
        Example(
            title="no YAML",
            path="config.yaml",
            command=_COMMAND,
            text="port: [8001\n",
        ),
    )
    GOOD = (
        Example(
            path="config.yaml",
            command=_COMMAND,
            text="tensor-parallel-size: 2\nenforce-eager: true\ncompilation-config:\n  mode: 3\n"
            "quantization: null\nserved-model-name: [a, b]\n",
        ),
        Example(text="vllm serve Qwen/Qwen3-8B --config vllm.yml\n"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every part of the file that vLLM stumbles over, and for its name."""
        if facts.launch.kind == "python":
            return
        yield from self._names(facts)
        for mistake in facts.mistakes:
            if mistake.kind == "null_value":
                yield self._null(facts, mistake)
            elif mistake.kind == "unshaped_key":
                yield self._key(facts, mistake)
        config = facts.args.config
        if isinstance(config, ConfigFile):
            for problem in config.problems:
                yield from self._problem(facts, problem)

    def _names(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Check the names of the files: what their ends say, and how many there are."""
        files = _config_files(facts.launch.argv)
        for word in files[1:]:
            message = "more than one config file is named, and vLLM refuses that"
            yield self.finding(facts, word.span, message, "put all into one file", subject="config")
        for word in files[:1]:
            suffix = word.text.rsplit(".", 1)[-1]
            if word.is_known and suffix not in {"yaml", "yml"}:
                yield self.finding(
                    facts,
                    word.span,
                    f"vLLM refuses the config file `{word.text}`: its name must end with .yaml or .yml",
                    "give it such a name; JSON is YAML too",
                    subject="config",
                )

    def _null(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        argument = mistake.argument
        name = argument.flag.text.removeprefix("--")
        edits = remove_argument(facts, argument)
        return self.finding(
            facts,
            argument.flag.slice(2).span,
            f"`{name}` has no value: vLLM makes the text `None` of it, which `{argument.option}` refuses",
            "give it a value, or remove it",
            fix=None if edits is None else Fix(f"remove `{name}`", Applicability.SAFE, edits),
            subject=f"flag={argument.option}",
        )

    def _key(self, facts: LaunchFacts, mistake: Mistake) -> Finding:
        written = mistake.argument.flag.slice(2)
        name = _without_dashes(written.text, facts.release.judged)
        if name is None:
            message = f"vLLM reads no sections: it takes `{written.text}` for an option"
            help = "write the keys of the section without it"
        else:
            message = f"vLLM puts two dashes before each key, and has no option `--{written.text}`"
            help = f"write `{name}`"
        place = written.text_span
        fix = None
        if name is not None and place is not None and not written.via:
            fix = Fix(f"write `{name}`", Applicability.SAFE, (Edit(place, name),))
        return self.finding(facts, written.span, message, help, fix=fix, subject=f"key={written.text}")

    def _problem(self, facts: LaunchFacts, problem: ConfigProblem) -> Iterator[Finding]:
        if problem.kind != "list_of_mappings":
            message = f"{_WHAT[problem.kind]}: {problem.message}"
            yield self.finding(facts, problem.place, message, _HELP[problem.kind], subject="config")
            return
        if facts.args.given("lora_modules") is None:
            return
        text = facts.sources.get(problem.place.path, "")[problem.place.start : problem.place.end]
        message = f"vLLM makes `{problem.message}` of the mapping, which is no JSON"
        fix = _as_json(text, problem)
        yield self.finding(
            facts, problem.place, message, "write it as JSON in quotes", fix=fix, subject="lora_modules"
        )


def _config_files(argv: Sequence[Word]) -> tuple[Word, ...]:
    """Return the files that `--config` names as a word of its own."""
    return tuple(file for option, file in pairwise(argv) if option.text == "--config" and option.is_known)


def _without_dashes(key: str, release: str) -> str | None:
    """Return the option's whole name for a key with dashes before it; `None` for a key without."""
    if not key.startswith("-"):
        return None
    option = option_table(release).by_flag.get(key.replace("_", "-"))
    return key.lstrip("-") if option is None else option.flag.removeprefix("--")


def _as_json(text: str, problem: ConfigProblem) -> Fix | None:
    """Write a mapping of plain names and texts, in braces on one line, as JSON in quotes."""
    entries = [part.partition(":") for part in text.strip()[1:-1].split(",")]
    if not text.startswith("{") or not all(colon for _, colon, _ in entries):
        return None
    content = {key.strip(" \"'"): value.strip(" \"'") for key, _, value in entries}
    if str(content) != problem.message or "'" in json.dumps(content):
        return None
    edit = Edit(problem.place, f"'{json.dumps(content)}'")
    return Fix("write JSON", Applicability.SAFE, (edit,))
