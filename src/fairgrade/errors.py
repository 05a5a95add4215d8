"""What stops a command; each message says what to do."""


class Refusal(Exception):
    """Nothing was graded, or not all of it."""


class Misuse(Refusal):
    """What was asked for makes no sense."""
