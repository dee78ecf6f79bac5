"""The services of a Compose project: what `extends`, `include` and override files bring together.

Rules: compose-go `cli/options.go`, `loader/extends.go` and `loader/include.go`; Compose Specification.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from collections.abc import Mapping as Variables
from typing import NamedTuple

from vllint.neighbours import Neighbour
from vllint.sources.compose.merge import merge_service
from vllint.sources.env_files import project_variables, read_env_file
from vllint.sources.files import Document, File
from vllint.sources.interpolation import interpolate
from vllint.text.source import SourceText
from vllint.text.yaml.builder import YamlProblem
from vllint.text.yaml.nodes import Mapping, Node, Scalar, Sequence
from vllint_schemas import Unknown, Word

BASE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""The files that Compose reads when none is named: the first one that is there."""

OVERRIDE_NAMES = (
    "compose.override.yml", "compose.override.yaml",
    "docker-compose.override.yml", "docker-compose.override.yaml",
)  # fmt: skip
"""The files that Compose lays over that one: the first one that is there."""

_MAX_DEPTH = 20
_OVERRIDE = Unknown("the file is laid over another one that is not at hand")
_UNREADABLE = Unknown("the service takes settings from another one that is not at hand")


class Service(NamedTuple):
    """A service as it is run: `node` holds what it takes over too.

    `partial` says why more may belong to it. `owned` says that its start is decided in the file being
    read; a service that another file of the project decides on is judged with that file.
    """

    key: Scalar
    node: Mapping
    partial: Unknown | None = None
    owned: bool = True


class Project(NamedTuple):
    """The services of one project folder, with the variables that Compose replaces in them.

    `folders` says for each file where it lies, seen from the file being read; `roots` are the documents
    in the order in which they are laid over each other.
    """

    services: tuple[Service, ...]
    variables: Variables[str, Word]
    neighbour: Neighbour
    folders: Variables[str, str]
    roots: tuple[Mapping, ...]

    def place(self, node: Node, path: str) -> str:
        """Return a path that stands at `node`, seen from the file being read."""
        folder = self.folders.get(node.span.path, "")
        return path if path.startswith("/") or not folder else posixpath.join(folder, path)

    def read(self, place: str) -> SourceText | None:
        """Return a file of the repository, named as seen from the file being read."""
        return None if place.startswith(("/", "~")) else self.neighbour(posixpath.normpath(place))

    def top_level(self, section: str, name: str) -> Node | None:
        """Return an entry of `configs` or another section of the file; later files count first."""
        for root in reversed(self.roots):
            entries = root.get(section)
            found = entries.get(name) if isinstance(entries, Mapping) else None
            if found is not None:
                return found
        return None


class _Layer(NamedTuple):
    """One file's services, those that they extend taken in."""

    root: Mapping
    services: tuple[Service, ...]


class _Files:
    """Reads the files of a project, each once."""

    def __init__(self, neighbour: Neighbour, variables: Variables[str, Word]) -> None:
        self.neighbour = neighbour
        self.variables = variables
        self.folders: dict[str, str] = {}
        self.included: set[str] = set()
        self._roots: dict[str, Mapping | None] = {}

    def with_variables(self, variables: Variables[str, Word]) -> _Files:
        """Return the same files, read with other variables."""
        files = _Files(self.neighbour, variables)
        files.folders, files.included, files._roots = self.folders, self.included, self._roots
        return files

    def read(self, name: str) -> Mapping | None:
        """Return the document of a file, named as seen from the file being read; `None` if there is none."""
        name = posixpath.normpath(name)
        if name not in self._roots:
            self._roots[name] = self._parsed(name)
        return self._roots[name]

    def _parsed(self, name: str) -> Mapping | None:
        source = self.neighbour(name)
        if source is None:
            return None
        from vllint.text.yaml.tree import parse_yaml

        self.folders[source.path] = posixpath.dirname(name)
        try:
            roots = parse_yaml(File(source, self.neighbour).whole)
        except YamlProblem:
            # The file is judged on its own, which says what is wrong with it.
            return None
        return next((root for root in roots if isinstance(root, Mapping)), None)

    def text(self, node: Node | None) -> str | None:
        """Return the text of a scalar, variables replaced; `None` where it is not known."""
        if not isinstance(node, Scalar) or node.resolved() is None:
            return None
        word = interpolate(node.word(), self.variables)
        return word.text if word.is_known else None


def read_projects(document: Document) -> Iterator[Project]:
    """Yield the project of a compose file, and those that it includes and gives other variables."""
    root, file = document.root, document.file
    if not isinstance(root, Mapping):
        return
    files = _Files(file.neighbour, project_variables(file))
    files.included.add(posixpath.basename(file.path))
    roots, override_read = _layers(root, file, files)
    layers = tuple(_Layer(layer, tuple(_services(layer, files))) for layer in roots)
    services = _laid_over(layers, 1 if override_read else 0)
    if len(roots) == 1 and posixpath.basename(file.path) in OVERRIDE_NAMES:
        services = tuple(service._replace(partial=_OVERRIDE) for service in services)
    included = tuple(_included(root, files)) if root.get("include") is not None else ()
    beside = tuple(service._replace(owned=False) for project in included for service in project.services)
    names = {service.key.value for service in services}
    services += tuple(service for service in beside if service.key.value not in names)
    yield Project(services, files.variables, file.neighbour, files.folders, roots)
    yield from (project for project in included if any(service.owned for service in project.services))


def _layers(root: Mapping, file: File, files: _Files) -> tuple[tuple[Mapping, ...], bool]:
    """Return the base and what Compose lays over it, and whether the file being read is the latter."""
    name = posixpath.basename(file.path)
    if name in OVERRIDE_NAMES:
        base = _first(BASE_NAMES, files)
        return ((root,), False) if base is None else ((base, root), True)
    if name not in BASE_NAMES:
        return (root,), False
    earlier = BASE_NAMES[: BASE_NAMES.index(name)]
    override = _first(OVERRIDE_NAMES, files)
    if override is None or any(file.neighbour(other) is not None for other in earlier):
        return (root,), False
    return (root, override), False


def _first(names: tuple[str, ...], files: _Files) -> Mapping | None:
    for name in names:
        if files.neighbour(name) is not None:
            return files.read(name)
    return None


def _entries(root: Mapping) -> Iterator[tuple[Scalar, Mapping]]:
    services = root.get("services")
    for key, service in services.items() if isinstance(services, Mapping) else ():
        if isinstance(key, Scalar) and isinstance(service, Mapping):
            yield key, service


def _services(root: Mapping, files: _Files) -> Iterator[Service]:
    """Yield a file's services, with what they extend."""
    for key, node in _entries(root):
        extended, partial = _extended(key.value, node, root, files, 0)
        yield Service(key, extended, partial)


def _extended(
    name: str, node: Mapping, root: Mapping, files: _Files, depth: int
) -> tuple[Mapping, Unknown | None]:
    """Return a service with what it extends, and why that may not be all."""
    given = node.get("extends")
    if given is None or (isinstance(given, Scalar) and given.resolved() is None):
        return node, None
    if depth > _MAX_DEPTH:
        return node, Unknown("the service extends itself")
    reference = given.get("service") if isinstance(given, Mapping) else given
    place = given.get("file") if isinstance(given, Mapping) else None
    wanted, path = files.text(reference), files.text(place)
    if wanted is None or (place is not None and path is None):
        return node, _UNREADABLE
    folder = files.folders.get(given.span.path, "")
    other = root if path is None else files.read(posixpath.join(folder, path))
    services = other.get("services") if other is not None else None
    base = services.get(wanted) if isinstance(services, Mapping) else None
    if other is None or not isinstance(base, Mapping):
        return node, _UNREADABLE
    whole, partial = _extended(wanted, base, other, files, depth + 1)
    return merge_service(whole, node), partial


def _laid_over(layers: tuple[_Layer, ...], own: int) -> tuple[Service, ...]:
    """Return the services of all layers; `own` is the layer of the file being read."""
    if len(layers) == 1:
        return layers[0].services
    services: dict[str, Service] = {}
    for number, layer in enumerate(layers):
        for service in layer.services:
            earlier = services.get(service.key.value)
            if earlier is None:
                services[service.key.value] = service._replace(owned=number == own)
                continue
            owned = number == own if _decides(service.node, earlier.node) else earlier.owned
            merged = merge_service(earlier.node, service.node)
            partial = earlier.partial or service.partial
            frame = service if owned and number == own else earlier
            node = frame.node.with_entries(merged.entries)
            services[service.key.value] = Service(frame.key, node, partial, owned)
    return tuple(services.values())


def _decides(over: Mapping, base: Mapping) -> bool:
    """Whether what a service starts is said in `over` rather than in `base`."""
    for key in (("command", "entrypoint"), ("image", "build")):
        if any(over.get(name) is not None for name in key):
            return True
        if any(base.get(name) is not None for name in key):
            return False
    return False


def _included(root: Mapping, files: _Files) -> Iterator[Project]:
    """Yield the projects that a file includes; their services are owned where their variables differ."""
    listed = root.get("include")
    if not isinstance(listed, Sequence):
        return
    for item in listed:
        given = item.get("path") if isinstance(item, Mapping) else item
        paths = given.entries if isinstance(given, Sequence) else (given,)
        here = files.folders.get(item.span.path, "")
        names = [
            posixpath.normpath(posixpath.join(here, name))
            for name in map(files.text, paths)
            if name is not None
        ]
        roots = tuple(found for found in map(files.read, names) if found is not None)
        if not names or len(roots) != len(paths) or names[0] in files.included:
            continue
        files.included.add(names[0])
        folder = posixpath.dirname(names[0])
        own, given_here = _include_variables(item, files, folder, here)
        inner = files.with_variables(given_here)
        layers = tuple(_Layer(layer, tuple(_services(layer, inner))) for layer in roots)
        differs = dict(own) != dict(given_here) or len(roots) > 1
        services = tuple(service._replace(owned=differs) for service in _laid_over(layers, 0))
        yield Project(services, given_here, files.neighbour, files.folders, roots)
        yield from _included(roots[0], inner)


def _include_variables(
    item: Node, files: _Files, folder: str, here: str
) -> tuple[Variables[str, Word], Variables[str, Word]]:
    """Return the variables that an included file has when read alone, and those it is given.

    What the including project sets counts first (compose-go `types.Mapping.Merge`).
    """
    beside = files.neighbour(posixpath.normpath(posixpath.join(folder, ".env")))
    own: Variables[str, Word] = {} if beside is None else read_env_file(beside)
    named = item.get("env_file") if isinstance(item, Mapping) else None
    if named is None:
        return own, {**own, **files.variables}
    found: Variables[str, Word] = {}
    for node in named.entries if isinstance(named, Sequence) else (named,):
        name = files.text(node)
        source = None if name is None else files.neighbour(posixpath.normpath(posixpath.join(here, name)))
        found = found if source is None else read_env_file(source, found)
    return own, {**found, **files.variables}
