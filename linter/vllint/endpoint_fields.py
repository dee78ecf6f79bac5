"""The fields by which Hugging Face endpoints set vLLM's options."""

from __future__ import annotations

FIELDS = {
    "tensorParallelSize": "--tensor-parallel-size",
    "dataParallelSize": "--data-parallel-size",
    "maxNumSeqs": "--max-num-seqs",
    "maxNumBatchedTokens": "--max-num-batched-tokens",
    "kvCacheDtype": "--kv-cache-dtype",
}
"""Fields of the `vLLM` image and the options the platform turns them into."""

FIELD_OF_OPTION = {option: field for field, option in FIELDS.items()}
