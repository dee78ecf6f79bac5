"""Documents in reStructuredText in, the launches that they show out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vllint.sources.readers import Reading
from vllint.sources.restructured_text import blocks
from vllint_schemas import Launch, Word

Read = Callable[..., Reading]
Argv = Callable[[Launch], list[str]]


@pytest.mark.parametrize(
    "document",
    [
        ".. code-block:: bash\n\n   vllm serve Q/x \\\n     -tp 2\n\nThen.\n",
        ".. code-block:: console\n   :linenos:\n\n   $ vllm serve Q/x -tp 2\n   INFO up\n",
        "* Run:\n\n  .. code:: sh\n\n     vllm serve Q/x -tp 2\n",
        "Run it::\n\n    vllm serve Q/x -tp 2\n\nvllm serve Q/y\n",
        "- Run it ::\n\n    vllm serve Q/x \\\n      -tp 2\n",
        ".. code-block:: python\n\n   import os\n   os.system('vllm serve Q/x -tp 2')\n",
        ".. code-block:: yaml\n\n   services:\n     a:\n       image: vllm/vllm-openai:v0.10.0\n"
        "       command: Q/x -tp 2\n",
    ],
)
def test_a_command_is_found_in_every_kind_of_block(read: Read, argv: Argv, document: str) -> None:
    [launch] = read(document, "serving.rst").launches
    assert (launch.kind, argv(launch)) == ("markdown", ["Q/x", "-tp", "2"])


@pytest.mark.parametrize(
    "document",
    [
        ".. note:: vllm serve Q/x\n",
        "Use ``vllm serve Q/x`` for that.\n",
        '.. code-block:: json\n\n   {"run": "vllm serve Q/x"}\n',
        "vllm serve::\n\nvllm serve Q/x\n",
    ],
)
def test_sentences_and_other_languages_start_nothing(read: Read, document: str) -> None:
    assert not read(document, "serving.rst").launches


@given(
    st.lists(st.sampled_from([".. code:: sh", "a::", "", "   b", "\tc", "d", "  :x:", "\r"])).map("\n".join)
)
def test_blocks_are_parts_of_the_text(document: str) -> None:
    for block in blocks(Word.verbatim(document, "a.rst", 0)):
        assert set(block.text.text.split()) <= set(document.split())
