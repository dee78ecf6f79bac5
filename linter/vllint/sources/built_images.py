"""Images that a script builds before it runs them: `docker build -t NAME`, then `docker run NAME`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from posixpath import join, normpath
from typing import TYPE_CHECKING

from vllint.neighbours import Neighbour
from vllint.sources.containers import container_run, image_entry_point
from vllint_schemas import Span, Word

if TYPE_CHECKING:
    from vllint.sources.dockerfile.stages import Stage

_ENGINES = frozenset({"docker", "podman", "nerdctl", "buildah"})
_VALUES = frozenset(
    {
        "-t", "--tag", "-f", "--file", "--target", "--build-arg", "--platform", "--progress", "--secret",
        "--ssh", "--network", "--cache-from", "--cache-to", "-o", "--output", "--label", "--add-host",
        "--builder", "--iidfile", "--metadata-file", "--build-context", "--shm-size", "--ulimit", "--memory",
    }
)  # fmt: skip
"""Options of `docker build` with a value of their own (`docker build --help`)."""

_FOLDERS = ("", "../", "../../")
"""Where the folder may lie that a script runs in, seen from the script."""


def built_images(words: Sequence[Word], neighbour: Neighbour) -> Mapping[str, Stage]:
    """Return what the images come from that a `docker build` names, where its Dockerfile is at hand."""
    rest = _build_words(words)
    if rest is None:
        return {}
    options, contexts = _parted(rest)
    tags = [value.text for name, value in options if name in ("-t", "--tag") and value.is_known]
    files = [value for name, value in options if name in ("-f", "--file")]
    if not tags or len(contexts) != 1 or not all(word.is_known for word in (*files, *contexts)):
        return {}
    place = files[-1].text if files else join(contexts[0].text, "Dockerfile")
    target = next((value.text for name, value in options if name == "--target"), "")
    stage = _stage(place, target, _given(options), neighbour)
    return {} if stage is None else dict.fromkeys(tags, stage)


def _build_words(words: Sequence[Word]) -> Sequence[Word] | None:
    """Return the words behind `docker build` or `docker buildx build`."""
    texts = [word.text.rsplit("/", 1)[-1] for word in words[:6]]
    start = next((at for at, text in enumerate(texts) if text in _ENGINES), None)
    if start is None or "build" not in texts[start + 1 :]:
        return None
    end = texts.index("build", start + 1)
    return words[end + 1 :] if texts[start + 1 : end] in ([], ["buildx"], ["image"]) else None


def _parted(rest: Sequence[Word]) -> tuple[list[tuple[str, Word]], list[Word]]:
    """Return the options with their values, and the other words."""
    options: list[tuple[str, Word]] = []
    others: list[Word] = []
    position = 0
    while position < len(rest):
        word = rest[position]
        name, equals, _ = word.text.partition("=")
        position += 1
        if not word.text.startswith("-"):
            others.append(word)
        elif equals:
            options.append((name, word.slice(len(name) + 1)))
        elif name in _VALUES and position < len(rest):
            options.append((name, rest[position]))
            position += 1
    return options, others


def _given(options: Sequence[tuple[str, Word]]) -> Mapping[str, Word]:
    """Return the build's arguments: `--build-arg NAME=value`."""
    found = {}
    for name, value in options:
        argument, equals, _ = value.text.partition("=")
        if name == "--build-arg" and equals:
            found[argument] = value.slice(len(argument) + 1)
    return found


def _stage(place: str, target: str, given: Mapping[str, Word], neighbour: Neighbour) -> Stage | None:
    from vllint.sources.dockerfile.stages import final_stages

    if place.startswith(("/", "~")) or "\0" in place:
        return None
    sources = [source for folder in _FOLDERS if (source := neighbour(normpath(folder + place))) is not None]
    if len(sources) != 1:
        return None
    stages = final_stages(Word.verbatim(sources[0].text, sources[0].path, 0), given)
    named = [stage for stage in stages if target and stage.name.lower() == target.lower()]
    found = named or ([] if target else list(stages[-1:]))
    known = found and (found[0].entrypoint is not None or image_entry_point(found[0].image) is not None)
    return found[0] if known else None


def with_built_images(words: Sequence[Word], built: Mapping[str, Stage]) -> tuple[Word, ...]:
    """Return a `docker run` of an image that was built with what that comes from in its place."""
    texts = [word.text for word in words]
    start = next((at for at, text in enumerate(texts[:6]) if text == "run"), 0)
    if not start or texts[start - 1].rsplit("/", 1)[-1] not in _ENGINES:
        return tuple(words)
    run = container_run(words[start + 1 :])
    stage = built.get(run.image.text) if run is not None and run.image.is_known else None
    if run is None or stage is None or stage.image is None:
        return tuple(words)
    own_entry, place = bool(run.all("--entrypoint")), run.image.site
    options = (*_variables(stage, place), *words[start + 1 : len(words) - len(run.arguments) - 1])
    entry = () if own_entry else _form(stage.entrypoint, stage, place)
    if entry:
        options = (*options, Word.atomic("--entrypoint", place), entry[0])
    after = run.arguments
    if not after and not own_entry:
        after = _form(stage.command, stage, place)
    return (*words[: start + 1], *options, _used(stage.image, place), *entry[1:], *after)


def _used(word: Word, place: Span) -> Word:
    """Return a word of a Dockerfile as the command at `place` takes it."""
    return replace(word, site=place, via=(place, *word.via), slot=None)


def _variables(stage: Stage, place: Span) -> Iterator[Word]:
    for name, value in stage.environment.items():
        yield Word.atomic("-e", place)
        yield _used(Word.join((Word.atomic(f"{name}=", value.site), value), value.site), place)


def _form(arguments: Word | None, stage: Stage, place: Span) -> tuple[Word, ...]:
    from vllint.sources.dockerfile.forms import form_words

    return () if arguments is None else tuple(_used(word, place) for word in form_words(arguments, stage))
