"""Values whose chart is at hand: its templates are rendered with them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from vllint.sources.readers import Reading
from vllint_schemas import Launch, Located, Unknown

Read = Callable[..., Reading]

Argv = Callable[[Launch], list[str]]

Count = Callable[[Launch], Any]


def text(values: str) -> str:
    return textwrap.dedent(values).lstrip("\n")


def only(read: Read, values: str, beside: dict[str, str] | None = None, path: str = "values.yaml") -> Launch:
    reading = read(text(values), path, beside)
    assert reading.kinds == ("helm_values",)
    [launch] = reading.launches
    assert launch.kind == "helm_values"
    return launch


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {matchLabels: {app: vllm}}
  template:
    spec:
      {{- with .Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: vllm
          image: {{ include "chart.image" . }}
          args:
            - --model
            - {{ .Values.model.name | quote }}
            {{- if gt (int .Values.tp) 1 }}
            - --tensor-parallel-size={{ .Values.tp }}
            {{- end }}
            - --max-model-len={{ .Values.maxModelLen | default 4096 }}
            {{- range .Values.extraArgs }}
            - {{ . | quote }}
            {{- end }}
          env:
            {{- range $name, $value := .Values.env }}
            - name: {{ $name }}
              value: {{ $value | quote }}
            {{- end }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
"""

HELPERS = """
{{- define "chart.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
"""

CHART = {
    "Chart.yaml": 'apiVersion: v2\nname: vllm\nappVersion: "v0.10.1"\n',
    "templates/": "_helpers.tpl\ndeployment.yaml",
    "templates/deployment.yaml": DEPLOYMENT.lstrip(),
    "templates/_helpers.tpl": HELPERS.lstrip(),
}

VALUES = """
    image: {repository: vllm/vllm-openai, tag: ""}
    model: {name: Qwen/Qwen2.5-7B-Instruct}
    tp: 2
    extraArgs: ["--chat-template={\\"a\\": 1}"]
    env: {VLLM_LOGGING_LEVEL: DEBUG}
    resources:
      limits:
        nvidia.com/gpu: 2
    nodeSelector: {nvidia.com/gpu.product: NVIDIA-L40S}
"""


def test_a_chart_beside_its_values_is_rendered(read: Read, argv: Argv, gpu_count: Count) -> None:
    launch = only(read, VALUES, CHART)
    assert argv(launch) == [
        *("--model", "Qwen/Qwen2.5-7B-Instruct"),
        "--tensor-parallel-size=2",
        "--max-model-len=4096",
        '--chat-template={"a": 1}',
    ]
    assert gpu_count(launch) == 2
    assert isinstance(launch.hardware.gpu, Located) and launch.hardware.gpu.value == "NVIDIA-L40S"
    assert isinstance(launch.vllm_version, Located) and launch.vllm_version.value == "0.10.1"
    assert [(one.name, one.value.text) for one in launch.env] == [("VLLM_LOGGING_LEVEL", "DEBUG")]
    model = launch.argv[1].text_span
    assert model is not None and model.path == "values.yaml"


def test_values_go_over_those_of_the_chart(read: Read, argv: Argv, gpu_count: Count) -> None:
    beside = {**CHART, "values.yaml": text(VALUES)}
    over = """
        tp: 4
        image: {repository: vllm/vllm-openai}
        resources: {limits: {nvidia.com/gpu: 4}}
        extraArgs: []
        """
    launch = only(read, over, beside, "values-large.yaml")
    assert argv(launch)[2:] == ["--tensor-parallel-size=4", "--max-model-len=4096"]
    assert gpu_count(launch) == 4


def test_what_values_leave_empty_is_not_known(read: Read, argv: Argv) -> None:
    launch = only(read, VALUES.replace("Qwen/Qwen2.5-7B-Instruct", '""'), CHART)
    assert argv(launch)[:2] == ["--model", "?"]


def test_a_function_that_is_not_known_leaves_a_hole(read: Read, argv: Argv) -> None:
    beside = {**CHART, "templates/deployment.yaml": DEPLOYMENT.lstrip().replace("| default 4096", "| mul 2")}
    assert argv(only(read, VALUES, beside))[3] == "--max-model-len=?"


def test_hardware_that_values_do_not_name_is_unknown(read: Read) -> None:
    launch = only(read, "image: vllm/vllm-openai:v0.10.0\nargs: [--model, a/b]\n")
    assert isinstance(launch.hardware.gpu_count, Unknown)


def test_values_of_any_names_are_read_by_the_chart_s_templates(read: Read, argv: Argv) -> None:
    template = """\
        {{- range $one := .Values.services }}
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: "{{ $one.name }}"}
        spec:
          template:
            spec:
              containers:
                - name: server
                  image: {{ $.Values.runtime.vllm }}
                  args:
                    - "--model={{ $one.repo }}"
                    {{- if $one.cards }}
                    - "-tp={{ $one.cards }}"
                    {{- end }}
                  resources:
                    limits:
                      nvidia.com/gpu: {{ $one.cards | default 1 }}
        ---
        {{- end }}
    """
    values = """\
        runtime: {vllm: "vllm/vllm-openai:v0.10.0"}
        services:
          - {name: chat, repo: Q/x, cards: 2}
          - {name: embed, repo: Q/y}
    """
    beside = {"templates/": "all.yaml", "templates/all.yaml": text(template), "Chart.yaml": "name: a\n"}
    found = read(text(values), "values.yaml", beside).launches
    assert [argv(launch) for launch in found] == [["--model=Q/x", "-tp=2"], ["--model=Q/y"]]
    assert not read(text(values), "values.yaml").launches
