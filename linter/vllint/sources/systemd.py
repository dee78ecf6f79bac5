"""systemd's services, their drop-ins, and podman's quadlets (`podman-systemd.unit`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from vllint.sources.commands import Surroundings, starts_in
from vllint.sources.env_files import read_env_file
from vllint.sources.files import File, Found
from vllint.sources.process_launches import process_launches
from vllint.sources.systemd_words import expanded, unit_words, without_specifiers
from vllint.sources.unit_files import Setting, unit_settings
from vllint_schemas import Origin, Span, Variable, Word

_PREFIXES = "@-:+!|"
_QUADLET_OPTIONS = {
    "AddDevice": "--device",
    "PublishPort": "-p",
    "ShmSize": "--shm-size",
    "Volume": "-v",
    "Mount": "--mount",
    "Network": "--network",
    "HealthCmd": "--health-cmd",
    "HealthInterval": "--health-interval",
    "HealthRetries": "--health-retries",
    "HealthStartPeriod": "--health-start-period",
    "Entrypoint": "--entrypoint",
    "EnvironmentFile": "--env-file",
}
"""Keys of `[Container]` and the option of `podman run` that each becomes."""

_CDI_GPU = "nvidia.com/gpu="


class Environment(NamedTuple):
    """The variables of a service; `elsewhere` names a file that may set more."""

    variables: Mapping[str, Word]
    elsewhere: str = ""


def recognises(file: File) -> bool:
    """Whether the file has the section of a service, or of a quadlet's container."""
    return any(line.strip() in {"[Service]", "[Container]"} for line in file.text.splitlines())


def launches(file: File) -> Found:
    """Yield what the unit's commands start; a drop-in beside its unit is read with that."""
    name = file.path.rpartition("/")[2]
    if _unit_of_drop_in(file) is not None:
        return
    settings = [*unit_settings(file.whole), *_drop_ins(file, name)]
    stem = name.split(".")[0] or "unit"
    image = next((one for one in settings if one.section == "Container" and one.key.text == "Image"), None)
    if image is not None:
        inside, outside = (_environment(settings, file, name) for name in ("Container", "Service"))
        words = tuple(_podman_run(settings, inside, outside))
        yield from process_launches(starts_in(words, Surroundings()), "systemd", stem, image.value.site)
        return
    environment = _environment(settings, file, "Service")
    variables = tuple(Variable(name, value) for name, value in environment.variables.items())
    around = Surroundings().with_variables(variables)
    for setting in _commands(settings):
        here = setting.value.site.path == file.path
        extent = setting.key.site.cover(setting.value.site) if here else Span(file.path, 0, 0)
        for words in _command_lines(setting.value, environment):
            yield from process_launches(starts_in(words, around), "systemd", stem, extent)


def _unit_of_drop_in(file: File) -> str | None:
    """Return the unit beside the folder `NAME.service.d` that the file stands in, if it is at hand."""
    folder = file.path.rpartition("/")[0].rpartition("/")[2]
    unit = folder.removesuffix(".d")
    if unit == folder or not unit.endswith((".service", ".container")):
        return None
    return unit if file.neighbour(f"../{unit}") is not None else None


def _drop_ins(file: File, name: str) -> Iterator[Setting]:
    """Yield the settings of the unit's drop-ins, in the order of their names."""
    listed = file.neighbour(f"{name}.d/")
    for drop_in in listed.text.split("\n") if listed is not None else ():
        source = file.neighbour(f"{name}.d/{drop_in}") if drop_in.endswith(".conf") else None
        if source is not None:
            yield from unit_settings(Word.verbatim(source.text, source.path, 0))


def _commands(settings: Iterable[Setting]) -> list[Setting]:
    """Return the commands of the service; an empty one forgets those before it."""
    found: list[Setting] = []
    for setting in settings:
        if setting.section == "Service" and setting.key.text == "ExecStart":
            found = [*found, setting] if setting.value.text or setting.value.holes else []
    return found


def _environment(settings: Iterable[Setting], file: File, section: str) -> Environment:
    """Return the variables that the unit sets: those of files win."""
    variables: dict[str, Word] = {}
    from_files: Mapping[str, Word] = {}
    elsewhere = ""
    for setting in settings:
        if setting.section != section:
            continue
        if setting.key.text == "Environment":
            variables = {**variables, **_assigned(setting.value)} if setting.value.text else {}
        elif setting.key.text == "EnvironmentFile":
            path = setting.value.text.strip().removeprefix("-")
            # Its place is that of the machine; the file that is installed there stands beside the unit.
            beside = file.neighbour(path.rpartition("/")[2]) if path.rpartition("/")[2] else None
            if beside is None:
                elsewhere = path
            else:
                from_files = {**from_files, **read_env_file(beside)}
        elif setting.key.text == "PassEnvironment":
            elsewhere = "the environment of systemd"
    if elsewhere:
        # What is set there wins over what the unit itself sets.
        variables = {name: replace(value, origin=Origin.DEFAULT) for name, value in variables.items()}
    return Environment({**variables, **from_files}, elsewhere)


def _assigned(value: Word) -> dict[str, Word]:
    """Return the variables of `Environment=`: words `NAME=value`, quoted as a whole or in part."""
    found = {}
    for word in unit_words(value):
        name, equals, _ = word.text.partition("=")
        if equals:
            found[name] = without_specifiers(word.slice(len(name) + 1))
    return found


def _command_lines(value: Word, environment: Environment) -> Iterator[tuple[Word, ...]]:
    """Yield the commands of one ExecStart: `;` as a word of its own parts them."""
    words: list[Word] = []
    literal = False
    for number, word in enumerate(unit_words(value)):
        if word.text == ";" and not word.holes:
            yield tuple(words)
            words = []
            continue
        if not words:
            prefix = len(word.text) - len(word.text.lstrip(_PREFIXES))
            literal = ":" in word.text[:prefix]
            word = word.slice(prefix) if number == 0 and prefix else word
        plain = without_specifiers(word)
        words += (plain,) if literal else expanded(plain, environment.variables, environment.elsewhere)
    yield tuple(words)


def _podman_run(
    settings: Iterable[Setting], environment: Environment, service: Environment
) -> Iterator[Word]:
    """Yield the `podman run` that a quadlet's section stands for.

    `environment` is the container's; systemd fills in variables of the service, as in every command.
    """
    own = [setting for setting in settings if setting.section == "Container"]
    start = Span(own[0].key.site.path, own[0].key.site.start, own[0].key.site.start)
    yield from (Word.atomic("podman", start), Word.atomic("run", start))
    for name, value in environment.variables.items():
        yield Word.atomic("--env", value.site)
        yield Word.join((Word.atomic(f"{name}=", value.site), value), value.site)
    for setting in own:
        option = _QUADLET_OPTIONS.get(setting.key.text)
        if option == "--device" and setting.value.text.startswith(_CDI_GPU):
            continue
        if option is not None and setting.value.text:
            yield Word.atomic(option, setting.key.site)
            yield without_specifiers(setting.value)
        elif setting.key.text == "PodmanArgs":
            yield from map(without_specifiers, unit_words(setting.value))
    yield from _gpus([setting.value for setting in own if setting.key.text == "AddDevice"])
    for wanted in ("Image", "Exec"):
        for setting in own:
            if setting.key.text == wanted:
                words = (setting.value,) if wanted == "Image" else unit_words(setting.value)
                for word in map(without_specifiers, words):
                    yield from expanded(word, service.variables, service.elsewhere)


def _gpus(devices: list[Word]) -> Iterator[Word]:
    """Yield the `--gpus` that devices of the Container Device Interface stand for: `nvidia.com/gpu=0`."""
    gpus = [device.slice(len(_CDI_GPU)) for device in devices if device.text.startswith(_CDI_GPU)]
    if not gpus:
        return
    site = gpus[0].site
    yield Word.atomic("--gpus", site)
    if any(gpu.text == "all" for gpu in gpus) or not all(gpu.is_known for gpu in gpus):
        yield gpus[0]
        return
    yield Word.atomic(f'"device={",".join(gpu.text for gpu in gpus)}"', site)
