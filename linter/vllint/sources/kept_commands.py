"""Commands that a shell file keeps in a variable for a script that sources it."""

from __future__ import annotations

import re
from itertools import islice

from vllint_schemas import Word

_KEPT = (
    r"^[ \t]*(?:(?:export|readonly|declare|local|typeset)[ \t]+(?:-\w+[ \t]+)*)?(?P<name>[A-Za-z_]\w*)="
    r"(?P<opens>\(|[\"'](?=[^\"']*\s--))\s*(?:[\w./~${}-]*/)?"
    r"(?:vllm\s+serve|python[\d.]*\s+-m\s+vllm\.entrypoints[\w.]*)[ \t\n\\]+[^\s|;&)\"']"
)
"""Arrays, and texts with an option: others name what to look for, as for `pkill -f`."""

_MAX_KEPT = 20


def with_kept_run(script: Word) -> Word | None:
    """Return a script that runs, at its end, the commands it keeps in variables; `None` if it keeps none.

    What runs them stands at their names.
    """
    parts = [script]
    for match in islice(re.finditer(_KEPT, script.text, re.MULTILINE), _MAX_KEPT):
        site = script.slice(*match.span("name")).site
        run = f'"${{{match["name"]}[@]}}"' if match["opens"] == "(" else f"${match['name']}"
        parts.append(Word.atomic(f"\n{run}\n", site))
    return None if len(parts) == 1 else Word.join(parts, script.site)
