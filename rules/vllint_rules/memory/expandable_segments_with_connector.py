"""MEM017 expandable-segments-with-connector."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import Example, LaunchFacts, Rule, own_variables, releases, remove_variable
from vllint_schemas import Applicability, Finding, Fix, Located, Related, Severity, Variable

_NAME, _SETTING = "PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True"
_ALLOCATORS = ("enable_cumem_allocator", "enable_sleep_mode")
"""Options with which the KV cache is allocated apart, where segments do not expand."""

_CONNECTORS = {"native": "OffloadingConnector", "lmcache": "LMCacheMPConnector"}
"""The connector of each `--kv-offloading-backend`."""


class ExpandableSegmentsWithConnector(Rule):
    """A KV connector needs a KV cache that stays where it is.

    ## What it does

    Finds launches with a KV connector (`--kv-transfer-config`, `--kv-offloading-size`) whose
    `PYTORCH_CUDA_ALLOC_CONF` holds `expandable_segments:True`, without `--enable-cumem-allocator` or
    `--enable-sleep-mode`.

    ## Why is this bad?

    The connector registers the memory of the KV cache with the network card. PyTorch's expandable segments
    may move it to other pages, and vLLM refuses the combination.

    ## Example

    `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True` with the `NixlConnector`

    ## Use instead

    No such setting, or `--enable-cumem-allocator`.

    ## Fix safety

    Unsafe: memory may be more scattered without it. The fix takes the variable out where it sets nothing
    else.

    ## Since

    0.1.0
    """

    code = "MEM017"
    name = "expandable-segments-with-connector"
    severity = Severity.ERROR
    stage = "config"
    source = "config/vllm.py:1291"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/features/disagg_prefill.html"
    triggers = frozenset({"kv_transfer_config", "kv_offloading_size"})
    waits_for = frozenset({"FLG012", "FLG031"})
    tags = ("memory", "kv cache")

    BAD = (
        Example(
            path="compose.yaml",
            text="""\
services:
  prefill:
    image: vllm/vllm-openai:v0.33.0
    command:
      - Qwen/Qwen3-8B
      - --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}
    environment:
      HF_HOME: /cache
      PYTORCH_CUDA_ALLOC_CONF: expandable_segments:True
      #                        ~~~~~~~~~~~~~~~~~~~~~~~~
""",
            fixed="""\
services:
  prefill:
    image: vllm/vllm-openai:v0.33.0
    command:
      - Qwen/Qwen3-8B
      - --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}
    environment:
      HF_HOME: /cache
""",
        ),
    )
    GOOD = (
        Example(
            title="another allocator holds the cache",
            path="compose.yaml",
            text="""\
services:
  prefill:
    image: vllm/vllm-openai:v0.33.0
    command:
      - Qwen/Qwen3-8B
      - --kv-transfer-config={"kv_connector":"NixlConnector","kv_role":"kv_both"}
      - --enable-cumem-allocator
    environment:
      PYTORCH_CUDA_ALLOC_CONF: expandable_segments:True
""",
        ),
        Example(
            title="no connector",
            text="PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True vllm serve Qwen/Qwen3-8B\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding where both are set and nothing keeps them apart."""
        variable = next((one for one in own_variables(facts) if one.name == _NAME), None)
        if variable is None or not variable.value.is_known or _SETTING not in variable.value.text:
            return
        args, connector = facts.args, _connector(facts)
        if connector is None or args.open_ended is not None or facts.release.judged != releases()[-1]:
            return
        if any(args.given(dest) is not None for dest in _ALLOCATORS):
            return
        place = args.place("kv_transfer_config") or args.place("kv_offloading_size")
        yield self.finding(
            facts,
            variable.value.span,
            f"`{_NAME}` with `{_SETTING}` may move the KV cache that `{connector}` has registered"
            f"{facts.release.caveat(True)}",
            "drop the setting, or add `--enable-cumem-allocator`",
            severity=facts.release.severity(True),
            related=() if place is None else (Related(place, "the connector"),),
            fix=_fix(facts, variable),
            subject=_NAME,
        )


def _connector(facts: LaunchFacts) -> str | None:
    config = facts.args.value("kv_transfer_config")
    value = config.value if isinstance(config, Located) else None
    name = value.get("kv_connector") if isinstance(value, dict) else None
    return name if isinstance(name, str) else _offloading(facts)


def _offloading(facts: LaunchFacts) -> str | None:
    """Return the connector that `--kv-offloading-size` brings (vLLM 0.33.0 `config/vllm.py:1158`)."""
    size, backend = facts.args.value("kv_offloading_size"), facts.args.value("kv_offloading_backend")
    if not isinstance(size, Located) or size.value is None or not isinstance(backend, Located):
        return None
    return _CONNECTORS.get(str(backend.value))


def _fix(facts: LaunchFacts, variable: Variable) -> Fix | None:
    edits = remove_variable(facts, variable) if variable.value.text == _SETTING else None
    return None if edits is None else Fix(f"drop `{_NAME}`", Applicability.UNSAFE, edits)
