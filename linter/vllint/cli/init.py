"""`vllint init`."""

from __future__ import annotations

from pathlib import Path

import click

from vllint import __version__
from vllint.cli.checking import FAILED, complain
from vllint.settings import SettingsError
from vllint.settings_search import SettingsSearch
from vllint.vllm.releases import releases

_NAME = "vllint.toml"

_SETTINGS = """\
# What vllint cannot read from the files themselves, and which rules to run.
# Uncomment what holds here; `vllint check` says what it could not check for want of it.

required-version = ">={version}"

# gpu = "H100"                    # the card of launches that name none
# gpus = 8                        # how many of them a machine has
# vllm-version = "{newest}"         # the release of files that name none
# exclude = ["vendor/"]           # paths to pass over, as in .gitignore
# ignore = ["PAR005"]             # rules to leave out, by code or name: see `vllint rules`
# fail-on = "warning"             # the least severity that fails a run: error, warning or info

# [models."acme/chat-70b"]        # a model that vllint does not know
# like = "meta-llama/Llama-3.3-70B-Instruct"

# [[overrides]]                   # for some paths only
# paths = ["staging/"]
# gpu = "L40S"
# gpus = 4
"""

_SNIPPETS = """\
For pre-commit, in .pre-commit-config.yaml:

repos:
  - repo: <URL of vllint's repository>
    rev: <tag or commit>
    hooks:
      - id: vllint

For GitHub, in .github/workflows/vllint.yaml:

name: vllint
on: [push, pull_request]
jobs:
  vllint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install "git+<URL of vllint's repository>@<tag or commit>"
      - run: vllint check --output-format github"""


@click.command("init", short_help="Write a vllint.toml to begin with.")
def command() -> None:
    """Write a vllint.toml to begin with, and show what goes into pre-commit and a GitHub workflow.

    Nothing that is there is changed: where settings hold already, the file is not written.
    """
    try:
        held = SettingsSearch(__version__).of_folder(".").source
    except SettingsError as error:
        complain(str(error))
        raise SystemExit(FAILED) from error
    if held:
        click.echo(f"{held} holds here already; nothing written")
    else:
        try:
            with Path(_NAME).open("x", encoding="utf-8") as file:
                file.write(_SETTINGS.format(version=__version__, newest=releases()[-1]))
        except OSError as error:
            complain(f"{_NAME} cannot be written: {error.strerror}")
            raise SystemExit(FAILED) from error
        click.echo(f"wrote {_NAME}")
    click.echo(f"\n{_SNIPPETS}")
