"""The page of `vllint report` in a real browser: Chromium, driven by its DevTools protocol over pipes.

Without Chromium these tests are skipped; `VLLINT_CHROMIUM` names one that is not on the path.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_PATIENCE = 30.0


def program() -> str | None:
    """Return where Chromium is installed, `None` if it is not."""
    named = os.environ.get("VLLINT_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page of a browser; it reads fd 3 and writes fd 4, JSON messages that end in a zero byte."""

    def __init__(self, path: str, profile: Path) -> None:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # The pipes' numbers are the browser's to know: a shell moves ours to 3 and 4.
        script = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", path, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        os.set_blocking(self._from, False)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=_PATIENCE)
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result; what happens meanwhile goes to `events`."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + _PATIENCE
        while b"\0" not in self._buffer:
            assert time.monotonic() < end, "the browser does not answer"
            assert self._process.poll() is None, "the browser has ended"
            try:
                self._buffer += os.read(self._from, 1 << 20)
            except BlockingIOError:
                time.sleep(0.005)
        first, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        return message

    def open(self, page: Path, width: int = 1280, *, dark: bool = False) -> None:
        """Load a file in a window of a width, and wait until it is there; `events` are then its own."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=page.absolute().as_uri())
        end = time.monotonic() + _PATIENCE
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            assert time.monotonic() < end, "the page does not load"
            self.events.append(self._next())

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression yields in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def requests(self) -> list[str]:
        """Return the addresses that the page has asked for."""
        sent = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def complaints(self) -> list[dict[str, Any]]:
        """Return what the console and the log have said, and what was thrown."""
        kinds = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
        return [event for event in self.events if event.get("method") in kinds]

    def printed(self) -> bytes:
        """Return the page as it is printed, a PDF."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    path = program()
    if path is None:
        pytest.skip("Chromium is not installed, so nobody looks at the page")
    with Browser(path, tmp_path_factory.mktemp("profile")) as started:
        yield started


LAUNCH = "# vllint: gpu={gpu}\nvllm serve {model} --max-model-len 8192 {options}\n"
ODD = " ".join(
    ("'<svg onload=alert(1)>'", "'\"><iframe src=http://x>'", "'</pre></style><script>alert(2)</script>'")
)
LOOKS = [(1280, False), (1280, True), (400, False), (400, True)]


def launch(options: str = "", gpu: str = "L40S:2", model: str = "Qwen/Qwen3-8B") -> str:
    return LAUNCH.format(gpu=gpu, model=model, options=options)


def several(folder: Path) -> None:
    """Write launches of every verdict, with names and words that a page may stumble over."""
    (folder / "fits.sh").write_text(launch("-pp 2"))
    (folder / "large.sh").write_text(launch(model="meta-llama/Llama-3.3-70B-Instruct"))
    (folder / "refused.sh").write_text(launch(f"-tp 3 --served-model-name {ODD} # {ODD}"))
    (folder / "unknown.sh").write_text(launch(model="own/model"))
    (folder / "cache.sh").write_text(launch("--kv-cache-memory-bytes 4G"))
    (folder / "long.sh").write_text(launch(f"--served-model-name {'x' * 3000} --not-a-flag {'y ' * 600}"))
    (folder / "<img src=x onerror=alert(3)>&lt;.sh").write_text(launch())
    (folder / "مرحبا-\u202egpj.שלום.sh").write_text(launch("-tp 3"))
    deep = folder / ("d" * 200) / ("e" * 200)
    deep.mkdir(parents=True)
    (deep / "f.sh").write_text(launch())


def page(folder: Path, run: Any) -> Path:
    said = run("report", "-o", "page.html", ".")
    assert said.code == 0, said.err
    return folder / "page.html"


@pytest.mark.parametrize("write", [several, lambda folder: None, lambda folder: many(folder, 60)])
def test_a_browser_has_nothing_to_complain_of_and_asks_for_nothing_else(
    folder: Path, run, browser: Browser, write
) -> None:
    write(folder)
    file = page(folder, run)
    for width, dark in LOOKS:
        browser.open(file, width, dark=dark)
        assert browser.complaints() == []
        assert browser.requests() == [file.as_uri()]
        assert not [event for event in browser.events if event["method"] == "Page.javascriptDialogOpening"]
        assert browser.value("document.querySelectorAll('script, iframe, img, [onload]').length") == 0
        assert browser.value("document.documentElement.scrollWidth") == width


def many(folder: Path, number: int) -> None:
    models = ("Qwen/Qwen3-8B", "meta-llama/Llama-3.3-70B-Instruct", "openai/gpt-oss-20b", "own/model")
    for one in range(number):
        options = f"-tp {(1, 2, 4, 3)[one % 4]} -pp {1 + one % 2}"
        text = launch(options, ("H100:8", "L4:4")[one % 2], models[one % len(models)])
        (folder / f"service-{one}.sh").write_text(text)


_BARS = """
Array.from(document.querySelectorAll('svg.bar')).map(bar => {
  const box = bar.getBoundingClientRect(), mark = bar.querySelector('line.budget');
  return {
    width: box.width, left: box.left,
    parts: Array.from(bar.querySelectorAll('rect')).map(part => part.getBoundingClientRect())
      .map(part => [part.left - box.left, part.width]),
    budget: mark && mark.getBoundingClientRect().left - box.left,
  };
})
"""


@pytest.mark.parametrize("width", [1280, 400])
def test_the_parts_of_a_bar_stand_side_by_side_and_end_where_vllm_s_share_does(
    folder: Path, run, browser: Browser, width: int
) -> None:
    several(folder)
    browser.open(page(folder, run), width)
    bars = browser.value(_BARS)
    assert len(bars) >= 8
    ends = 0
    for bar in bars:
        assert bar["left"] >= 0
        assert bar["left"] + bar["width"] <= width
        at = 0.0
        for left, part in bar["parts"]:
            assert left == pytest.approx(at, abs=0.1)
            at = left + part
        assert at <= bar["width"] + 0.1
        fits = bar["budget"] is not None and at <= bar["budget"] + 3
        assert not fits or at == pytest.approx(bar["budget"], abs=3)
        ends += fits
    assert ends >= 6


def test_colours_follow_what_the_reader_prefers_and_stay_legible(folder: Path, run, browser: Browser) -> None:
    several(folder)
    file = page(folder, run)
    lightness = (
        "(getComputedStyle(document.querySelector({what!r})).color.match(/[0-9.]+/g)||[]).slice(0, 3)"
        ".reduce((sum, one) => sum + Number(one), 0) / 3"
    )
    for what in ("p.note", ".refused .verdict", "td", "pre.error"):
        found = []
        for dark in (False, True):
            browser.open(file, dark=dark)
            found.append(browser.value(lightness.format(what=what)))
        assert found[0] < 125 < found[1], what


def test_every_link_leads_to_something_on_the_page(folder: Path, run, browser: Browser) -> None:
    several(folder)
    browser.open(page(folder, run))
    links = browser.value("Array.from(document.querySelectorAll('a')).map(a => a.getAttribute('href'))")
    assert len(links) > 10
    missing = (
        "Array.from(document.querySelectorAll('a')).filter(a => !document.getElementById(a.hash.slice(1)))"
    )
    assert browser.value(f"{missing}.length") == 0


def test_names_are_shown_as_they_are(folder: Path, run, browser: Browser) -> None:
    several(folder)
    browser.open(page(folder, run))
    text = browser.value("document.body.innerText")
    assert "<img src=x onerror=alert(3)>&lt;.sh" in text
    assert "</pre></style><script>alert(2)</script>" in text
    assert "<U+202E>" in text
    assert "\u202e" not in text


def test_the_page_can_be_printed(folder: Path, run, browser: Browser) -> None:
    several(folder)
    browser.open(page(folder, run), dark=True)
    assert browser.printed().startswith(b"%PDF-")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.value("getComputedStyle(document.querySelector('.capacity')).display") == "table"
    browser.call("Emulation.setEmulatedMedia", media="")
