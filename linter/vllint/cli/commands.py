"""The commands by name."""

from __future__ import annotations

from importlib import import_module

import click

from vllint import __version__
from vllint.cli.facts import FACTS_OPTION

_COMMANDS = {
    "check": "vllint.cli.check",
    "show": "vllint.cli.show",
    "estimate": "vllint.cli.estimate",
    "plan": "vllint.cli.plan",
    "diff": "vllint.cli.diff",
    "report": "vllint.cli.report",
    "upgrade": "vllint.cli.upgrade",
    "explain": "vllint.cli.explain",
    "rules": "vllint.cli.rules",
    "models": "vllint.cli.models",
    "gpus": "vllint.cli.gpus",
    "init": "vllint.cli.init",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name."""
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(module).command
        if cmd_name != "init" and FACTS_OPTION not in command.params:
            command.params.append(FACTS_OPTION)
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="vllint %(version)s")
def vllint() -> None:
    """Check the files that launch vLLM before they are deployed."""
