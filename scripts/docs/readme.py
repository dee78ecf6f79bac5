"""Renew what the README quotes: `python scripts/docs/readme.py`.

The README has tables of rules, of what is read and of formats between `<!-- name -->` and `<!-- /name -->`,
and blocks of `console` that start with `$ vllint ...`: the rest of such a block is what the command prints.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

from rules import built_in_rules, table

from vllint.report.formats import FORMATS
from vllint_schemas import Kind

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "README.md"

READ: Mapping[Kind, str] = {
    "compose": "Docker Compose projects: interpolation, `.env` and `env_file`, anchors, `extends`, `include`,"
    " override files, mounted scripts, builds, reserved GPUs",
    "kubernetes": "Kubernetes: pods wherever they stand, ConfigMaps and Secrets, groups of pods, Kustomize,"
    " OpenShift templates; KServe, LLMInferenceService, RayService, KubeAI, KAITO, Dynamo, ome",
    "helm_values": "values of Helm charts: vLLM's production stack, llm-d, and charts of one's own, with"
    " their templates where these stand beside them; HelmRelease, Argo CD",
    "helm_template": "templates of Helm and Jinja: what is literal in them",
    "hf_endpoint": "Hugging Face Inference Endpoints: payloads and descriptions, YAML or JSON",
    "ray_serve": "Ray Serve LLM configs",
    "azure_ml": "Azure ML deployments: `VLLM_ARGS`",
    "sagemaker": "SageMaker: CloudFormation, `serving.properties`",
    "skypilot": "SkyPilot tasks and services",
    "dstack": "dstack services and tasks",
    "gpustack": "GPUStack models: `backend_parameters`",
    "truss": "Truss: `config.yaml`",
    "runpod": "RunPod: `.runpod/hub.json`",
    "bentoml": "BentoML: the arguments of a build",
    "cerebrium": "Cerebrium: `cerebrium.toml`",
    "shell": "shell scripts: variables, arrays, branches, loops, functions, here-documents, `source`;"
    " `docker run`, `apptainer`, `ssh`, `tmux`, `srun` and the like",
    "windows": "scripts of PowerShell and `cmd`: the commands of docker, WSL and Python in them",
    "slurm": "Slurm scripts: `#SBATCH` lines, `srun`",
    "systemd": "systemd units, drop-ins and podman quadlets",
    "dockerfile": "Dockerfiles: what the last stage starts",
    "make": "Makefiles: the commands of their recipes",
    "just": "justfiles: the commands of their recipes",
    "ci": "steps of GitHub Actions, GitLab CI and CircleCI",
    "ansible": "Ansible playbooks and task files",
    "terraform": "Terraform: what is literal in it",
    "nomad": "Nomad jobs",
    "markdown": "Markdown and reStructuredText: blocks of the kinds above, and of Python",
    "python": "Python programs and notebooks: `LLM(...)` and its kin, Ray's `LLMConfig`, commands that they"
    " start, Modal, endpoints and pods they make",
    "vllm_config": "vLLM's own config files: `vllm serve --config FILE`",
    "recipe": "vLLM recipes",
    "command": "commands and containers in other YAML and JSON documents, as ECS task definitions; a command"
    " on vllint's own command line: `vllint check --command TEXT`",
}
"""What each kind of source is, in words."""

_BLOCK = re.compile(r"(?ms)^```console\n\$ vllint (?P<arguments>[^\n]*)\n.*?^```$")
_REGION = r"(?s)(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)"


def text(page: str) -> str:
    """Return the page with its quotations renewed."""
    missing = set(get_args(Kind)) - READ.keys()
    if missing:
        raise ValueError(f"READ does not say what these kinds are: {', '.join(sorted(missing))}")
    read = "".join(f"- {READ[kind]}\n" for kind in get_args(Kind))
    formats = "".join(f"- `{name}`: {known.summary}\n" for name, known in FORMATS.items())
    rules = table(built_in_rules(), "docs/rules.md")
    for name, content in {"rules": rules, "kinds": read, "formats": formats}.items():
        page, count = re.subn(_REGION.format(name=name), _literal(content), page)
        if count != 1:
            raise ValueError(f"the README has {count} places for `{name}`")
    return _BLOCK.sub(_renewed, page)


def _literal(content: str) -> Callable[[re.Match[str]], str]:
    """Return what puts a text in the place of a match as it is, backslashes included."""
    return lambda _: content


def _renewed(block: re.Match[str]) -> str:
    command = [f"{sysconfig.get_path('scripts')}/vllint", *shlex.split(block["arguments"])]
    environment = {**os.environ, "COLUMNS": "80"}
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, env=environment)
    if done.stderr:
        raise ValueError(f"vllint {block['arguments']}: {done.stderr}")
    return f"```console\n$ vllint {block['arguments']}\n{done.stdout}```"


if __name__ == "__main__":
    TARGET.write_text(text(TARGET.read_text(encoding="utf-8")), encoding="utf-8")
