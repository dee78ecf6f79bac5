"""Programs that parse the words first: they keep options of their own and hand the rest on to vLLM.

NVIDIA Dynamo (`components/src/dynamo/vllm/args.py`, `backend_args.py`, `common/configuration`) and KServe's
huggingfaceserver (`python/huggingfaceserver/__main__.py`, `kserve/model_server.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from vllint_schemas import EntryPoint, Word


class Wrapper(NamedTuple):
    """A program around vLLM: the options it keeps, and those of vLLM that it has under other names."""

    program: str
    own: frozenset[str]
    renamed: Mapping[str, str]


FORKS = {"--omni": "vllm-omni"}
"""Options by which builds of others announce themselves."""

# fmt: off
WRAPPERS: Mapping[EntryPoint, Wrapper] = {
    EntryPoint.DYNAMO: Wrapper(
        "Dynamo's worker",
        frozenset({
            "--benchmark-mode", "--boundary-ratio", "--cfg-parallel-size", "--component", "--connector",
            "--custom-jinja-template", "--default-video-fps", "--diffusion-cache-backend",
            "--diffusion-cache-config", "--disaggregation-mode", "--discovery-backend", "--dump-config-to",
            "--durable-kv-events", "--dyn-endpoint-types", "--dyn-reasoning-parser", "--dyn-tool-call-parser",
            "--embedding-worker", "--enable-cache-dit-summary", "--enable-cpu-offload",
            "--enable-layerwise-offload", "--enable-local-indexer", "--enable-multimodal", "--endpoint",
            "--endpoint-types", "--event-plane", "--flow-shift", "--fpm-trace", "--frontend-decoding",
            "--gms-shadow-mode", "--is-decode-worker", "--is-prefill-worker", "--layerwise-num-gpu-layers",
            "--media-output-fs-url", "--media-output-http-url", "--migration-limit", "--mm-prompt-template",
            "--model-express-url", "--multimodal-decode-worker", "--multimodal-encode-worker",
            "--multimodal-processor", "--multimodal-worker", "--mx-server-url", "--namespace", "--omni",
            "--output-modalities", "--request-plane", "--response-plane", "--ring-degree",
            "--route-to-encoder", "--sleep-mode-level", "--stage-configs-path", "--store-kv",
            "--ulysses-degree", "--use-vllm-tokenizer", "--vae-use-slicing", "--vae-use-tiling",
            "--video-output-dir",
        }),
        {},
    ),
    EntryPoint.HUGGINGFACE_SERVER: Wrapper(
        "KServe's huggingfaceserver",
        frozenset({
            "--access-log-format", "--backend", "--configure-logging", "--disable-lower-case",
            "--disable-special-tokens", "--enable-docs-url", "--enable-grpc", "--enable-latency-logging",
            "--grpc-max-receive-message-length", "--grpc-max-send-message-length", "--grpc-port",
            "--http-port", "--log-config-file", "--max-asyncio-workers", "--max-threads", "--model-dir",
            "--predictor-host", "--predictor-protocol", "--predictor-request-timeout-seconds",
            "--predictor-use-ssl", "--return-probabilities", "--return-token-type-ids", "--task",
            "--tensor-input-names", "--workers",
        }),
        {
            "--max-length": "--max-model-len",
            "--model-id": "--model",
            "--model-name": "--served-model-name",
            "--model-revision": "--revision",
        },
    ),
}
# fmt: on


def handed_on(argv: tuple[Word, ...], entry_point: EntryPoint) -> tuple[Word, ...]:
    """Return the words that vLLM gets of those that the program is given."""
    wrapper = WRAPPERS.get(entry_point)
    return argv if wrapper is None else tuple(_kept(argv, wrapper))


def _kept(argv: tuple[Word, ...], wrapper: Wrapper) -> Iterator[Word]:
    in_own = False
    for word in argv:
        written = word.text.partition("=")[0]
        name = written.replace("_", "-")
        if not word.text.startswith("-"):
            if not in_own:
                yield word
            continue
        in_own = name in wrapper.own
        meant = wrapper.renamed.get(name)
        if meant is not None:
            yield _renamed(word, len(written), meant)
        elif not in_own:
            yield word


def _renamed(word: Word, length: int, name: str) -> Word:
    """Return an option under another name, its value left where it stands."""
    flag = Word.atomic(name, word.slice(0, length).site)
    parts = (flag, word.slice(length)) if len(word.text) > length or word.holes else (flag,)
    return replace(Word.join(parts, word.site), slot=word.slot, via=word.via)
