"""What a name means: a rule, an option, a variable, a model, a card or a machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vllint.checking import Checker, Request
from vllint.explain.cards import card_lines, instance_lines
from vllint.explain.models import known_model, model_lines
from vllint.explain.options import option_lines, spelling_of
from vllint.explain.rules import group_lines, rule_lines
from vllint.explain.variables import variable_lines, variable_named
from vllint.hardware.cards import find_card, suggest_cards
from vllint.hardware.instances import find_instance
from vllint.models.catalogue import model_ids
from vllint.report.colours import Palette
from vllint.rule import Rule
from vllint.vllm.environment import similar_variables
from vllint.vllm.releases import releases
from vllint.vllm.similar import similar_flags
from vllint_schemas import Unknown

_SUGGESTED = 5


def explain(name: str, rules: Sequence[Rule], colours: Palette) -> Iterator[str] | None:
    """Return the lines on what `name` means; `None` when it means nothing."""
    if name.startswith("-"):
        return _option(name, rules, colours)
    if name.upper().startswith("VLLM_"):
        return _variable(name, colours)
    found = _rule(name, rules, colours) or _thing(name, colours)
    return found or _option(name, rules, colours) or _variable(name, colours)


def suggestions(name: str, rules: Sequence[Rule]) -> tuple[str, ...]:
    """Return names that may have been meant, the likeliest first."""
    from difflib import get_close_matches

    if name.startswith("-"):
        return similar_flags(name, releases()[-1])
    if name.upper().startswith("VLLM_"):
        return similar_variables(name)
    known = {rule.code.lower(): rule.code for rule in rules} | {rule.name: rule.name for rule in rules}
    if "/" in name:
        known |= {model.lower(): model for model in model_ids()}
    close = [known[match] for match in get_close_matches(name.lower(), known, n=_SUGGESTED, cutoff=0.6)]
    models = [] if "/" in name else _models_called(name)
    flags = similar_flags(f"--{name}", releases()[-1])
    return tuple(dict.fromkeys([*close, *models, *suggest_cards(name), *flags]))[:_SUGGESTED]


def _rule(name: str, rules: Sequence[Rule], colours: Palette) -> Iterator[str] | None:
    for rule in rules:
        if name.upper() == rule.code or name.lower() == rule.name:
            return rule_lines(rule, colours)
    group = [rule for rule in rules if rule.code.rstrip("0123456789") == name.upper()]
    return group_lines(name.upper(), group, colours) if group else None


def _option(name: str, rules: Sequence[Rule], colours: Palette) -> Iterator[str] | None:
    spelling = spelling_of(name)
    return None if spelling is None else option_lines(spelling, colours, rules)


def _variable(name: str, colours: Palette) -> Iterator[str] | None:
    variable = variable_named(name.partition("=")[0].strip())
    return None if variable is None else variable_lines(variable, colours)


def _thing(name: str, colours: Palette) -> Iterator[str] | None:
    model = known_model(name, Checker(Request()))
    if model is not None and not isinstance(model, Unknown):
        return model_lines(model, colours)
    card = find_card(name)
    if not isinstance(card, Unknown):
        return card_lines(card, colours)
    instance = find_instance(name)
    return None if isinstance(instance, Unknown) else instance_lines(instance, colours)


def _models_called(name: str) -> list[str]:
    """Return the catalogue's models whose name without the owner is close to `name`."""
    from difflib import get_close_matches

    by_name: dict[str, list[str]] = {}
    for model in model_ids():
        by_name.setdefault(model.partition("/")[2].lower(), []).append(model)
    close = get_close_matches(name.lower(), by_name, n=_SUGGESTED, cutoff=0.8)
    return [model for match in close for model in by_name[match]]
