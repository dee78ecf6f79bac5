from __future__ import annotations

import json
import re

import pytest

from vllint.explain.options import option_lines, spelling_of
from vllint.models.catalogue import find_model
from vllint.registry import load_rules
from vllint.report.colours import PLAIN
from vllint.vllm.legality import tensor_parallel_obstacles
from vllint.vllm.options import option_table
from vllint.vllm.releases import releases
from vllint_schemas.parallel import Parallel


def row(text: str, name: str) -> str:
    """The value of a row, in one line."""
    match = re.search(rf"(?m)^  {re.escape(name)} +(.*(?:\n {{14}}.*)*)", text)
    assert match is not None, text
    return re.sub(r"\s+", " ", match[1])


def test_a_rule_is_explained_by_code_and_by_name_in_any_case(run) -> None:
    by_code = run("explain", "PAR001")
    assert by_code.code == 0
    assert by_code.out == run("explain", "par001").out == run("explain", "tp-divides-heads").out
    assert by_code.out.startswith("error[PAR001] tp-divides-heads\n")
    assert "Why is this bad?" in by_code.out
    assert "28 attention heads / 8 = 3.5 is not whole" in by_code.out


def test_every_rule_has_a_page_with_its_examples(run) -> None:
    rules = load_rules().rules
    said = run("explain", *(rule.code for rule in rules))
    assert (said.code, said.err) == (0, "")
    for rule in rules:
        assert f"[{rule.code}] {rule.name}" in said.out


def test_a_group_is_a_list_of_its_rules(run) -> None:
    said = run("explain", "PAR")
    listed = [rule.code for rule in load_rules().rules if rule.code.startswith("PAR")]
    assert re.findall(r"(?m)^  (PAR\d+) ", said.out) == listed


@pytest.mark.parametrize("name", ["--max-model-len", "max-model-len", "max_model_len", "--max_model_len"])
def test_an_option_is_explained_however_it_is_written(run, name: str) -> None:
    said = run("explain", name)
    assert said.code == 0
    assert said.out.startswith("--max-model-len")
    assert row(said.out, "releases") == "in all of them"


def test_an_option_of_one_dash_is_not_taken_for_one_of_vllint(run) -> None:
    assert run("explain", "-tp").out.startswith("-tp, --tensor-parallel-size\n")
    assert run("explain", "-q").out.startswith("-q, --quantization\n")


def test_a_default_that_changed_is_told_release_by_release(run) -> None:
    flag = "--gpu-memory-utilization"
    defaults = {release: option_table(release).by_flag[flag].default for release in releases()}
    told = row(run("explain", flag).out, "default")
    assert len(set(defaults.values())) == 2
    for value in set(defaults.values()):
        assert f"{value}, " in told
    newest = defaults[releases()[-1]]
    since = next(release for release in releases() if defaults[release] == newest)
    assert told.startswith(f"{newest}, since {since}")


def test_an_option_that_is_gone_says_since_when_and_what_is_there_instead(run) -> None:
    said = run("explain", "--swap-space")
    last = [release for release in releases() if "--swap-space" in option_table(release).by_flag][-1]
    assert last != releases()[-1]
    assert f"up to {last}" in row(said.out, "releases")
    assert f"vLLM {releases()[-1]} does not know it" in said.out


def test_every_option_of_every_release_can_be_explained() -> None:
    flags = {flag for release in releases() for flag in option_table(release).by_flag}
    for flag in flags:
        assert spelling_of(flag) == flag
        lines = list(option_lines(flag, PLAIN))
        assert lines[0].split(", ")[0] == flag
        assert any(line.startswith("  default") for line in lines)
        assert max(map(len, lines)) < 200


def test_a_model_says_which_sizes_it_can_be_cut_for_and_why_not_the_others(run) -> None:
    said = run("explain", "qwen/qwen2.5-7b-instruct")
    assert said.out.startswith("Qwen/Qwen2.5-7B-Instruct\n")
    model = find_model("Qwen/Qwen2.5-7B-Instruct")
    assert model is not None
    told = row(said.out, "TP")
    valid = [size for size in range(1, 17) if not tensor_parallel_obstacles(model, Parallel(tensor=size))]
    assert told.startswith(f"{', '.join(map(str, valid))} of 1 to 16")
    for size in set(range(1, 17)) - set(valid):
        assert re.search(rf"not [\d, ]*\b{size}\b[\d, ]* for the ", told), size
    assert "28 attention heads / 3 = 9.333 is not whole" in told


def test_a_card_says_its_memory_as_cuda_reports_it_and_what_vllm_takes_of_it(run) -> None:
    told = row(run("explain", "NVIDIA-H100-80GB-HBM3").out, "memory")
    assert told.startswith("79.")
    assert "as CUDA reports it" in told
    assert re.search(r"vLLM \S+ takes 7\d\.\d GiB of it, unless told otherwise \(0\.92\)", told)


def test_a_card_s_name_that_leaves_its_memory_open_says_so(run) -> None:
    assert row(run("explain", "A100").out, "memory") == "not known: `A100` has 40 or 80 GB"


def test_an_instance_says_its_cards(run) -> None:
    assert row(run("explain", "p5.48xlarge").out, "cards") == "8 x H100 SXM 80GB"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("--tensor-paralel-size", "--tensor-parallel-size"),
        ("gpus_idle", "gpus-idle"),
        ("PAR01", "PAR001"),
        ("Qwen/Qwen3-8", "Qwen/Qwen3-8B"),
        ("qwen3-8b", "Qwen/Qwen3-8B"),
        ("H10", "H100 SXM 80GB"),
    ],
)
def test_an_unknown_name_is_exit_2_with_what_may_have_been_meant(run, name: str, meant: str) -> None:
    said = run("explain", name)
    assert (said.code, said.out) == (2, "")
    assert f"`{name}` is no rule" in said.err
    assert f"`{meant}`" in said.err


def test_an_unknown_name_like_nothing_gets_no_suggestion(run) -> None:
    said = run("explain", "--zzzzzzzzzz")
    assert said.code == 2
    assert "did you mean" not in said.err


def test_what_is_known_is_explained_beside_what_is_not(run) -> None:
    said = run("explain", "PAR001", "PAR999x")
    assert said.code == 2
    assert "tp-divides-heads" in said.out


def test_the_list_of_rules_has_them_all_with_their_fixes(run) -> None:
    said = run("rules")
    rules = load_rules().rules
    assert [line.split()[0] for line in said.out.splitlines()[1:-1]] == [rule.code for rule in rules]
    [line] = [line for line in said.out.splitlines() if line.startswith("CTR005")]
    assert " safe " in line


def test_the_list_of_rules_as_json_says_what_each_needs(run) -> None:
    listed = json.loads(run("rules", "--output-format", "json").out)
    assert [entry["code"] for entry in listed] == [rule.code for rule in load_rules().rules]
    [entry] = [entry for entry in listed if entry["code"] == "PAR001"]
    assert entry["name"] == "tp-divides-heads"
    assert entry["severity"] == "error"
    assert entry["needs"] == ["arguments", "model"]
    assert "unsafe" in entry["fixes"]
    assert entry["summary"].startswith("The tensor parallel size")
    assert entry["preview"] is False


@pytest.mark.parametrize("name", ["VLLM_USE_V1", "vllm_use_v1", "VLLM_USE_V1=0"])
def test_a_variable_is_explained_with_what_to_do_when_it_is_gone(run, name: str) -> None:
    said = run("explain", name)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("VLLM_USE_V1\n")
    assert row(said.out, "releases").startswith("up to 0.11.0 vLLM 0.11.2 and later ignore it")
    assert row(said.out, "instead") == (
        "nothing: the V1 engine is the only one for `1` take the variable out"
    )


def test_a_variable_that_became_an_option_says_which_and_since_when(run) -> None:
    said = run("explain", "VLLM_ATTENTION_BACKEND").out
    assert row(said, "instead").startswith("`--attention-backend`, since 0.13.0: it became an option")
    assert "for `FLASH_ATTN_VLLM_V1` write `--attention-backend FLASH_ATTN`" in row(said, "instead")
    with_more = run("explain", "VLLM_TORCH_PROFILER_DIR").out
    assert "VALUE --profiler-config.profiler torch`" in row(with_more, "instead")


def test_a_variable_of_today_says_what_it_takes(run) -> None:
    layout = run("explain", "VLLM_KV_CACHE_LAYOUT").out
    assert row(layout, "is").endswith("one of these; anything else stops vLLM")
    assert "NHD, HND" in row(layout, "choices")
    assert "words as `true` stop vLLM" in row(run("explain", "VLLM_BATCH_INVARIANT").out, "is")
    assert row(run("explain", "VLLM_API_KEY").out, "default") == "unset"


def test_a_variable_that_is_none_gets_the_nearest_names(run) -> None:
    said = run("explain", "VLLM_ATENTION_BACKEND")
    assert said.code == 2
    assert "did you mean `VLLM_ATTENTION_BACKEND`?" in said.err


def test_a_default_that_cards_decide_is_given_for_each(run) -> None:
    said = row(run("explain", "--max-num-seqs").out, "if unset")
    assert said.startswith("1024 for a card of 160 GiB or more, since 0.28.0")
    assert said.endswith("256 for any other card, A100-80GB included, since 0.9.2")


def test_an_option_names_the_rules_that_speak_of_it(run) -> None:
    assert "PAR001 tp-divides-heads" in row(run("explain", "-tp").out, "rules")
    assert row(run("explain", "-tp").out, "must be") == "at least 1"


def test_names_that_the_parser_does_not_list_are_given(run) -> None:
    said = run("explain", "--tool-call-parser").out
    assert "qwen3_json" in row(said, "names")
    assert "minimax in" in row(said, "names")


@pytest.mark.parametrize(
    "name", ["--attention-config.backend", "--attention-config=x", "attention_config.a.b"]
)
def test_a_key_of_a_json_option_leads_to_the_option(run, name: str) -> None:
    assert run("explain", name).out.startswith("--attention-config, -ac\n")


def test_a_short_option_that_holds_an_h_is_not_taken_for_help(run) -> None:
    assert "--data-parallel-hybrid-lb" in run("explain", "-dph").out
    assert run("explain", "-h").out == run("explain", "--help").out
