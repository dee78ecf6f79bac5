"""FLG034 served-model-name-missing."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, Setting, set_options
from vllint_schemas import Applicability, EntryPoint, Finding, Fix, Located, Severity, Unknown

_NAME = "served_model_name"


class ServedModelNameMissing(Rule):
    """A model in a folder should be served by a name.

    ## What it does

    Finds models that are given as a path, without `--served-model-name`.

    ## Why is this bad?

    Clients must name the model as the server does, which is by its path: requests for any other name get an
    error (404), and all clients change when the folder moves.

    ## Example

    `vllm serve /models/qwen3-8b`

    ## Use instead

    `vllm serve /models/qwen3-8b --served-model-name qwen3-8b`

    ## Fix safety

    Unsafe: clients that ask for the path fail.

    ## Since

    0.1.0
    """

    code = "FLG034"
    name = "served-model-name-missing"
    severity = Severity.INFO
    stage = "advice"
    source = "entrypoints/launchers/api_server/app_state.py:49"
    since = "0.1.0"
    preview = True
    url = "https://docs.vllm.ai/en/stable/configuration/serve_args.html"
    triggers = frozenset({"model.path"})
    tags = ("flags",)

    BAD = (
        Example(
            text="vllm serve /models/qwen3-8b --port 8001\n#          ~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve /models/qwen3-8b --port 8001 --served-model-name qwen3-8b\n",
        ),
        Example(
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model ./weights/
    #                ~~~~~~~~~~
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command: --model ./weights/ --served-model-name weights
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve /models/qwen3-8b --served-model-name qwen3-8b\n"),
        Example(text="vllm serve Qwen/Qwen3-8B\n"),
        Example(title="the name may be among them", text='vllm serve /models/qwen3-8b "$@"\n'),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a path that is the model's name."""
        model, name = facts.args.model, facts.args.value(_NAME)
        server = facts.launch.entry_point in {EntryPoint.SERVE, EntryPoint.API_SERVER}
        if not server or facts.launch.platform is not None or facts.args.given(_NAME) is not None:
            return
        if not isinstance(model, Located) or model.span is None or isinstance(name, Unknown):
            return
        if not model.value.startswith(("/", "./", "../", "~/")):
            return
        short = model.value.rstrip("/").rpartition("/")[2]
        edits = set_options(facts, (Setting("--served-model-name", _NAME, short),)) if short else None
        title = f"add `--served-model-name {short}`"
        yield self.finding(
            facts,
            model.span,
            f"clients must ask for the model as `{model.value}`",
            "give it a name with `--served-model-name`",
            fix=None if edits is None else Fix(title, Applicability.UNSAFE, edits),
            subject=f"model={model.value}",
        )
