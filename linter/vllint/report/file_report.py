"""From what was judged in a file to its part of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from vllint.digests import digest
from vllint.engine import Judged
from vllint.facts import LaunchFacts
from vllint.report.document import FileReport, pointed_into
from vllint.text.lines import LineIndex
from vllint_schemas import (
    GIB,
    Band,
    Finding,
    Fix,
    Hardware,
    Located,
    RankMemory,
    Span,
    Unknown,
    report,
)

if TYPE_CHECKING:
    from vllint.launch_secrets import Secrets


class Places:
    """Lines and columns of spans in the texts that were read."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._indices: dict[str, LineIndex] = {}

    def start(self, span: Span) -> report.Place:
        """Return where a span starts."""
        return self._place(span.path, span.start)

    def end(self, span: Span) -> report.Place:
        """Return where a span ends."""
        return self._place(span.path, span.end)

    def _place(self, path: str, offset: int) -> report.Place:
        index = self._indices.get(path)
        if index is None:
            index = self._indices[path] = LineIndex(self._sources.get(path, ""))
        return report.Place(*index.position(offset))


def file_report(judged: Judged, urls: Mapping[str, str], launches: bool = True) -> FileReport:
    """Return a file's part of the report; `urls` are the rules' documentation by code.

    Without `launches` they are counted only: no format but JSON shows them.
    """
    places = Places(judged.sources)
    findings, hidden = _findings(judged, places, urls) if judged.findings else ((), ())
    return FileReport(
        path=judged.path,
        launch_count=len(judged.launches),
        launches=tuple([_launch(facts, places) for facts in judged.launches]) if launches else None,
        findings=findings,
        unchecked=tuple(
            [report.Unchecked(item.launch, item.fact, _shown(item.reason)) for item in judged.unchecked]
        ),
        sources=pointed_into(findings, judged.sources),
        hidden=hidden,
    )


def _launch(facts: LaunchFacts, places: Places) -> report.ReportedLaunch:
    launch = facts.launch
    stated = facts.release.stated
    value = stated.value if isinstance(stated, Located) else facts.release.judged
    from vllint.redact import redacted_words

    words = redacted_words(launch.argv)
    return report.ReportedLaunch(
        id=launch.id,
        path=launch.path,
        kind=launch.kind,
        name=launch.name,
        start=places.start(launch.extent),
        end=places.end(launch.extent),
        argv=words if launch.entry_point.takes_model_as_option else ("serve", *words),
        model=_model(facts),
        vllm_version=report.ReportedVersion(value, facts.release.source),
        hardware=_hardware(facts.hardware),
        parallel=_parallel(facts),
        memory=_memory(facts),
    )


def _model(facts: LaunchFacts) -> report.ReportedModel | report.NamedModel | report.UnknownModel:
    model = facts.maybe_model
    if not isinstance(model, Unknown):
        return report.ReportedModel(_shown(model.id), model.source)
    named = facts.args.model
    reason = _shown(model.reason)
    if not isinstance(named, Located):
        return report.UnknownModel(None, reason)
    from vllint.models.names import size_from_name

    name, size = _shown(named.value), size_from_name(named.value)
    if size is None or size.parameters is None:
        return report.UnknownModel(name, reason)
    return report.NamedModel(name, "name", size.parameters, reason)


def _hardware(hardware: Hardware) -> report.ReportedHardware | report.UnknownHardware:
    gpu, count = hardware.gpu, hardware.gpu_count
    memory = gpu.value.memory_bytes if isinstance(gpu, Located) else gpu
    gib = None if isinstance(memory, Unknown) else memory / GIB
    source = hardware.instance.name if hardware.instance else None
    if source is None:
        source = next((part.origin.value for part in (gpu, count) if isinstance(part, Located)), None)
    reasons = dict.fromkeys(part.reason for part in (gpu, memory, count) if isinstance(part, Unknown))
    reason = "; ".join(reasons) if reasons else None
    name = gpu.value.name if isinstance(gpu, Located) else None
    number = count.value if isinstance(count, Located) else None
    if reason is None and name is not None and number is not None and gib is not None:
        return report.ReportedHardware(name, number, gib, source or "")
    return report.UnknownHardware(name, number, gib, source, reason or "")


def _parallel(facts: LaunchFacts) -> report.ReportedParallel:
    layout = facts.maybe_parallel
    if not isinstance(layout, Unknown):
        return report.ReportedParallel(
            layout.tensor, layout.pipeline, layout.data, layout.expert, layout.gpus_needed
        )

    def size(dest: str) -> int | None:
        found = facts.args.integer(dest)
        return found.value if isinstance(found, Located) else None

    return report.ReportedParallel(
        size("tensor_parallel_size"), size("pipeline_parallel_size"), size("data_parallel_size"), None, None
    )


def _memory(facts: LaunchFacts) -> report.ReportedMemory | report.UnknownMemory:
    memory = facts.maybe_memory
    if isinstance(memory, Unknown):
        reason = _shown(memory.reason)
        return report.UnknownMemory("unknown", (), None, report.UnknownFact(reason), None, None, reason)
    ranks = tuple(_rank(rank) for rank in memory.ranks)
    length = None if isinstance(memory.max_model_len, Unknown) else memory.max_model_len
    concurrency = _band(memory.max_concurrency, 1)
    if isinstance(memory.verdict, Unknown):
        reason = _shown(memory.verdict.reason)
        return report.UnknownMemory("unknown", ranks, length, concurrency, None, None, reason)
    # Files without launches need neither.
    from vllint.remedies import most_length, pinned_parts

    pinned = sum(part.size for part in pinned_parts(facts)) / GIB
    return report.ReportedMemory(memory.verdict, ranks, length, concurrency, most_length(facts), pinned)


def _rank(rank: RankMemory) -> report.ReportedRank:
    return report.ReportedRank(
        name=rank.name,
        budget_gib=None if isinstance(rank.budget, Unknown) else rank.budget.mid / GIB,
        parameters_bytes=None if isinstance(rank.parameters, Unknown) else rank.parameters,
        weights_gib=report.ReportedBand(*(bound / GIB for bound in rank.weights)),
        activations_gib=_band(rank.activations),
        non_torch_gib=_band(rank.non_torch),
        cuda_graphs_gib=_band(rank.cuda_graphs),
        kv_gib=_band(rank.kv),
        kv_needed_gib=None if isinstance(rank.kv_needed, Unknown) else rank.kv_needed / GIB,
        kv_tokens=_band(rank.kv_tokens, 1),
    )


def _band(band: Band | Unknown, unit: int = GIB) -> report.ReportedBand | report.UnknownFact:
    if isinstance(band, Unknown):
        return report.UnknownFact(_shown(band.reason))
    return report.ReportedBand(*(bound / unit for bound in band))


def _shown(text: str) -> str:
    """Return a sentence or a model's name as it may be shown: an address may hold a login."""
    from vllint.redact import redacted_prose

    return redacted_prose(text)


def _findings(
    judged: Judged, places: Places, urls: Mapping[str, str]
) -> tuple[tuple[report.ReportedFinding, ...], tuple[Span, ...]]:
    """Return the findings without secrets, and where in the files secrets stand."""
    # Files without findings need no patterns of secrets.
    from vllint.launch_secrets import secrets_of

    secrets = secrets_of(facts.launch for facts in judged.launches)
    fingerprints: Counter[str] = Counter()
    shown = (_without_secrets(found, secrets) for found in judged.findings)
    return tuple([_finding(found, places, urls, fingerprints) for found in shown]), secrets.places


def _without_secrets(found: Finding, secrets: Secrets) -> Finding:
    """Return a finding with secrets masked in all that it says; a fix that would write one has no edits."""
    fix = found.fix
    edits = () if fix is None else fix.edits
    about = (found.span, *(item.span for item in found.related), *(edit.span for edit in edits))

    def masked(text: str) -> str:
        return secrets.out_of(text, about)

    if fix is not None:
        tells = any(masked(edit.text) != edit.text for edit in edits)
        fix = Fix(masked(fix.title), fix.applicability, () if tells else edits)
    return found._replace(
        message=masked(found.message),
        help=masked(found.help),
        subject=masked(found.subject),
        related=tuple(item._replace(message=masked(item.message)) for item in found.related),
        fix=fix,
    )


def _finding(
    found: Finding, places: Places, urls: Mapping[str, str], fingerprints: Counter[str]
) -> report.ReportedFinding:
    return report.ReportedFinding(
        code=found.code,
        name=found.name,
        severity=found.severity,
        message=found.message,
        help=found.help,
        url=urls.get(found.code, ""),
        launch=found.launch,
        path=found.span.path,
        start=places.start(found.span),
        end=places.end(found.span),
        related=tuple(
            report.ReportedRelated(
                item.span.path,
                places.start(item.span),
                places.end(item.span),
                item.message,
            )
            for item in found.related
        ),
        evidence=report.ReportedEvidence(found.evidence.vllm, found.evidence.source, found.evidence.stage),
        fingerprint=_fingerprint(found, fingerprints),
        fix=None if found.fix is None else _fix(found.fix),
        budget=tuple(
            [report.ReportedBudgetLine(line.sign, line.name, _band(line.size)) for line in found.budget]
        ),
    )


def _fingerprint(found: Finding, seen: Counter[str]) -> str:
    """Return a name that survives moves within the file; the second of two alike gets a number."""
    parts: Iterable[str] = (found.code, found.span.path, found.launch or "", found.subject)
    raw = "\0".join(parts).encode("utf-8", "surrogateescape")
    name = digest(raw, 10)
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"


def _fix(fix: Fix) -> report.ReportedFix:
    edits = tuple(
        report.ReportedEdit(edit.span.path, edit.span.start, edit.span.end, edit.text) for edit in fix.edits
    )
    return report.ReportedFix(fix.title, fix.applicability, edits)
