"""The base of every error that a person can mend."""


class UserError(Exception):
    """Something that was asked for cannot be done; the message is one line that says what to change."""
