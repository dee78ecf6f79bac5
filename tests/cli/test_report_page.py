"""`vllint report`: one page that loads nothing and shows files as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

VOID = {"meta", "rect", "line", "wbr"}
NAME = '<script>alert("1")&<script>.sh'


class Page(HTMLParser):
    """The elements of a page, which must be balanced, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


@pytest.fixture
def page(folder: Path, run):
    """Report on the folder and return the page."""

    def call(*arguments: str, code: int = 0) -> Page:
        said = run("report", "-o", "out.html", *arguments)
        assert said.code == code, said.err
        return Page((folder / "out.html").read_text(encoding="utf-8"))

    return call


SCRIPT = (
    "HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz vllm serve Qwen/Qwen3-8B -tp 3 --served-model-name '<b>x</b>'\n"
)


def test_a_page_has_capacity_bars_and_findings(folder: Path, page) -> None:
    (folder / "a.sh").write_text("vllm serve Qwen/Qwen3-8B --max-model-len 8192 -pp 2\n")
    (folder / "b.sh").write_text(SCRIPT)
    found = page("--gpu", "L40S:3")
    assert "a.sh#vllm" in found.text
    assert "PP 2" in found.text
    assert "error[PAR001]" in found.text
    assert "32 attention heads / 3 = 10.67 is not whole" in found.text
    assert sum(tag == "svg" for tag, _ in found.tags) == 3
    links = {str(attributes["href"]) for tag, attributes in found.tags if tag == "a"}
    places = {f"#{attributes.get('id')}" for tag, attributes in found.tags if tag in ("section", "pre")}
    assert {f"#{attributes.get('id')}" for tag, attributes in found.tags if tag == "section"} <= links
    assert links <= places


def test_a_launch_that_vllm_refuses_is_not_said_to_fit(folder: Path, page) -> None:
    (folder / "b.sh").write_text(SCRIPT)
    found = page("--gpu", "L40S:3")
    assert "vLLM refuses it" in found.text
    assert [a["class"] for tag, a in found.tags if tag == "tr" and "class" in a] == ["refused"]


def test_requests_are_those_of_all_copies_and_numbers_have_three_digits(folder: Path, page) -> None:
    (folder / "a.sh").write_text("vllm serve Qwen/Qwen3-8B --max-model-len 8192 -dp 2\n")
    [row] = re.findall(r"21\.\d|42\.\d", page("--gpu", "L40S:2").text)[:1]
    assert float(row) > 40
    numbers = re.findall(r"\d{3},\d{3}", page("--gpu", "L40S:2").text)
    assert numbers
    assert all(number.endswith(",000") for number in numbers)


def test_bars_are_as_wide_as_their_share_of_the_card(folder: Path, page) -> None:
    (folder / "a.sh").write_text("vllm serve Qwen/Qwen3-8B --max-model-len 8192\n")
    found = page("--gpu", "name@48GiB:1")
    widths = {a["class"]: float(a["width"] or 0) for tag, a in found.tags if tag == "rect"}
    assert sum(widths.values()) == pytest.approx(920, abs=1)
    assert widths["weights"] == pytest.approx(15.26 / 48 * 1000, abs=5)
    marks = {a["class"]: float(a["x1"] or 0) for tag, a in found.tags if tag == "line"}
    assert marks["budget"] == pytest.approx(920, abs=1)


def test_what_is_too_much_reaches_beyond_the_card(folder: Path, page) -> None:
    (folder / "a.sh").write_text("vllm serve Qwen/Qwen2.5-72B-Instruct\n")
    found = page("--gpu", "L40S")
    marks = {a["class"]: float(a["x1"] or 0) for tag, a in found.tags if tag == "line"}
    assert marks["card"] < 500
    assert marks["excess"] == marks["budget"] < marks["card"]
    assert "does not fit" in found.text


def test_names_and_contents_of_files_are_text(folder: Path, page) -> None:
    (folder / NAME).write_text(SCRIPT)
    found = page("--gpu", "L40S:3")
    assert not [tag for tag, _ in found.tags if tag in ("script", "b")]
    assert NAME in found.text
    assert "<b>x</b>" in found.text


def test_the_page_loads_nothing_and_runs_nothing(folder: Path, page) -> None:
    (folder / "a.sh").write_text(SCRIPT)
    found = page("--gpu", "L40S:3")
    for tag, attributes in found.tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "base", "form"}
        assert not {"src", "style", "action"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("href", "#").startswith("#")
    [policy] = [a["content"] for tag, a in found.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    text = (folder / "out.html").read_text()
    assert not re.search(r"url\(|@import", text)


def test_secrets_are_not_in_the_page(folder: Path, page) -> None:
    (folder / "a.sh").write_text(SCRIPT)
    assert "hf_abc" not in page("--gpu", "L40S:3").text


def test_what_is_not_known_and_what_is_not_there_is_said(folder: Path, run, page) -> None:
    (folder / "a.sh").write_text("vllm serve own/model\n")
    found = page("a.sh")
    assert "`own/model` is not in the catalogue" in found.text
    (folder / "empty").mkdir()
    assert "No vLLM launch was found." in page("empty").text
    assert "b.sh" in page("b.sh", code=2).text
    assert run("report").code == 2
    assert run("report", "-o", "-", "a.sh").out.startswith("<!doctype html>")
