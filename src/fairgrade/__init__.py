"""Grade nbgrader courses fairly, safely and fast: for teachers, on any course.

Learners' code runs in a sandbox of its own; tests run outside it and hear only data.
"""

import os

# Where Python looks already, processes that stand in other folders shall look, too.
if os.environ.get("PYTHONPATH"):
    _entries = filter(None, os.environ["PYTHONPATH"].split(os.pathsep))
    os.environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, _entries))


def configure(c):
    """Make nbgrader's own commands and formgrader grade fairly; see `preprocessors`.

    Parameters
    ----------
    c : traitlets.config.Config
        The `c` of a course's nbgrader_config.py.
    """
    # A learner's process imports this package, too: nbgrader is not for it.
    from fairgrade.preprocessors import configure

    configure(c)
