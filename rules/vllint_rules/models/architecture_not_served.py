"""MDL002 architecture-not-served."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, dropped, given_otherwise, needs_target, releases, version_key
from vllint_schemas import EntryPoint, Finding, Severity, Stage, Unknown

_OTHER_CLASSES = ("model_impl", "hf_overrides", "hf_config_path", "config_format", "load_format")
"""Options by which another class may build the model."""


class ArchitectureNotServed(Rule):
    """The release must have a class that builds the model.

    ## What it does

    Finds models of architectures that vLLM has dropped, and that Transformers does not build in its place;
    and draft models that are served without the model for which they draft.

    ## Why is this bad?

    vLLM refuses to start: `Model architecture ... was supported in vLLM until v0.23.0, and is not supported
    anymore`. Of a draft model it says that an assertion failed, once it builds it.

    ## Example

    `vllm serve Qwen/Qwen-7B --trust-remote-code` with vLLM 0.33.0

    ## Use instead

    A release that has the architecture, or a newer model. A draft model goes to
    `--speculative-config '{"model": "..."}'` of the model that it was made for.

    ## Since

    0.1.0
    """

    code = "MDL002"
    name = "architecture-not-served"
    severity = Severity.ERROR
    stage = "config"
    source = "model_executor/models/registry.py:1231"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/models/supported_models.html"
    needs = ("model",)
    waits_for = frozenset({"MDL001"})
    tags = ("models",)

    BAD = (
        Example(
            text="vllm serve Qwen/Qwen-7B --trust-remote-code\n#          ~~~~~~~~~~~~\n",
            vllm_version="0.33.0",
        ),
    )
    GOOD = (
        Example(title="an older release had it", text="vllm serve Qwen/Qwen-7B\n", vllm_version="0.22.1"),
        Example(text="vllm serve Qwen/Qwen3-8B\n", vllm_version="0.33.0"),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for an architecture that no class at hand builds by itself."""
        architecture = facts.model.architecture
        if architecture is None or given_otherwise(facts.args, _OTHER_CLASSES):
            return
        if facts.launch.entry_point is EntryPoint.HUGGINGFACE_SERVER:
            return
        gone = dropped(architecture)
        if gone is not None and _is_gone(facts, gone.release):
            last = f" after {gone.release}" if gone.release else ""
            instead = (
                f"install its plug-in from {gone.plugin}"
                if gone.plugin
                else f"serve it with vLLM {gone.release}"
            )
            yield self._finding(
                facts, f"which vLLM has dropped{last}", f"{instead}, or name a newer model", True
            )
        elif needs_target(architecture) and not _has_target(facts):
            yield self._finding(
                facts,
                "which only drafts tokens for another model",
                "serve that model, and name this one in its `--speculative-config`",
                False,
                "build",
            )

    def _finding(
        self, facts: LaunchFacts, which: str, advice: str, elsewhere: bool, stage: Stage = "config"
    ) -> Finding:
        model = facts.model
        # Code of its own may still build the model by way of Transformers.
        certain = model.configuration == "known" and model.source != "catalogue"
        return self.finding(
            facts,
            facts.model_span or facts.launch.at,
            f"`{model.id}` is a `{model.architecture}`, {which}{facts.release.caveat(elsewhere)}",
            advice,
            severity=facts.release.severity(elsewhere) if certain else Severity.WARNING,
            stage=stage,
            subject=model.architecture or "",
        )


def _is_gone(facts: LaunchFacts, last: str | None) -> bool:
    """Whether the release is one without the architecture; plug-ins are told of by the newest alone."""
    if last is None:
        return facts.release.judged == releases()[-1]
    return version_key(facts.release.judged) > version_key(last)


def _has_target(facts: LaunchFacts) -> bool:
    found = facts.args.value("speculative_config")
    return isinstance(found, Unknown) or found.value is not None
