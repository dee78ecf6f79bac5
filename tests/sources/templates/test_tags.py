"""Templates of Helm and Jinja: what is literal is read at its place, what is filled in is a hole."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.sources.readers import Reading, read_source
from vllint.sources.templates.text import MAX_RENDERINGS, renderings
from vllint.text.source import SourceText
from vllint_schemas import Launch, Word

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]
Count = Callable[[Launch], Any]

HEAD = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "chart.name" . }}
  labels:
    {{- include "chart.labels" . | nindent 4 }}
spec:
  selector: {matchLabels: {app: vllm}}
  template:
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.10.0
""".lstrip()


def manifest(container: str) -> str:
    return HEAD + textwrap.indent(textwrap.dedent(container).strip("\n"), " " * 10) + "\n"


def only(read: Read, container: str) -> Launch:
    reading = read(manifest(container), "templates/deployment.yaml")
    assert not reading.problems
    [launch] = reading.launches
    assert launch.kind == "helm_template"
    return launch


def test_literal_options_are_read_and_templated_ones_are_holes(read: Read, argv: Argv) -> None:
    launch = only(
        read,
        """
        args:
          - --model
          - {{ .Values.model | quote }}
          - --tensor-parallel-size={{ .Values.tp }}
          - --enforce-eager
        """,
    )
    assert argv(launch) == ["--model", "?", "--tensor-parallel-size=?", "--enforce-eager"]
    assert not any(word.splits for word in launch.argv)
    place = launch.argv[3].text_span
    assert place is not None
    assert "{{ .Values.tp }}" in launch.argv[2].reason


@pytest.mark.parametrize(
    "lines",
    [
        "{{- if .Values.eager }}\n  - --enforce-eager\n  {{- end }}",
        "{{- if .Values.eager }}\n  - --enforce-eager\n  {{- else }}\n  - --no-enforce-eager\n  {{- end }}",
        "{{- range .Values.extraArgs }}\n  - {{ . | quote }}\n  {{- end }}",
        "{{- with .Values.extraArgs }}\n  {{- toYaml . | nindent 12 }}\n  {{- end }}",
        "{{- toYaml .Values.extraArgs | nindent 12 }}",
    ],
)
def test_options_that_may_be_there_are_a_hole_for_any_number(read: Read, argv: Argv, lines: str) -> None:
    launch = only(read, f"args:\n  - --model=a/b\n  {lines}\n  - --port=8000")
    assert argv(launch) == ["--model=a/b", "?", "--port=8000"]
    assert launch.argv[1].splits


def test_each_way_to_start_is_a_launch_of_its_own(read: Read, argv: Argv) -> None:
    reading = read(
        manifest("""
        {{- if .Values.custom }}
        command: ["vllm", "serve"]
        args: ["a/b", "--enforce-eager"]
        {{- else }}
        args: ["--model", "a/b"]
        {{- end }}
        """),
        "templates/deployment.yaml",
    )
    assert [argv(launch) for launch in reading.launches] == [["a/b", "--enforce-eager"], ["--model", "a/b"]]


def test_a_script_in_a_template_keeps_what_is_glued_to_its_words(read: Read, argv: Argv) -> None:
    launch = only(
        read,
        """
        command: ["/bin/bash", "-c"]
        args:
          - |
            exec vllm serve {{ .Values.model }} \\
              --port 8000{{ if .Values.eager }} --enforce-eager{{ end }} \\
              {{- if .Values.tp }}
              --tensor-parallel-size {{ .Values.tp }} \\
              {{- end }}
              --max-model-len 4096
        """,
    )
    assert argv(launch) == ["?", "--port", "8000", "?", "?", "--max-model-len", "4096"]


def test_gpus_that_are_filled_in_are_not_known(read: Read, gpu_count: Count) -> None:
    launch = only(
        read,
        """
        args: ["--model", "a/b"]
        resources:
          limits:
            nvidia.com/gpu: {{ .Values.gpus }}
        """,
    )
    assert gpu_count(launch) is None
    assert launch.container is not None and launch.container.open_ended is not None


def test_rendered_charts_are_manifests(read: Read, argv: Argv) -> None:
    text = "---\n# Source: vllm/templates/deployment.yaml\n" + HEAD.replace(
        '{{ include "chart.name" . }}', "release-vllm"
    ).replace('    {{- include "chart.labels" . | nindent 4 }}\n', "    app: vllm\n")
    reading = read(text + '          args: ["--model", "a/b"]\n---\n# Source: x\n', "out.yaml")
    assert [(launch.kind, argv(launch)) for launch in reading.launches] == [
        ("kubernetes", ["--model", "a/b"])
    ]


def test_a_jinja_compose_file_is_read(read: Read, argv: Argv) -> None:
    text = textwrap.dedent("""
        services:
        {% for model in models %}
          vllm:
            image: vllm/vllm-openai:v0.10.0
            command: >-
              --model {{ model.name }}
              {% if model.tp %}--tensor-parallel-size {{ model.tp }}{% endif %}
              --max-model-len 4096
        {% endfor %}
    """)
    [launch] = read(text, "compose.yaml.j2").launches
    assert argv(launch) == ["--model", "?", "?", "--max-model-len", "4096"]


def test_a_jinja_script_is_read(read: Read, argv: Argv) -> None:
    text = (
        "#!/bin/bash\nvllm serve {{ model }} \\\n"
        "{% if eager %}\n  --enforce-eager \\\n{% endif %}\n  --port 8000\n"
    )
    [launch] = read(text, "run.sh.j2").launches
    assert argv(launch) == ["?", "?", "--port", "8000"]


def test_a_systemd_unit_in_jinja_ends_in_what_may_follow(read: Read, argv: Argv) -> None:
    text = (
        "[Service]\nExecStart=/opt/venv/bin/vllm serve {{ model }} \\\n"
        "  --enable-prefix-caching{% if key is defined %} \\\n  --api-key {{ key }}{% endif %}\n"
    )
    [launch] = read(text, "vllm.service.j2").launches
    assert argv(launch) == ["?", "--enable-prefix-caching", "?"]


def test_a_template_of_which_nothing_is_read_says_so(read: Read) -> None:
    reading = read("{{- if .Values.x }}\nfoo: [\n{{- end }}\nvllm serve\n", "a.yaml")
    assert [problem.kind for problem in reading.problems] == ["not_rendered"]


PIECES = st.sampled_from(
    [
        "{{ .Values.x }}", "{{- if .a }}", "{{- else }}", "{{- end }}", "{{- range .b }}", "{% if x %}",
        "{{ toYaml . | nindent 4 }}", "{% endif %}", "{% for a in b %}", "{{", "}}", "{%", "\n", "  ", "- ",
        "args:", "key: ", "|\n", "vllm serve a/b", "--flag", '"', "'", "{{/* c */}}", "{{ $x := 1 }}",
        "\ue001", "apiVersion: v1\nkind: Pod\n",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_template_is_rendered_with_every_place_in_it(text: str) -> None:
    found = list(renderings(Word.verbatim(text, "t", 0)))
    assert 1 <= len(found) <= MAX_RENDERINGS
    for word in found:
        for run in word.runs:
            assert 0 <= run.source.start <= run.source.end <= len(text)
            if run.verbatim:
                assert (
                    text[run.source.start : run.source.end] == word.text[run.start : run.start + run.length]
                )


@given(st.lists(PIECES, max_size=25).map("".join), st.sampled_from(["a.yaml", "a.sh.j2", "a.service.j2"]))
def test_no_template_breaks_the_reader(text: str, path: str) -> None:
    read_source(SourceText(path, text), lambda name: None)


def test_an_include_that_is_trimmed_up_to_a_document_renders_to_nothing(read: Read, argv: Argv) -> None:
    text = '{{- include "chart.checks" . -}}\n---\n' + manifest("args: [--model, a/b]")
    [launch] = read(text, "templates/deployment.yaml").launches
    assert argv(launch) == ["--model", "a/b"]
