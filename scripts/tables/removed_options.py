"""Write the table of what to do about options that vLLM no longer has.

    python scripts/tables/removed_options.py ../shared/data

Reads `flags-history.json` for the options that went and when, and writes
`schemas/vllint_schemas/data/removed_options.json`: spelling -> what `vllint.vllm.removed_options` describes.
What to do is decided below, from vLLM's help texts and pull requests; an option that went and is missing
below stops the script.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[2] / "schemas/vllint_schemas/data/removed_options.json"

Record = dict[str, Any]

# The last release with an option, where it went between two releases of one minor version.
LAST = {
    "--rope-scaling": "0.11.0",
    "--rope-theta": "0.11.0",
    "--num-scheduler-steps": "0.10.0",
    "--multi-step-stream-outputs": "0.10.0",
    "--enable-prompt-adapter": "0.10.1.1",
    "--override-neuron-config": "0.10.1.1",
}


def no_op(why: str) -> Record:
    """Return what to do about an option whose absence means the same."""
    return {"action": "drop", "safe": True, "why": why}


def gone(why: str) -> Record:
    """Return what to do about an option whose effect went with it."""
    return {"action": "drop", "safe": False, "why": why}


def rename(to: str, why: str, **more: Any) -> Record:
    """Return what to do about an option that has another name."""
    return {"action": "rename", "safe": True, "to": to, "why": why, **more}


def write(words: list[str], why: str) -> Record:
    """Return what to do about a switch that became other words."""
    return {"action": "write", "safe": True, "words": words, "why": why}


def by_value(words: dict[str, list[str]], why: str) -> Record:
    """Return what to do about an option whose values became other words, or none."""
    return {"action": "by_value", "safe": True, "by_value": words, "why": why}


def advise(why: str) -> Record:
    """Return what to say about an option that takes more than rewriting words."""
    return {"action": "advise", "safe": False, "why": why}


def speculative(key: str) -> Record:
    """Return what to do about an option that became a key of the speculative configuration."""
    return rename(f"--speculative-config.{key}", "it is a key of `--speculative-config`")


ACTIONS: dict[str, Record] = {
    "--calculate-kv-scales": no_op("scales come from the checkpoint or are 1"),
    "--cuda-graph-sizes": rename(
        "--cudagraph-capture-sizes",
        "it has another name; a single number is the largest size",
        to_for_one="--max-cudagraph-capture-size",
    ),
    "--device": by_value({"cuda": [], "auto": []}, "vLLM finds the device by itself"),
    "--disable-async-output-proc": no_op("the V1 engine has no such step"),
    "--disable-frontend-multiprocessing": no_op("the server always runs the engine in its own process"),
    "--disable-log-requests": no_op("requests are not logged unless `--enable-log-requests` is given"),
    "--disable-logprobs-during-spec-decoding": gone("the V1 engine computes them"),
    "--disable-mm-preprocessor-cache": write(
        ["--mm-processor-cache-gb", "0"], "a cache without room is none"
    ),
    "--enable-bf16x3-router-gemm": gone("the kernel is gone"),
    "--enable-lora-bias": gone("adapters with a bias are no longer served"),
    "--enable-mamba-fine-grained-prefix-cache": gone("the feature was taken back"),
    "--enable-multimodal-encoder-data-parallel": write(
        ["--mm-encoder-tp-mode", "data"], "it is a mode of the encoder's tensor parallelism"
    ),
    "--enable-prompt-adapter": gone("prompt adapters are no longer served"),
    "--enable-reasoning": no_op("`--reasoning-parser` alone turns reasoning on"),
    "--engine-use-ray": gone("the engine no longer runs as a Ray actor"),
    "--eplb-log-balancedness": write(
        ["--eplb-config.log_balancedness", "true"], "it is a key of `--eplb-config`"
    ),
    "--eplb-step-interval": rename("--eplb-config.step_interval", "it is a key of `--eplb-config`"),
    "--eplb-window-size": rename("--eplb-config.window_size", "it is a key of `--eplb-config`"),
    "--expand-tools-even-if-tool-choice-none": no_op(
        "tools are in the prompt unless `--exclude-tools-when-tool-choice-none` is given"
    ),
    "--guided-decoding-backend": rename(
        "--structured-outputs-config.backend",
        "it is a key of `--structured-outputs-config`",
        values=["auto", "xgrammar", "guidance", "outlines", "lm-format-enforcer"],
    ),
    "--guided-decoding-disable-additional-properties": advise(
        "with the backend guidance, `--structured-outputs-config` takes `disable_additional_properties`"
    ),
    "--guided-decoding-disable-any-whitespace": advise(
        "with the backend xgrammar or guidance, `--structured-outputs-config` takes `disable_any_whitespace`"
    ),
    "--guided-decoding-disable-fallback": gone("a backend that is named has no fallback"),
    "--image-feature-size": no_op("it comes from the model's configuration"),
    "--image-input-shape": no_op("it comes from the model's configuration"),
    "--image-input-type": no_op("it comes from the model's configuration"),
    "--image-token-id": no_op("it comes from the model's configuration"),
    "--logits-processor-pattern": gone("requests can no longer name logits processors"),
    "--long-lora-scaling-factors": gone("long-context adapters are no longer served"),
    "--lora-extra-vocab-size": gone("adapters with words of their own are no longer served"),
    "--max-context-len-to-capture": gone("CUDA graphs are captured by batch size"),
    "--max-long-partial-prefills": no_op("the V1 scheduler never heeded it"),
    "--max-num-partial-prefills": no_op("the V1 scheduler never heeded it"),
    "--max-prompt-adapter-token": gone("prompt adapters are no longer served"),
    "--max-prompt-adapters": gone("prompt adapters are no longer served"),
    "--max-seq-len-to-capture": no_op("CUDA graphs are captured by batch size, not by length"),
    "--multi-step-stream-outputs": no_op("there is no multi-step scheduling any more"),
    "--ngram-prompt-lookup-max": speculative("prompt_lookup_max"),
    "--ngram-prompt-lookup-min": speculative("prompt_lookup_min"),
    "--no-disable-log-requests": write(["--enable-log-requests"], "it has another name"),
    "--num-lookahead-slots": no_op("it follows from the speculative configuration"),
    "--num-redundant-experts": rename(
        "--eplb-config.num_redundant_experts", "it is a key of `--eplb-config`"
    ),
    "--num-scheduler-steps": no_op("there is no multi-step scheduling any more"),
    "--num-speculative-tokens": speculative("num_speculative_tokens"),
    "--override-attention-dtype": gone("attention runs in the model's type"),
    "--override-neuron-config": gone("Neuron is a plug-in with `--additional-config`"),
    "--override-pooler-config": rename("--pooler-config", "it has another name"),
    "--preemption-mode": no_op("the V1 engine always recomputes"),
    "--prompt-adapters": gone("prompt adapters are no longer served"),
    "--qlora-adapter-name-or-path": no_op("it had no effect"),
    "--quantization-param-path": gone("scales of the KV cache come from the checkpoint"),
    "--rope-scaling": advise(
        "give the model's `rope_parameters` in `--hf-overrides`, with `max_position_embeddings` beside them"
    ),
    "--rope-theta": advise("give the model's `rope_parameters` in `--hf-overrides`, `rope_type` included"),
    "--scheduler-delay-factor": no_op("the V1 scheduler never heeded it"),
    "--spec-decoding-acceptance-method": gone("the V1 engine has one method"),
    "--speculative-disable-by-batch-size": gone("the V1 engine speculates at every batch size"),
    "--speculative-disable-mqa-scorer": gone("the V1 engine has one scorer"),
    "--speculative-draft-tensor-parallel-size": speculative("draft_tensor_parallel_size"),
    "--speculative-max-model-len": speculative("max_model_len"),
    "--speculative-model": speculative("model"),
    "--speculative-model-quantization": speculative("quantization"),
    "--swap-space": no_op("the V1 engine swaps nothing to the CPU"),
    "--task": by_value(
        {
            "auto": [],
            "generate": [],
            "embed": ["--runner=pooling", "--convert=embed"],
            "embedding": ["--runner=pooling", "--convert=embed"],
            "classify": ["--runner=pooling", "--convert=classify"],
            "score": ["--runner=pooling", "--convert=classify"],
            "reward": ["--runner=pooling"],
        },
        "`--runner` and `--convert` say it",
    ),
    "--tokenizer-pool-extra-config": no_op("it had no effect"),
    "--tokenizer-pool-size": no_op("it had no effect"),
    "--tokenizer-pool-type": no_op("it had no effect"),
    "--typical-acceptance-sampler-posterior-alpha": gone("the V1 engine has no such sampler"),
    "--typical-acceptance-sampler-posterior-threshold": gone("the V1 engine has no such sampler"),
    "--use-gpu-for-pooling-score": gone("the choice is vLLM's own"),
    "--use-v2-block-manager": no_op("it had no effect"),
    "--worker-use-ray": write(
        ["--distributed-executor-backend", "ray"], "the executor's backend is an option of its own"
    ),
    "-O": rename("--compilation-config", "the short form stands for the optimization level"),
    "-spec-draft-tp": speculative("draft_tensor_parallel_size"),
}


def main() -> None:
    """Write the table from the folder named on the command line."""
    parser = argparse.ArgumentParser(description="Write what to do about options that vLLM no longer has.")
    parser.add_argument("data", type=Path, help="folder that holds flags-history.json")
    TARGET.write_text(text(parser.parse_args().data), encoding="utf-8")


def text(data: Path) -> str:
    """Return the table as it stands in the file."""
    flags = json.loads((data / "flags-history.json").read_text(encoding="utf-8"))["flags"]
    went = sorted(flag for flag, record in flags.items() if record["removed_in_or_before"] or record["gaps"])
    lines = [f" {json.dumps(flag)}: {json.dumps(_record(flag, flags[flag]))}" for flag in went]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _record(flag: str, seen: Record) -> Record:
    """Return the record of a spelling; one that turned a removed switch off meant what is now so."""
    action = ACTIONS.get(flag)
    if action is None and seen["canonical"] in ACTIONS:
        action = no_op("without the option it is off")
    if action is None:
        raise ValueError(f"{flag} went and ACTIONS does not say what to do about it")
    last = LAST.get(flag) or LAST.get(seen["canonical"])
    return action | ({"last": last} if last else {})


if __name__ == "__main__":
    main()
