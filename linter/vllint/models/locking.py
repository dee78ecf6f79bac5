"""Making a lock: an entry for each model that launches use, and what of an old lock no longer holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vllint.models.catalogue import find_model
from vllint.models.hub import Hub
from vllint.models.local import Folder, folder_weights, model_config
from vllint.models.lock import Lock, catalogue_entry, config_entry, dated, locked_name, undated
from vllint.models.resolve import Reference, Surroundings, cached_folder, is_path, local_model
from vllint_schemas import Unknown


class Use(NamedTuple):
    """A model as a launch names it, and where its files may be."""

    reference: Reference
    around: Surroundings

    @property
    def name(self) -> str:
        """The name that a lock has for it."""
        return locked_name(self.reference.name, self.reference.revision)


class Relocked(NamedTuple):
    """A lock made anew, and why models are not in it."""

    lock: Lock
    reasons: Mapping[str, str]


def relock(uses: Iterable[Use], old: Lock, hub: Hub | None, *, whole: bool, today: str) -> Relocked:
    """Return the lock of the models in use; entries that cannot be made again now are kept.

    Unless the uses are all of the `whole` tree's, the other entries of the old lock stay, too. `today` is
    the date of new entries.
    """
    models: dict[str, Mapping[str, Any]] = {} if whole else dict(old.models)
    reasons: dict[str, str] = {} if whole else dict.fromkeys(old.unresolved, "of an earlier run")
    for use in uses:
        known = old.models.get(use.name)
        entry = entry_of(use, hub)
        reasons.pop(use.name, None)
        if entry is None:
            models.pop(use.name, None)
        elif not isinstance(entry, Unknown):
            models[use.name] = _kept(known, entry) or dated(entry, known, today)
        elif known is not None:
            models[use.name] = known
        else:
            reasons[use.name] = entry.reason
    return Relocked(Lock(models, tuple(sorted(reasons))), reasons)


def entry_of(use: Use, hub: Hub | None) -> Mapping[str, Any] | Unknown | None:
    """Return the entry of a model; `None` where the repository itself holds it."""
    reference = use.reference
    if local_model(reference, use.around) is not None:
        return None
    if is_path(reference.name):
        return Unknown("it is a path outside of the repository")
    known = find_model(reference.name)
    if known is not None:
        return catalogue_entry(known)
    if hub is not None:
        return _hub_entry(reference, hub)
    folder = cached_folder(reference, use.around.neighbour)
    if folder is None:
        return Unknown(
            "it is neither in the catalogue nor in the cache of this machine; --online asks the Hub"
        )
    return _folder_entry("cache", folder, folder.shown.rpartition("/")[2], reference)


def _hub_entry(reference: Reference, hub: Hub) -> Mapping[str, Any] | Unknown:
    found = hub.find(reference.name, reference.revision)
    if isinstance(found, Unknown):
        return found
    entry = _folder_entry("hub", found.folder(reference.name), found.sha, reference)
    return entry if isinstance(entry, Unknown) else {**entry, "gated": found.gated}


def _folder_entry(source: str, folder: Folder, sha: str, reference: Reference) -> Mapping[str, Any] | Unknown:
    config = model_config(folder, reference.config_format)
    if isinstance(config, Unknown):
        return config
    weights = folder_weights(folder)
    return config_entry(source, sha, config, None if isinstance(weights, Unknown) else weights)


def _kept(known: Mapping[str, Any] | None, entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the known entry if it is of the same commit, from the Hub: other machines' caches vary."""
    same = known is not None and "sha" in entry and known.get("sha") == entry["sha"]
    return known if same and entry["source"] != "hub" else None


def stale(uses: Iterable[Use], lock: Lock, hub: Hub | None, *, whole: bool) -> Iterator[str]:
    """Yield what no longer holds in a lock; what other machines' caches hold does not count."""
    used: set[str] = set()
    for use in uses:
        if use.name in used:
            continue
        used.add(use.name)
        reason = _staleness(use, lock, hub)
        if reason:
            yield f"`{use.name}` {reason}"
    if whole:
        for name in sorted({*lock.models, *lock.unresolved} - used):
            yield f"`{name}` is locked, and nothing uses it"


def _staleness(use: Use, lock: Lock, hub: Hub | None) -> str:
    known = lock.models.get(use.name)
    entry = entry_of(use, hub)
    if entry is None:
        return "" if known is None else "is locked, and lies in the repository"
    if known is None:
        if use.name not in lock.unresolved:
            return "is not locked"
        if not isinstance(entry, Unknown) and entry["source"] in ("catalogue", "hub"):
            return "was unknown, and is known now"
        # What a path outside of the repository holds is the same nowhere: no lock has it.
        return "" if is_path(use.reference.name) else "is not known, and no other run will know it"
    if isinstance(entry, Unknown) or entry["source"] == "cache":
        return ""
    if "sha" in entry and "sha" in known:
        return "" if entry["sha"] == known["sha"] else f"has changed on the Hub, to {entry['sha'][:12]}"
    return "" if undated(entry) == undated(known) else "has other facts in the catalogue"
