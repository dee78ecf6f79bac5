"""Secrets appear in no output, and what is no secret is not hidden."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from vllint import check_paths
from vllint.cli.commands import vllint
from vllint.redact import names_secret, redacted, redacted_words
from vllint.report.formats import FORMATS
from vllint.vllm.options import option_table
from vllint.vllm.releases import releases
from vllint_schemas import Word

SECRET = "s3cr3t-va1ue"

WRITTEN = [
    "--api-key {}",
    "--api-key={}",
    "--api_key {}",
    "--api-key \\\n    {}",
    "--hf-token '{}'",
    'command: ["--api-key", "{}"]',
    "command: ['--api-key', '{}']",
    "command: [--api-key, {}]",
    "- --api-key\n- {}\n",
    '- "--api-key"\n- "{}"\n',
    "- --api-key={}\n",
    "VLLM_API_KEY={}",
    'export VLLM_API_KEY="{}"',
    "VLLM_API_KEY: {}",
    "- VLLM_API_KEY={}",
    '"VLLM_API_KEY": "{}"',
    '{{"HF_TOKEN":"{}"}}',
    "- name: HF_TOKEN\n  value: {}\n",
    '- name: HF_TOKEN\n  value: "{}"\n',
    '{{"name": "HF_TOKEN", "value": "{}"}}',
    "${{VLLM_API_KEY:-{}}}",
    "--api-key ${{KEY:-{}}}",
    "--api-key ${{KEY-{}}}",
    "HF_TOKEN=${{HF_TOKEN:={}}}",
    "MY_PASSWORD={}",
    "password: '{}; with blanks'",
    "aws_secret_access_key = {}",
    "AWS_SECRET_ACCESS_KEY={}",
    "WANDB_API_KEY={}",
    "SSH_PASSPHRASE={}",
    "https://user:{}@host/path",
    "Authorization: Bearer {}",
    "-H 'Authorization: Bearer {}'",
]


@pytest.mark.parametrize("form", WRITTEN)
def test_a_secret_is_masked_by_its_name_in_every_form(form: str) -> None:
    text = form.format(SECRET)
    assert SECRET not in redacted(text)


@pytest.mark.parametrize(
    "form",
    [
        "--api-ky {}",
        "--api-kye={}",
        "--apikye {}",
        "--hf-tokn {}",
        "--hf-tokne \\\n    {}",
        "- --hf-tokken\n- {}\n",
        "--pasword {}",
        "HF_TOKN={}",
        "export VLLM_API_KYE='{}'",
        "- name: HF_TOKN\n  value: {}\n",
        "redis://:{}@host/0",
        "authorization: bearer {}",
    ],
)
def test_a_secret_is_masked_where_its_name_is_misspelt(form: str) -> None:
    assert SECRET not in redacted(form.format(SECRET))


def test_no_other_option_of_vllm_is_taken_for_a_misspelt_secret() -> None:
    spellings = {flag for release in releases() for flag in option_table(release).by_flag}
    taken = {flag for flag in spellings if names_secret(flag)}
    assert taken == {"--api-key", "--hf-token", "--max-prompt-adapter-token"}


@given(st.sampled_from(["token", "password", "api-key"]), st.data())
def test_a_name_with_one_slip_is_still_a_secret_s(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from("abcdefgh"))
    slips = [name[:at] + name[at + 1 :], name[:at] + letter + name[at:], name[:at] + letter + name[at + 1 :]]
    assert all(names_secret(f"--my-{slip}") for slip in slips)


@pytest.mark.parametrize(
    "secret",
    [
        "hf_abcdefghijklmnopqrstuvwxyz",
        "sk-abcdefghijklmnop",
        "ghp_abcdefghijklmnopqrstuvwxyz",
        "github_pat_abcdefghijklmnopqrstuvwxyz",
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    ],
)
def test_a_secret_is_masked_by_its_shape_wherever_it_stands(secret: str) -> None:
    for text in (secret, f"x {secret} y", f"--model {secret}", f'"{secret}"', f"# {secret}"):
        assert secret not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "--max-num-batched-tokens 8192",
        "--tokens abcdef",
        "MAX_TOKENS=unbounded",
        "--broken abcdef",
        "https://git@host/path",
        "docker run -u 1000:1000 image",
        "--tokenizer Qwen/Qwen2.5-7B-Instruct",
        "tokenizer: Q/x",
        "eos_token: 128009",
        "eos_token_id: 128009",
        "num_speculative_tokens: 5",
        "secretKeyRef: {name: hf, key: token}",
        "secrets:\n  hf: {}",
        "HF_TOKEN:\n      image: vllm/vllm-openai\n",
        "- HF_TOKEN\n- VLLM_LOGGING_LEVEL=DEBUG\n",
        "--api-key ${KEY}",
        "--api-key $KEY -tp 2",
        "--api-key --enforce-eager",
        "--api-key EMPTY",
        "HF_TOKEN=$HF_TOKEN",
        "token: {{ .Values.token }}",
        "token: <your-token>",
        "token: $(cat file)",
        "api_key: null",
        "no token, nothing",
        "--max-model-len 4096 # greater than output token len",
        "# Token limits, as the password prompt said.",
        "https://host:8000/path",
        "image: registry:5000/a/b@sha256:01",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redacted(text) == text


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(WRITTEN))
def test_masking_moves_nothing_and_is_done_once(text: str, form: str) -> None:
    whole = form.format(SECRET) + text
    once = redacted(whole)
    assert len(once) == len(whole)
    assert once.count("\n") == whole.count("\n")
    assert SECRET not in once or SECRET in text


def test_words_after_a_secret_flag_are_masked_until_the_next_option() -> None:
    texts = ["serve", "Q/x", "--api-key", "k1", "k2", "--port", "1", "--hf-token=abc", "--hf-token", "12345"]
    words = [Word.verbatim(text, "f", 0) for text in texts]
    assert redacted_words(words) == (
        "serve",
        "Q/x",
        "--api-key",
        "**",
        "**",
        "--port",
        "1",
        "--hf-token=***",
        "--hf-token",
        "*****",
    )


FILES = {
    "run.sh": """#!/bin/bash
export HF_TOKEN={s}-a
export VLLM_API_KEY="{s}-b"
curl -H 'Authorization: Bearer {s}-c' https://user:{s}-d@host/ > /dev/null
# vllint: gpu=H100:8
vllm serve Qwen/Qwen2.5-7B-Instruct -tp 3 --api-key {s}-e --hf-token={s}-f --no-such {s}-x # token={s}-g
""",
    "compose.yaml": """services:
  llm:
    image: vllm/vllm-openai:v0.12.0
    environment:
      HF_TOKEN: {s}-h
      VLLM_API_KEY: "${{VLLM_API_KEY:-{s}-i}}"
    command: ["Qwen/Qwen2.5-7B-Instruct", "-tp", "3", "--api-key", "{s}-j", "--dtype", "int4"]
    deploy: {{resources: {{reservations: {{devices: [{{capabilities: [gpu], count: 8}}]}}}}}}
""",
    "list.yaml": """services:
  llm:
    image: vllm/vllm-openai:v0.12.0
    environment:
      - HF_TOKEN={s}-k
    command:
      - Qwen/Qwen2.5-7B-Instruct
      - --api-key
      - {s}-l
      - -tp
      - "3"
""",
    "endpoint.json": """{{"name": "e", "provider": {{"vendor": "aws"}},
 "compute": {{"instanceType": "nvidia-a10g", "instanceSize": "x4"}},
 "model": {{"repository": "Qwen/Qwen2.5-7B-Instruct", "env": {{"HF_TOKEN": "{s}-m"}},
  "secrets": {{"HF_TOKEN": "{s}-n"}},
  "image": {{"vLLM": {{"url": "vllm/vllm-openai:v0.23.0"}}}},
  "args": ["-tp", "3", "--api-key", "{s}-o"]}}}}
""",
    "broken.yaml": "vllm: [\n  HF_TOKEN: {s}-p\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / ".git").mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text.format(s=SECRET))
    (folder / ".env").write_text(f"VLLM_API_KEY={SECRET}-q\n")
    return folder


@pytest.mark.parametrize("output", FORMATS)
def test_no_format_shows_a_planted_secret(folder: Path, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(vllint, ["check", ".", "--output-format", output, "--preview"])
    assert done.exit_code == 1, done.output
    assert done.stdout
    shown = [place for place in "abcdefghijklmnopq" if f"{SECRET}-{place}" in done.stdout + done.stderr]
    assert shown == []


@pytest.mark.parametrize(
    "arguments", [["show", "run.sh"], ["show", "compose.yaml"], ["check", "--list-files"]]
)
def test_no_other_command_shows_a_planted_secret(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(vllint, arguments)
    shown = [place for place in "abcdefghijklmnopq" if f"{SECRET}-{place}" in done.stdout + done.stderr]
    assert shown == []


MISTAKES = {
    "a blank behind the equals sign": "vllm serve Qwen/Qwen3-8B -tp 3 --api-key= {s}",
    "a short one": "vllm serve Qwen/Qwen3-8B -tp 3 --api-key= k7",
    "a misspelt key": "vllm serve Qwen/Qwen3-8B --api-ky {s}",
    "a misspelt token": "vllm serve Qwen/Qwen3-8B --hf-tokn={s}",
    "no dashes": "vllm serve Qwen/Qwen3-8B api-key={s}",
    "no dashes, two words": "vllm serve Qwen/Qwen3-8B api-key {s}",
    "one dash": "vllm serve Qwen/Qwen3-8B -api-key {s}",
    "in a variable": "MINE={s}\nvllm serve Qwen/Qwen3-8B -tp 3 --api-key= $MINE # {s}",
    "a plain word in a variable": "MINE=swordfish\nvllm serve Qwen/Qwen3-8B -tp 3 --api-key $MINE",
    "in the environment": "HF_TOKEN={s} VLLM_API_KEY={s} vllm serve Qwen/Qwen3-8B -tp 3",
    "given twice": "vllm serve Qwen/Qwen3-8B --api-key {s} --api-key {s}2 -tp 3",
    "in JSON": """vllm serve Qwen/Qwen3-8B --hf-overrides '{{"token": "{s}", "x"}}'""",
    "in an address": "vllm serve https://me:{s}@host/Qwen3-8B -tp 3 --no-such",
    "in a header": """vllm serve Qwen/Qwen3-8B -tp 3 --middleware "Authorization: Bearer {s}" more""",
    "an unknown variable": "VLLM_API_KYE={s} vllm serve Qwen/Qwen3-8B -tp 3",
    "in another option, too": "MINE={s}\nvllm serve Qwen/Qwen3-8B --api-key $MINE --no-such $MINE -tp 3",
    "beside it": "vllm serve Qwen/Qwen3-8B -tp 3 --no-such\ncurl -u me:{s} http://localhost:8000/health",
    "in one word": "vllm serve Qwen/Qwen3-8B '--api-key {s}'",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_no_message_frame_or_diff_shows_the_secret_of_a_mistaken_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VLLINT_CACHE_DIR", str(tmp_path / "cache"))
    text = MISTAKES[name].format(s=SECRET)
    Path("run.sh").write_text(f"#!/bin/bash\n{text}\n")
    runs = [
        *(["check", "--gpu", "L40S:2", "run.sh", "--output-format", output] for output in FORMATS),
        *(["check", "--gpu", "L40S:2", "run.sh", "--output-format", output] for output in FORMATS),
        ["check", "--gpu", "L40S:2", "--diff", "--unsafe-fixes", "run.sh"],
        ["check", "--gpu", "L40S:2", "--write-baseline", "-", "run.sh"],
        ["upgrade", "--to", "0.33.0", "--diff", "run.sh"],
        ["show", "run.sh"],
        ["report", "-o", "-", "run.sh"],
        *(["check", "-c", text, "--output-format", output] for output in FORMATS),
        ["estimate", text],
    ]
    for run in runs:
        done = CliRunner().invoke(vllint, run)
        shown = done.stdout + done.stderr
        leaks = [secret for secret in (SECRET, "k7", "swordfish") if secret in shown]
        assert not leaks, (run, shown)


def test_a_key_that_is_a_common_word_hides_no_more_than_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.sh").write_text("vllm serve Qwen/Qwen3-8B --no-such --api-key vllm\n")
    done = CliRunner().invoke(vllint, ["check", "run.sh"])
    assert "vllm serve Qwen/Qwen3-8B --no-such --api-key ****" in done.stdout


def test_a_command_given_as_text_is_reported_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"vllm serve Qwen/Qwen2.5-7B-Instruct -tp 3 --api-key {SECRET}"
    for output in ("full", "json", "sarif"):
        done = CliRunner().invoke(vllint, ["check", "-c", text, "--output-format", output])
        assert SECRET not in done.stdout + done.stderr
        if output == "json":
            assert json.loads(done.stdout)["launches"][0]["argv"][-1] == "*" * len(SECRET)


@pytest.mark.parametrize(
    "text",
    [
        "token {}",
        "password {}",
        "the token secret {}",
        "ENV HF_TOKEN {}",
        "TOKEN {}",
        "--token {}",
        "api-key {}",
    ],
)
def test_a_secret_behind_its_name_and_a_blank_is_no_sentence(text: str) -> None:
    assert SECRET not in redacted(text.format(SECRET))
    assert SECRET not in " ".join(
        redacted_words([Word.verbatim(w, "", 0) for w in text.format(SECRET).split()])
    )


@pytest.mark.parametrize(
    "name", ["--token", "--api-key", "api-key", "TOKEN", "HF_TOKEN", "token:", "password="]
)
def test_a_secret_that_reads_as_a_word_is_masked_by_an_option_or_a_variable(name: str) -> None:
    assert "sesame" not in redacted(f"{name} sesame")


def test_words_of_a_comment_that_a_command_takes_are_no_secrets() -> None:
    words = [Word.verbatim(word, "", 0) for word in ("output", "token", "len", "--api-key", "sesame", "open")]
    assert redacted_words(words) == ("output", "token", "len", "--api-key", "******", "****")


def test_a_key_that_says_there_is_none_is_shown() -> None:
    words = [
        Word.verbatim(word, "", 0) for word in ("--api-key", "EMPTY", "--hf-token=none", "--api-key=x1y2z3")
    ]
    assert redacted_words(words) == ("--api-key", "EMPTY", "--hf-token=none", "--api-key=******")


@pytest.mark.parametrize(
    "text",
    [
        "docker run -e HF_TOKEN vllm/vllm-openai:v0.22.1 Qwen/Qwen3-8B",
        "docker run \\\n  -e HF_TOKEN \\\n  vllm/vllm-openai:v0.22.1",
        "docker run --env HF_TOKEN \\\n  --gpus all",
    ],
)
def test_a_variable_that_is_passed_on_has_no_value_beside_it(text: str) -> None:
    assert redacted(text) == text


def test_an_option_has_its_value_also_on_the_next_line() -> None:
    assert "abcdef123456" not in redacted("vllm serve m --api-key \\\n  abcdef123456")
    assert "abcdef123456" not in redacted("docker run -e API_KEY=abcdef123456 image")


def test_tokens_that_are_counted_by_an_abbreviated_option_are_no_secret(tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text("vllm serve Qwen/Qwen3-8B --max-num-batched-token=8192 --max-num-batched-token 4096\n")
    [launch] = check_paths([script]).to_dict()["launches"]
    assert launch["argv"][-3:] == ["--max-num-batched-token=8192", "--max-num-batched-token", "4096"]
