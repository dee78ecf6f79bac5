"""Compares how vllint reads compose files with what other implementations of Compose make of them.

    python benchmarks/compose_peers.py FOLDER... --docker-compose PROGRAM --podman-compose PROGRAM [--list]

The peers are docker-compose 1.29 (Debian's `docker-compose`) and podman-compose (PyPI), whose `config` needs
no daemon; podman-compose asks for podman's version, which a stand-in tells it. Image, entrypoint, command and
environment of every service are compared after interpolation, with no variable set but those of `.env`:
what vllint does not know is compared as the empty text that the peers put there. Prints the agreement of
each peer, the files that it refuses, and with `--list` each difference.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from vllint.neighbours import neighbour_of
from vllint.sources.compose.environment import service_environment
from vllint.sources.compose.process import service_process
from vllint.sources.compose.project import BASE_NAMES, OVERRIDE_NAMES, Project, Service, read_projects
from vllint.sources.compose.services import recognises
from vllint.sources.files import Document, File
from vllint.text.source import decode
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Scalar
from vllint.text.yaml.tree import parse_yaml
from vllint_schemas import Word

PEERS = ("docker-compose", "podman-compose")
ASPECTS = ("image", "entrypoint", "command", "environment")

Rendered = Mapping[str, Any]
"""A service's aspects: `None` where it says nothing, words as lists, the environment as a mapping."""


class Difference(NamedTuple):
    """What a peer and vllint read differently."""

    path: Path
    service: str
    aspect: str
    peer: object
    own: object


class Comparison(NamedTuple):
    """What came of one file and one peer; `refused` is the peer's message if it reads nothing."""

    agreed: Counter[str]
    differences: tuple[Difference, ...]
    refused: str = ""


def compose_files(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the compose files below folders."""
    for folder in folders:
        for path in sorted((*folder.rglob("*.yml"), *folder.rglob("*.yaml"))):
            if "override" not in path.name and own_services(path) is not None:
                yield path


def own_services(path: Path) -> Mapping[str, Rendered] | None:
    """Return what vllint reads in a file; `None` if it is no compose file."""
    source = decode(path.as_posix(), path.read_bytes())
    file = File(source, neighbour_of(source.path, {}))
    try:
        roots = tuple(parse_yaml(file.whole))
    except YamlProblem:
        return None
    if not roots or not recognises(roots[0]):
        return None
    project = next(read_projects(Document(roots[0], roots, file)))
    return {service.key.value: _own(service, project) for service in project.services}


def _own(service: Service, project: Project) -> Rendered:
    node = service.node
    process = service_process(node.with_entries(tuple(_without_build(service))), project)
    variables = service_environment(node, project, {})
    command = node.get("command")
    is_said = command is not None and not (isinstance(command, Scalar) and command.resolved() is None)
    return {
        "image": None if process.image is None else process.image.text,
        "entrypoint": None if process.entrypoint is None else _texts(process.entrypoint),
        "command": _texts(process.command) if is_said else None,
        "environment": {variable.name: variable.value.text for variable in variables},
    }


def _without_build(service: Service) -> Iterator[Any]:
    """Yield a service's entries without its Dockerfile, which the peers do not read."""
    yield from (entry for entry in service.node.items() if getattr(entry[0], "value", "") != "build")


def _texts(words: Iterable[Word]) -> list[str]:
    return [word.text for word in words if word.text or not word.splits]


def peer_services(program: str, path: Path) -> tuple[Mapping[str, Rendered], str]:
    """Return what a peer reads in a file, or why it refuses it."""
    names = [path.name]
    if path.name in BASE_NAMES:
        names += [name for name in OVERRIDE_NAMES if (path.parent / name).is_file()][:1]
    done = _config(program, path.parent, names)
    if done.returncode and "override" not in "".join(names):
        done = _config_of_the_rest(program, path)
    if done.returncode:
        return {}, done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no message"
    rendered = yaml.safe_load(done.stdout) or {}
    return {name: _peer(service) for name, service in rendered.get("services", {}).items()}, ""


def _config(program: str, folder: Path, names: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Run a peer's `config` in a folder, with an empty environment and a podman that knows its version."""
    files = [word for name in names for word in ("-f", name)]
    with tempfile.TemporaryDirectory() as home:
        podman = Path(home, "podman")
        podman.write_text("#!/bin/sh\necho podman version 4.9.0\n", encoding="utf-8")
        podman.chmod(0o755)
        environment = {"PATH": f"{home}:{os.defpath}", "HOME": home, "LANG": "C.UTF-8"}
        return subprocess.run(
            [program, *files, "config"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def _config_of_the_rest(program: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a peer on what is compared alone, of a file that it refuses for other things in it."""
    whole = yaml.safe_load(path.read_text(encoding="utf-8"))
    services = {
        name: {key: service[key] for key in (*ASPECTS, "env_file", "build") if key in service}
        for name, service in whole["services"].items()
        if isinstance(service, dict)
    }
    for service in services.values():
        if service.pop("build", None) is not None:
            service.setdefault("image", "built")
        listed = service.get("env_file", [])
        if not all(
            (path.parent / str(name)).is_file() for name in ([listed] if isinstance(listed, str) else listed)
        ):
            del service["env_file"]
    with tempfile.TemporaryDirectory() as folder:
        for env_file in path.parent.glob("*.env"):
            Path(folder, env_file.name).write_bytes(env_file.read_bytes())
        text = yaml.safe_dump({"version": "3.8", "services": services}, sort_keys=False)
        Path(folder, path.name).write_text(text, encoding="utf-8")
        return _config(program, Path(folder), [path.name])


def _peer(service: Mapping[str, Any]) -> Rendered:
    environment = service.get("environment") or {}
    if isinstance(environment, list):
        environment = dict(str(item).partition("=")[::2] for item in environment)
    return {
        "image": service.get("image"),
        "entrypoint": _peer_words(service.get("entrypoint")),
        "command": _peer_words(service.get("command")),
        "environment": {name: _unescaped(value) for name, value in environment.items()},
    }


def _peer_words(value: object) -> list[str] | None:
    if value is None:
        return None
    words = shlex.split(value) if isinstance(value, str) else list(value) if isinstance(value, list) else []
    return [_unescaped(word) for word in words]


def _unescaped(value: object) -> str:
    """Return a value as it is before `config` doubles its dollars; what is passed on is empty."""
    return "" if value is None else str(value).replace("$$", "$")


def compare(path: Path, program: str) -> Comparison:
    """Compare what a peer and vllint read in a file."""
    own = own_services(path) or {}
    peer, refused = peer_services(program, path)
    if refused:
        return Comparison(Counter(), (), refused)
    agreed: Counter[str] = Counter()
    differences: list[Difference] = []
    for name in peer:
        for aspect in ASPECTS:
            read = own.get(name, {}).get(aspect)
            if _same(peer[name][aspect], read):
                agreed[aspect] += 1
            else:
                differences.append(Difference(path, name, aspect, peer[name][aspect], read))
    return Comparison(agreed, tuple(differences))


def _same(peer: object, own: object) -> bool:
    if peer == "built" and own is None:
        return True
    if isinstance(peer, dict) and isinstance(own, dict):
        return {name: _plain(value) for name, value in peer.items()} == {
            name: _plain(_unescaped(value)) for name, value in own.items()
        }
    if isinstance(peer, list) and isinstance(own, list):
        return peer == [_unescaped(word) for word in own]
    return peer == own


def _plain(value: str) -> str:
    """Return a value as Python's YAML would write it: `1.0` for 1.0, `true` for True."""
    return value.lower() if value.lower() in {"true", "false"} else value


def report(name: str, program: str, files: Iterable[Path], listed: bool) -> None:
    """Print what came of a peer."""
    agreed: Counter[str] = Counter()
    different: Counter[str] = Counter()
    for path in files:
        found = compare(path, program)
        if found.refused:
            different["files refused by the peer"] += 1
            print(f"{name}: refuses {path}: {found.refused[:200]}")
            continue
        agreed.update(found.agreed)
        different.update(difference.aspect for difference in found.differences)
        for difference in found.differences if listed else ():
            print(f"{name}: {path} {difference.service} {difference.aspect}")
            print(f"    peer   {difference.peer}")
            print(f"    vllint {difference.own}")
    for aspect in ASPECTS:
        print(f"{name}: {aspect}: {agreed[aspect]} agree, {different[aspect]} differ")


def main() -> None:
    """Compare the files of the folders that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--list", action="store_true", help="name each difference")
    for name in PEERS:
        parser.add_argument(f"--{name}", help=f"path of the program {name}")
    arguments = parser.parse_args()
    files = list(compose_files(arguments.folders))
    print(f"{len(files)} compose files", file=sys.stderr)
    for name in PEERS:
        program = getattr(arguments, name.replace("-", "_"))
        if program is not None:
            report(name, program, files, arguments.list)


if __name__ == "__main__":
    main()
