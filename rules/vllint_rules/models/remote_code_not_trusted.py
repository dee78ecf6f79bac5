"""MDL001 remote-code-not-trusted."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, releases
from vllint_schemas import EntryPoint, Finding, Severity, Unknown

_TRUST = "trust_remote_code"

_HAD_CLASSES = frozenset(
    {
        "arctic",
        "chatglm",
        "cohere2",
        "dbrx",
        "exaone",
        "h2ovl_chat",
        "internvl_chat",
        "jais",
        "minimax_text_01",
        "mpt",
        "nemotron",
        "NVLM_D",
        "ovis",
        "skywork_chat",
        "solar",
        "telechat",
    }
)
"""Types for which older releases had a class of their own (`_CONFIG_REGISTRY` of 0.8.5)."""

_OTHER_CONFIGS = ("hf_overrides", "hf_config_path", "config_format", "load_format")
"""Options by which the config may be another, or be read in another way."""


class RemoteCodeNotTrusted(Rule):
    """Some models bring code of their own, which vLLM runs only when told to trust it.

    ## What it does

    Finds models whose `config.json` has a type that neither vLLM nor Transformers knows, so that the
    repository's own code must read it, where `--trust-remote-code` is not given; and configs whose type
    nobody knows and that bring no code either.

    ## Why is this bad?

    vLLM refuses to start: `The repository ... contains custom code which must be executed to correctly load
    the model`. Of a type that nobody knows it says that Transformers does not recognize it.

    ## Example

    `vllm serve internlm/internlm2-chat-7b`

    ## Use instead

    `vllm serve internlm/internlm2-chat-7b --trust-remote-code --revision COMMIT`, once you have read that
    code.

    ## Since

    0.1.0
    """

    code = "MDL001"
    name = "remote-code-not-trusted"
    severity = Severity.ERROR
    stage = "config"
    source = "transformers_utils/config.py:442"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/models/supported_models.html"
    needs = ("model",)
    triggers = frozenset({"model.unread"})
    tags = ("models", "security")

    BAD = (
        Example(
            text="vllm serve internlm/internlm2-chat-7b -tp 2\n#          ~~~~~~~~~~~~~~~~~~~~~~~~~~\n",
        ),
        Example(
            title="compose",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: [--model, LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct]
    #                  ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
""",
        ),
    )
    GOOD = (
        Example(text="vllm serve internlm/internlm2-chat-7b --trust-remote-code\n"),
        Example(title="vLLM knows the type", text="vllm serve moonshotai/Kimi-K2-Instruct -tp 8\n"),
        Example(
            title="an older release had the class",
            text="vllm serve LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct\n",
            vllm_version="0.8.5",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for a config that nothing at hand can read."""
        model, trusted = facts.model, facts.args.is_on(_TRUST)
        if model.configuration not in {"remote", "missing"} or isinstance(trusted, Unknown):
            return
        if any(facts.args.given(dest) for dest in _OTHER_CONFIGS):
            return
        if facts.launch.entry_point is EntryPoint.HUGGINGFACE_SERVER:
            return
        newest = facts.release.judged == releases()[-1]
        had = model.model_type in _HAD_CLASSES
        if model.configuration == "remote" and not trusted.value and (newest or not had):
            yield self._untrusted(facts, had)
        if model.configuration == "missing" and newest and not had:
            yield self._unreadable(facts)

    def _untrusted(self, facts: LaunchFacts, had: bool) -> Finding:
        model = facts.model
        certain = model.source != "catalogue"
        severity = facts.release.severity(had) if certain else Severity.WARNING
        return self.finding(
            facts,
            facts.model_span or facts.launch.at,
            f"`{model.id}` has the type `{model.model_type}`, which its repository's own code must read,"
            f" and `--trust-remote-code` is not given{facts.release.caveat(had)}",
            "read that code, then add `--trust-remote-code`, and `--revision` so that it stays what you read",
            severity=severity,
            subject="trust_remote_code",
        )

    def _unreadable(self, facts: LaunchFacts) -> Finding:
        model = facts.model
        return self.finding(
            facts,
            facts.model_span or facts.launch.at,
            f"`{model.id}` has the type `{model.model_type}`, which neither vLLM nor its Transformers knows,"
            f" and brings no code for it{facts.release.caveat(True)}",
            "name a config of a known type, or serve the model with a release that has the type",
            severity=facts.release.severity(True),
            subject="model_type",
        )
