"""Requests to the Hugging Face Hub by its own client, bounded in bytes, in tries and in seconds.

The client brings tokens, the endpoint (`HF_ENDPOINT`), offline mode and the meaning of the Hub's errors. What
it says of them is not passed on, so that no address or token gets into a message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from vllint_schemas import Unknown

TRIES = 4
SECONDS_PER_ANSWER = 10.0
_FIRST_PAUSE = 0.5
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
INSTALL = "huggingface_hub is not installed: run `pip install 'vllint[hub]'`"


class Answer(NamedTuple):
    """The content of a file or a part of it, and the size of the whole file where it is known."""

    content: bytes
    whole: int | None


class Budget:
    """The seconds that a run may spend on the Hub, from its first request on."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end: float | None = None

    @property
    def total(self) -> float:
        """All seconds of the budget."""
        return self._seconds

    def left(self) -> float:
        """Return the seconds that are left; the first question starts the clock."""
        if self._end is None:
            self._end = self._clock() + self._seconds
        return self._end - self._clock()


class Requests:
    """Asks the Hub for one model at one revision."""

    def __init__(self, model: str, revision: str, budget: Budget) -> None:
        self._model = model
        self._revision = revision
        self._budget = budget

    def described(self, limit: int) -> Answer | Unknown:
        """Return what the Hub's interface says of the model, as JSON."""
        from huggingface_hub import HfApi

        address = f"{HfApi().endpoint}/api/models/{self._model}/revision/{quote(self._revision, safe='')}"
        return self._answer(address, {}, limit)

    def file(self, name: str, sha: str, limit: int, part: tuple[int, int] | None = None) -> Answer | Unknown:
        """Return a file of a commit, or the bytes of `part`, first and last."""
        from huggingface_hub import HfApi, hf_hub_url

        address = hf_hub_url(self._model, name, revision=sha, endpoint=HfApi().endpoint)
        asked = {} if part is None else {"Range": f"bytes={part[0]}-{part[1]}"}
        return self._answer(address, asked, limit)

    def _answer(self, address: str, headers: Mapping[str, str], limit: int) -> Answer | Unknown:
        pause = _FIRST_PAUSE
        for left in reversed(range(TRIES)):
            found = self._try(address, headers, limit)
            if not isinstance(found, _Again):
                return found
            wait = max(pause, found.wait)
            if not left or wait >= self._budget.left():
                return Unknown(found.reason)
            time.sleep(wait)
            pause *= 2
        raise AssertionError("the last try returns")

    def _try(self, address: str, headers: Mapping[str, str], limit: int) -> Answer | Unknown | _Again:
        from huggingface_hub import get_session
        from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

        seconds = min(SECONDS_PER_ANSWER, self._budget.left())
        if seconds <= 0:
            return self._late()
        sent = {**build_hf_headers(), "Accept-Encoding": "identity", **headers}
        try:
            with get_session().stream("GET", address, headers=sent, timeout=seconds) as response:
                hf_raise_for_status(response)
                return self._content(response, limit)
        except OfflineModeIsEnabled:
            return Unknown(f"the Hub is not asked for `{self._model}`: HF_HUB_OFFLINE is set")
        except HfHubHTTPError as error:
            return self._refusal(error)
        except (HTTPError, OSError) as error:
            return _Again(f"the Hub cannot be reached for `{self._model}`: {type(error).__name__}", 0.0)
        except ValueError as error:
            return Unknown(f"the Hub cannot be asked for `{self._model}`: {type(error).__name__}")

    def _content(self, response: Any, limit: int) -> Answer | Unknown:
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > limit:
                return Unknown(f"the Hub sends more than {limit:,} bytes of `{self._model}` at once")
            if self._budget.left() <= 0:
                return self._late()
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
        return Answer(bytes(content), int(total) if total.isdecimal() and len(total) < 18 else None)

    def _late(self) -> Unknown:
        return Unknown(f"the Hub took more than {self._budget.total:g} seconds, `{self._model}` included")

    def _refusal(self, error: Any) -> Unknown | _Again:
        from huggingface_hub.errors import (
            DisabledRepoError,
            EntryNotFoundError,
            GatedRepoError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )

        model, status = self._model, error.response.status_code
        reasons = (
            (GatedRepoError, f"`{model}` is gated on the Hub: accept its terms there, and set HF_TOKEN"),
            (DisabledRepoError, f"the Hub has disabled `{model}`"),
            (RevisionNotFoundError, f"`{model}` has no revision `{self._revision}` on the Hub"),
            (RepositoryNotFoundError, f"`{model}` is not on the Hub, or it is private and HF_TOKEN opens it"),
            (EntryNotFoundError, f"`{model}` lacks a file on the Hub that it should have"),
        )
        for kind, reason in reasons:
            if isinstance(error, kind):
                return Unknown(reason)
        if status in _RETRIED:
            return _Again(f"the Hub answers with {status} for `{model}`", _seconds(error.response.headers))
        if status in (401, 403):
            return Unknown(f"the Hub refuses `{model}` with {status}: HF_TOKEN has no access to it")
        return Unknown(f"the Hub answers with {status} for `{model}`")


class _Again(NamedTuple):
    """A failure that may pass, in `wait` seconds at the earliest."""

    reason: str
    wait: float


def _seconds(headers: Mapping[str, str]) -> float:
    written = headers.get("Retry-After", "")
    return float(written) if written.isdecimal() and len(written) < 9 else 0.0
