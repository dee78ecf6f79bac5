"""The environment of a compose service's container: `environment` over `env_file` over the image's own.

Rules: Compose Specification, "environment" and "env_file"; compose-go `types/project.go`.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Variables

from vllint.sources.compose.project import Project
from vllint.sources.containers import variable_of
from vllint.sources.env_files import read_env_file, read_raw_env_file
from vllint.sources.interpolation import interpolate
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Variable, Word


def service_environment(
    service: Mapping, project: Project, image: Variables[str, Word]
) -> tuple[Variable, ...]:
    """Return the variables of the container, `image` being those that its image sets."""
    variables = dict(image)
    own = tuple(environment_entries(service.get("environment"), project.variables))
    if service.get("env_file") is not None:
        set_here = {variable.name: variable.value for variable in own if variable.value.is_known}
        variables |= _env_file_variables(service, project, {**set_here, **project.variables})
    # A variable that is written twice stays so: what it means is for the rules.
    left = (Variable(name, value) for name, value in variables.items() if not _sets(own, name))
    return (*left, *own)


def _sets(variables: tuple[Variable, ...], name: str) -> bool:
    return any(variable.name == name for variable in variables)


def environment_entries(node: Node | None, variables: Variables[str, Word]) -> Iterator[Variable]:
    """Yield what `environment` or `build.args` set: a mapping, or a list of `NAME=value`.

    Names alone are passed on from the project's variables.
    """
    if isinstance(node, Mapping):
        for key, value in node.items():
            if isinstance(key, Scalar) and isinstance(value, Scalar):
                if value.resolved() is None:
                    yield Variable(key.value, _passed_on(key, variables))
                else:
                    yield Variable(key.value, interpolate(value.word(), variables))
    elif isinstance(node, Sequence):
        for item in node:
            if isinstance(item, Scalar):
                yield _item_variable(item, variables)
            elif isinstance(item, Mapping):
                # What was a mapping in one of several files.
                yield from environment_entries(item, variables)


def _item_variable(item: Scalar, variables: Variables[str, Word]) -> Variable:
    variable = variable_of(interpolate(item.word(), variables))
    known = variables.get(variable.name) if "=" not in item.value else None
    return variable if known is None else Variable(variable.name, known)


def _passed_on(key: Scalar, variables: Variables[str, Word]) -> Word:
    known = variables.get(key.value)
    if known is not None:
        return known
    return Word.unknown(f"`{key.value}` is passed on from the environment", key.span)


def _env_file_variables(
    service: Mapping, project: Project, known: Variables[str, Word]
) -> Variables[str, Word]:
    """Return what the files of `env_file` set; later ones count first, `known` is what they may name."""
    found: dict[str, Word] = {}
    given = service.get("env_file")
    for item in given.entries if isinstance(given, Sequence) else (given,):
        path = item.get("path") if isinstance(item, Mapping) else item
        if not isinstance(path, Scalar):
            continue
        word = interpolate(path.word(), project.variables)
        source = project.read(project.place(path, word.text)) if word.is_known else None
        if source is None:
            continue
        form = item.get("format") if isinstance(item, Mapping) else None
        if isinstance(form, Scalar) and form.value == "raw":
            found |= read_raw_env_file(source)
        else:
            found |= read_env_file(source, found, known)
    return found
