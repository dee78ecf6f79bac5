"""Which of vLLM's two model runners serves, as far as memory depends on it."""

from __future__ import annotations

from vllint.memory.pooling import pools
from vllint.release_order import version_key
from vllint_schemas import EngineArgs, ModelFacts

_SECOND_SINCE = {
    "LlamaForCausalLM": (0, 23),
    "MistralForCausalLM": (0, 23),
    "Qwen3ForCausalLM": (0, 23),
    "Qwen2ForCausalLM": (0, 26),
}
"""Dense architectures that the second runner served before it served all (`config/vllm.py` of 0.23.0).

Qwen 2's release is that of a log.
"""

_ESTIMATES_SINCE = (0, 27)
"""Before, the second runner's `profile_cudagraph_memory` returned 0; from 0.30 on it surely estimates."""


def takes_no_graphs_off(model: ModelFacts, args: EngineArgs) -> bool:
    """Whether a runner serves that leaves graphs out of the budget: the second one, early on."""
    since = _SECOND_SINCE.get(model.architecture or "")
    if since is None or not since <= version_key(args.vllm_version) < _ESTIMATES_SINCE:
        return False
    if model.num_experts != 0 or model.quantized is not False or args.given("quantization") is not None:
        return False
    return not pools(model, args)
