"""Which attention backends serve which heads on which card, as vLLM 0.33.0 itself answered."""

from __future__ import annotations

import pytest

from vllint.vllm.attention_backends import Attention, backend_obstacle, chosen_backend

PLAIN, LATENT, SPARSE = Attention("plain", 128), Attention("latent", 576), Attention("sparse", 576)


@pytest.mark.parametrize(
    ("backend", "attention", "capability", "part"),
    [
        ("FLASHMLA", LATENT, (8, 0), "takes compute capability 9.0"),
        ("FLASHMLA", PLAIN, (9, 0), "does not take attention that is not latent"),
        ("FLASH_ATTN", LATENT, (9, 0), "does not take latent attention"),
        ("FLASHINFER", PLAIN, (7, 5), "not 7.5"),
        ("FLASHINFER", Attention("plain", 96), (8, 0), "heads of size 96"),
    ],
)
def test_a_backend_that_vllm_refuses_has_an_obstacle(
    backend: str, attention: Attention, capability: tuple[int, int], part: str
) -> None:
    assert part in (backend_obstacle(backend, attention, "auto", capability) or "")


def test_nothing_is_said_of_backends_and_cards_that_are_not_tabled() -> None:
    assert backend_obstacle("B12X", PLAIN, "auto", (9, 0)) is None
    assert backend_obstacle("FLASHMLA", PLAIN, "auto", (6, 1)) is None
    assert chosen_backend(PLAIN, "auto", (6, 1)) is None


def test_fp8_on_ampere_goes_to_flashinfer_but_not_for_latent_attention() -> None:
    plain, latent = (chosen_backend(attention, "fp8", (8, 0)) for attention in (PLAIN, LATENT))
    assert plain is not None and (plain.backend, plain.obstacle) == ("FLASHINFER", None)
    assert latent is not None and latent.backend == "TRITON_MLA" and latent.obstacle is not None


def test_sparse_attention_has_no_backend_on_ampere() -> None:
    found = chosen_backend(SPARSE, "auto", (8, 0))
    assert found is not None and found.backend is None


def test_the_whole_images_of_gemma_3_take_triton_or_a_newer_flash_attention() -> None:
    images = Attention("plain", 256, True)
    assert backend_obstacle("FLASHINFER", images, "auto", (9, 0)) is not None
    assert backend_obstacle("FLASH_ATTN", images, "auto", (9, 0)) is not None
    assert backend_obstacle("FLASH_ATTN", images, "auto", (10, 0)) is None
    assert backend_obstacle("TRITON_ATTN", images, "auto", (8, 0)) is None
    found = chosen_backend(images, "fp8", (8, 0))
    assert found is not None and found.backend == "TRITON_ATTN" and found.obstacle is not None


def test_attention_sinks_need_a_backend_that_takes_them() -> None:
    sinks = Attention("plain", 64, sinks=True)
    assert "sinks" in (backend_obstacle("FLASHINFER", sinks, "auto", (8, 0)) or "")
    assert backend_obstacle("TRITON_ATTN", sinks, "auto", (8, 0)) is None
    fp8 = chosen_backend(sinks, "fp8", (8, 0))
    assert fp8 is not None and fp8.backend == "TRITON_ATTN" and fp8.obstacle is not None


def test_blocks_must_be_multiples_of_what_a_backend_takes() -> None:
    assert "multiples of 16" in (
        backend_obstacle("FLASH_ATTN", PLAIN._replace(block_size=24), "auto", (9, 0)) or ""
    )
    assert backend_obstacle("FLASH_ATTN", PLAIN._replace(block_size=48), "auto", (9, 0)) is None
    found = chosen_backend(PLAIN._replace(block_size=8), "auto", (9, 0))
    assert found is not None and found.backend is None


def test_float32_is_left_to_triton_and_flex_attention() -> None:
    wide = PLAIN._replace(dtype="float32")
    assert "float32" in (backend_obstacle("FLASH_ATTN", wide, "auto", (9, 0)) or "")
    found = chosen_backend(wide, "auto", (9, 0))
    assert found is not None and found.backend == "TRITON_ATTN"


def test_a_backend_of_vision_towers_serves_no_language_model() -> None:
    assert "vision" in (backend_obstacle("TORCH_SDPA", PLAIN, "auto", (9, 0)) or "")
