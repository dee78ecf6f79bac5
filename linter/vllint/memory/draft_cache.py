"""The KV cache of a draft model of its own, cached beside the layers of the model that it drafts for."""

from __future__ import annotations

from vllint.memory.cache_groups import Page
from vllint.memory.kv_pages import COMPRESSED, kind_of, layer_pages
from vllint.memory.speculation import own_layers, speculation
from vllint.models.catalogue import find_model
from vllint_schemas import EngineArgs, Gpu, ModelFacts, Unknown
from vllint_schemas.parallel import Parallel

_TARGETS_ONLY = frozenset({"speculative_config", "quantization"})


def draft_pages(
    model: ModelFacts,
    parallel: Parallel,
    args: EngineArgs,
    gpu: Gpu | Unknown,
    held: tuple[tuple[Page, ...], ...],
) -> tuple[tuple[Page, ...], ...]:
    """Return the pages of the draft's layers, in blocks of as many tokens as those that are `held`.

    Nothing where no draft of its own is asked for, or what it caches is not known.
    """
    asked = speculation(args)
    if asked is None or isinstance(asked, Unknown) or own_layers(model, args) or kind_of(model) in COMPRESSED:
        return ()
    name, ranks = asked.get("model"), asked.get("draft_tensor_parallel_size")
    draft = find_model(name) if isinstance(name, str) else None
    full = next((page for pages in held for page in pages if page.kind == "full"), None)
    if draft is None or full is None:
        return ()
    tensor = ranks if isinstance(ranks, int) and ranks > 0 else parallel.tensor
    plain = args._replace(arguments=tuple(one for one in args.arguments if one.dest not in _TARGETS_ONLY))
    layers = layer_pages(draft, Parallel(tensor=tensor), plain, gpu)
    if isinstance(layers, Unknown) or any(page.kind == "state" for pages in layers for page in pages):
        return ()
    return tuple(tuple(_of_tokens(page, full.tokens) for page in pages) for pages in layers)


def _of_tokens(page: Page, tokens: int) -> Page:
    return page._replace(bytes=page.bytes / page.tokens * tokens, tokens=tokens)
