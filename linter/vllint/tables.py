"""Where the fact tables are: in the package, or before that in a folder of newer ones.

The folder is named by `--facts`, or by the environment variable that this option sets for the whole run.
"""

import os
from pathlib import Path

import vllint_schemas

FACTS = "VLLINT_FACTS"
PACKAGED = Path(vllint_schemas.__file__).with_name("data")


def facts_folder() -> Path | None:
    """Return the folder of tables that is named for this run, if one is."""
    named = os.environ.get(FACTS)
    return Path(named) if named else None


def table_path(name: str) -> Path:
    """Return the file of a table: that of the named folder where it has one, else the package's."""
    folder = facts_folder()
    if folder is not None and (folder / name).is_file():
        return folder / name
    return PACKAGED / name
