import importlib
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("VLLINT_SHARED", ROOT.parent / "shared"))


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason=f"the data folder is not at {SHARED}")
def test_the_catalogue_is_what_its_script_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "tables"))
    script = importlib.import_module("models")
    assert script.TARGET.read_text("utf-8") == script.text(SHARED / "data")
