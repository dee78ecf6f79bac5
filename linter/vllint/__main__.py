"""`python -m vllint`."""

from vllint.cli import main

main()
