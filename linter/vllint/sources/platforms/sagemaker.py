"""What Amazon SageMaker's containers make of their variables: the LMI container's and AWS's own vLLM image.

`OPTION_*` and `option.*` as `djl-serving` d21927c reads them, `SM_VLLM_*` as `sagemaker_args.py` of
`deep-learning-containers` e0ecede does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from vllint_schemas import EntryPoint, HardwareClaim, Located, Origin, Unknown, Variable, Word

_OWN = "SM_VLLM_"
_LMI = "OPTION_"
_FOREIGN = re.compile(r"trtllm|tensorrt|neuronx?|deepspeed|scheduler|tgi|lmi-dist|sglang|diffusers", re.I)
_LMI_IMAGE = re.compile(r"djl-inference:[^\s]*lmi", re.I)
_VLLM = re.compile(r"vllm", re.I)

_SPELLINGS = {
    "tensor_parallel_degree": "tensor-parallel-size",
    "pipeline_parallel_degree": "pipeline-parallel-size",
    "max_rolling_batch_size": "max-num-seqs",
    "max_rolling_batch_prefill_tokens": "max-num-batched-tokens",
    "quantize": "quantization",
}
"""Options of the container and those of vLLM that they become; all others keep their name."""

_DTYPES = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32"}


class Server(NamedTuple):
    """What a container starts: its words, and the cards that one copy of the model may use."""

    entry_point: EntryPoint
    argv: tuple[Word, ...]
    hardware: HardwareClaim


def sagemaker_server(
    variables: tuple[Variable, ...], image: Word | None, hardware: HardwareClaim
) -> Server | None:
    """Return the vLLM server that a container with these variables starts; `None` for other engines."""
    named = {variable.name: variable.value for variable in variables}
    image_name = image.text if image is not None else ""
    if any(name.startswith(_OWN) for name in named) or _is_own_image(image_name, named):
        return Server(EntryPoint.API_SERVER, tuple(_own_words(named)), hardware)
    options = {
        name.removeprefix(_LMI).lower(): value for name, value in named.items() if name.startswith(_LMI)
    }
    for name in ("HF_MODEL_ID", "TENSOR_PARALLEL_DEGREE", "PIPELINE_PARALLEL_DEGREE", "HF_REVISION"):
        key = {"HF_MODEL_ID": "model_id", "HF_REVISION": "revision"}.get(name, name.lower())
        if name in named:
            options.setdefault(key, named[name])
    return lmi_server(options, image_name, hardware)


def lmi_server(options: Mapping[str, Word], image_name: str, hardware: HardwareClaim) -> Server | None:
    """Return the server of the LMI container, given its options without their prefix."""
    if "model_id" not in options or not _is_lmi_vllm(options, image_name):
        return None
    words = [options["model_id"], *_lmi_words(options, hardware)]
    return Server(EntryPoint.SERVE, tuple(words), _share(options, hardware))


def _is_own_image(image: str, named: Mapping[str, Word]) -> bool:
    return "HF_MODEL_ID" in named and re.search(r"/(?:\w+-)?vllm(?:-\w+)*[:@]", image) is not None


def _is_lmi_vllm(options: Mapping[str, Word], image: str) -> bool:
    """Whether the container runs vLLM: its options or its image's name say so, or the image's default."""
    told = [options[name].text for name in ("rolling_batch", "entrypoint", "engine") if name in options]
    if any(_FOREIGN.search(text) for text in (*told, image)):
        return False
    return any(_VLLM.search(text) for text in (*told, image)) or _LMI_IMAGE.search(image) is not None


def _own_words(named: Mapping[str, Word]) -> Iterator[Word]:
    """Yield what `SM_VLLM_X_Y=v` becomes: `--x-y v`, of `true` the flag, of `false` nothing."""
    model = named.get(f"{_OWN}MODEL") or named.get("HF_MODEL_ID")
    if model is not None:
        yield Word.atomic("--model", model.site, Origin.PLATFORM)
        yield model
    for name, value in named.items():
        if not name.startswith(_OWN) or name == f"{_OWN}MODEL":
            continue
        lowered = value.text.strip().lower() if value.is_known else "?"
        if lowered == "false":
            continue
        yield Word.atomic("--" + name.removeprefix(_OWN).lower().replace("_", "-"), value.site)
        if lowered not in {"true", ""}:
            yield from _listed(value)


def _listed(value: Word) -> Iterator[Word]:
    if not value.text.lstrip().startswith("["):
        yield value
        return
    try:
        items = json.loads(value.text)
    except ValueError:
        yield value
        return
    for item in items if isinstance(items, list) else ():
        yield Word.atomic(item if isinstance(item, str) else json.dumps(item), value.site)


def _lmi_words(options: Mapping[str, Word], hardware: HardwareClaim) -> Iterator[Word]:
    """Yield the options that the container hands on: only those that an engine argument is called."""
    from vllint.vllm.options import releases_with

    for name, value in options.items():
        flag = "--" + _SPELLINGS.get(name, name).replace("_", "-")
        if name == "model_id" or not releases_with(flag):
            continue
        lowered = value.text.strip().lower() if value.is_known else "?"
        if lowered in {"true", "false"}:
            yield Word.atomic(flag if lowered == "true" else f"--no-{flag[2:]}", value.site)
            continue
        yield Word.atomic(flag, value.site)
        if name == "tensor_parallel_degree" and lowered == "max":
            yield _all_cards(value, hardware)
        elif name == "dtype" and lowered in _DTYPES:
            yield replace(Word.atomic(_DTYPES[lowered], value.site), via=value.via)
        else:
            yield value


def _all_cards(value: Word, hardware: HardwareClaim) -> Word:
    count = hardware.gpu_count
    if isinstance(count, Located):
        return Word.atomic(str(count.value), value.site, Origin.PLATFORM)
    return Word.unknown(f"`max` is the number of cards: {count.reason}", value.site)


def _share(options: Mapping[str, Word], hardware: HardwareClaim) -> HardwareClaim:
    """Return the claim of one copy: a number below that of the cards makes the container start several."""
    degree, count = options.get("tensor_parallel_degree"), hardware.gpu_count
    size = degree.text.strip() if degree is not None and degree.is_known else "1"
    if not isinstance(count, Located) or not size.isdecimal() or not isinstance(count.value, int):
        return hardware
    if int(size) >= count.value:
        return hardware
    reason = f"the container starts as many copies as {count.value} cards hold"
    return hardware._replace(gpu_count=Unknown(reason))
