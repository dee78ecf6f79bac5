"""What users state about their machines and releases."""


class StatementError(Exception):
    """A card, a count or a release that the user states and vllint does not know; the message says where."""
