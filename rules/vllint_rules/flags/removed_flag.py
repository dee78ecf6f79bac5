"""FLG002 removed-flag."""

from __future__ import annotations

from collections.abc import Iterator

from vllint import (
    Example,
    LaunchFacts,
    Mistake,
    RemovedOption,
    Rule,
    option_table,
    releases_with,
    remove_argument,
    removed_option,
    rename_flag,
    replace_argument,
    version_key,
)
from vllint_schemas import Applicability, Edit, Finding, Fix, Located, Severity


class RemovedFlag(Rule):
    """An option must not be one that vLLM has dropped.

    ## What it does

    Finds options that earlier releases had and the release that the file runs has not, whatever they were
    about: the old options of speculative decoding, guided decoding, tasks, rope scaling, and many more.

    ## Why is this bad?

    vLLM prints `unrecognized arguments` and exits, once the image has been pulled. Where the file does not
    say which release it runs, the newest is assumed and the finding is a warning: the file breaks with
    the next upgrade, if it has not yet. The same goes where the name is by now an abbreviation of another
    option, which vLLM then sets.

    ## Example

    `--swap-space 16` on vLLM 0.22.1.

    ## Use instead

    Nothing, where the option had no effect any more; else what took its place, which the help names.

    ## Fix safety

    Safe where the option had no effect any more or only has another name, and the file states its release.
    Unsafe where the release is not stated, or where something goes with the option.

    ## Since

    0.1.0
    """

    code = "FLG002"
    name = "removed-flag"
    severity = Severity.ERROR
    stage = "parse"
    source = "utils/argparse_utils.py:304"
    since = "0.1.0"
    url = "https://docs.vllm.ai/en/stable/configuration/engine_args.html"
    triggers = frozenset({"removed_flag"})
    tags = ("flags",)

    BAD = (
        Example(
            title="without effect since the V1 engine",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --swap-space
      # ~~~~~~~~~~~~
      - "16"
      - --max-model-len=8192
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.22.1
    command:
      - Qwen/Qwen3-8B
      - --max-model-len=8192
""",
        ),
        Example(
            title="no release stated, so that it waits for an upgrade",
            text="vllm serve Qwen/Qwen3-8B --swap-space 16\n#                        ~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B\n",
        ),
        Example(
            title="with the old default",
            vllm_version="0.20.2",
            text="vllm serve Qwen/Qwen3-8B --disable-log-requests --port 8001\n",
            fixed="vllm serve Qwen/Qwen3-8B --port 8001\n",
        ),
        Example(
            title="a key of another option now",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --guided_decoding_backend=xgrammar\n"
            "#                        ~~~~~~~~~~~~~~~~~~~~~~~~~\n",
            fixed="vllm serve Qwen/Qwen3-8B --structured-outputs-config.backend=xgrammar\n",
        ),
        Example(
            title="a task",
            vllm_version="0.33.0",
            path="compose.yaml",
            text="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: ["Qwen/Qwen3-Embedding-8B", "--task", "embed"]
""",
            fixed="""\
services:
  vllm:
    image: vllm/vllm-openai:v0.33.0
    command: ["Qwen/Qwen3-Embedding-8B", "--runner=pooling", "--convert=embed"]
""",
        ),
        Example(
            title="too short for its new rivals",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --device cuda\n",
            fixed="vllm serve Qwen/Qwen3-8B\n",
        ),
        Example(
            title="more than words to rewrite",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --rope-theta 1000000\n",
        ),
        Example(
            title="a config file",
            path="config.yaml",
            vllm_version="0.33.0",
            command="vllm serve Qwen/Qwen3-8B --config config.yaml\n",
            text="swap-space: 4\nport: 8001\n",
            fixed="port: 8001\n",
        ),
    )
    GOOD = (
        Example(
            title="this release has it",
            vllm_version="0.9.2",
            text="vllm serve Qwen/Qwen3-8B --swap-space 16\n",
        ),
        Example(
            title="it is back",
            vllm_version="0.33.0",
            text="vllm serve Qwen/Qwen3-8B --disable-log-requests\n",
        ),
        Example(
            title="went within a minor version, after this release",
            vllm_version="0.11.0",
            text="vllm serve Qwen/Qwen3-8B --rope-theta 1000000\n",
        ),
    )

    def check(self, facts: LaunchFacts) -> Iterator[Finding]:
        """Yield a finding for every option that went."""
        for mistake in facts.mistakes:
            if mistake.kind != "removed_flag":
                continue
            removal = removed_option(mistake.flag)
            if removal is None or not _still_there(facts, removal):
                yield self._removed(facts, mistake, removal)

    def _removed(self, facts: LaunchFacts, mistake: Mistake, removal: RemovedOption | None) -> Finding:
        name, release = mistake.flag, facts.release
        older = [other for other in releases_with(name) if version_key(other) < version_key(release.judged)]
        last = removal.last if removal is not None and removal.last else older[-1]
        said = "has no option" if mistake.refused else "takes for another option"
        effect = "" if mistake.refused else f": {mistake.message}"
        severity = release.severity(elsewhere=True) if mistake.refused else Severity.WARNING
        return self.finding(
            facts,
            mistake.argument.flag.span,
            f"vLLM {release.judged} {said} `{name}`{effect}; the last release with it is {last}"
            f"{release.caveat(elsewhere=True)}",
            _advice(facts, removal, mistake),
            severity=severity,
            fix=_fix(facts, mistake, removal),
            subject=f"flag={name}",
        )


def _still_there(facts: LaunchFacts, removal: RemovedOption) -> bool:
    """Whether the release that runs has the option, although the last one of its minor version has not."""
    stated = facts.release.stated
    if not removal.last or not isinstance(stated, Located):
        return False
    return version_key(stated.value) <= version_key(removal.last)


def _words(removal: RemovedOption, mistake: Mistake) -> tuple[str, ...] | None:
    """Return the words to write instead of the option and its values; `None` where that is not known."""
    values = mistake.argument.values
    if removal.action == "drop":
        return ()
    if removal.action == "write":
        return removal.words
    if removal.action == "by_value" and len(values) == 1 and values[0].is_known:
        return removal.by_value.get(values[0].text)
    return None


def _new_name(removal: RemovedOption, mistake: Mistake) -> str | None:
    """Return the option's new name, if it was but renamed."""
    values = mistake.argument.values
    if removal.action != "rename":
        return None
    if removal.values and [value.text for value in values if value.text in removal.values] == []:
        return None
    return removal.to_for_one if removal.to_for_one and len(values) == 1 else removal.to


def _exists(name: str, release: str) -> bool:
    """Whether the release takes the new name; it may be a key of an option."""
    option, dot, _ = name.partition(".")
    return option in option_table(release).by_flag and (not dot or version_key(release) >= (0, 9, 1))


def _advice(facts: LaunchFacts, removal: RemovedOption | None, mistake: Mistake) -> str:
    if removal is None:
        return "remove it"
    words, name = _words(removal, mistake), _new_name(removal, mistake)
    if words == ():
        return f"remove it: {removal.why}"
    if words or name:
        written = " ".join(words) if words else name
        return f"write `{written}`: {removal.why}"
    return removal.why if removal.action == "advise" else f"see `--help`: {removal.why}"


def _fix(facts: LaunchFacts, mistake: Mistake, removal: RemovedOption | None) -> Fix | None:
    if removal is None or removal.action == "advise":
        return None
    # `-O.mode 3` and `-O3` have a key or a level of their own, which no other name carries over.
    if mistake.argument.flag.text.startswith("-O"):
        return None
    words, name = _words(removal, mistake), _new_name(removal, mistake)
    edits: tuple[Edit, ...] | None = None
    title = f"remove `{mistake.flag}`"
    if name is not None and _exists(name, facts.release.judged):
        title = f"write `{name}`"
        edits = rename_flag(facts, mistake.argument, name)
    elif words == ():
        edits = remove_argument(facts, mistake.argument)
    elif words and all(_exists(word.partition("=")[0], facts.release.judged) for word in words[:1]):
        title = f"write `{' '.join(words)}`"
        edits = replace_argument(facts, mistake.argument, words)
    if edits is None:
        return None
    safe = removal.safe and facts.release.is_certain
    return Fix(title, Applicability.SAFE if safe else Applicability.UNSAFE, edits)
