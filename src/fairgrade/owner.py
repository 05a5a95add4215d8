"""Whose submission is it? Anyone can hand in as somebody else: `submit --student=ada`.

What nbgrader collects belongs to whoever collects it. The exchange still knows who
handed it in, so that is asked first; then the collected notebook's own owner. A name
decides only where it says something: where everything belongs to the account that
grades (a JupyterHub of one account, work that came by mail, a machine used as root),
nothing is known, and nothing is refused. But where the exchange knows of others' work
and of this no more, somebody took care that it is not known.
"""

import os
import pwd

from nbgrader.utils import parse_utc


def name_of(uid):
    """Return the name of an account, or None if it has none here."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def records(inbound, student, assignment, when):
    """Return the exchange's folders of one hand-in: same learner, same time."""
    start = f"{student}+{assignment}+"
    mine = [path for path in inbound if path.name.startswith(start)]
    return [path for path in mine if when and when == sent(path, start)]


def is_erased(inbound, assignment, when, handed_in):
    """Return whether the exchange has others' hand-ins, but not this one any more.

    Learners can delete what they put there, and so could take back who handed in. Work
    without a time came by another way.
    """
    if not when or handed_in:
        return False
    mine = os.geteuid()
    return any(
        f"+{assignment}+" in path.name and os.lstat(path).st_uid != mine
        for path in inbound
    )


def sent(path, start):
    """Return when a folder of the exchange was handed in, or None."""
    try:
        return parse_utc(path.name.removeprefix(start).split("+")[0])
    except (ValueError, OverflowError):
        return None


def wrong_owner(student, collected, handed_in=(), learners=(), strict=False):
    """Return in plain words whose submission it is, or None if nothing speaks.

    Parameters
    ----------
    student : str
        The learner whom the submission names.
    collected : path
        A file of the collected submission.
    handed_in : iterable of paths
        What the exchange has of it, see `records`.
    learners : container of str
        All learners: a collected file that belongs to another one is theirs. (One that
        belongs to a colleague was collected by the colleague.)
    strict : bool
        Whether a submission of which nobody knows the owner is refused as well.
    """
    mine = os.geteuid()
    owners = [os.lstat(path).st_uid for path in handed_in]
    for uid in owners:
        owner = name_of(uid)
        if owner == student or (uid == mine and not strict):
            continue
        if owner or strict:
            return f"handed in by {owner or f'account {uid}'}, not by {student}"
    if any(name_of(uid) == student for uid in owners):
        return None
    uid = os.lstat(collected).st_uid
    owner = name_of(uid)
    if owner != student and owner in learners and uid != mine:
        return f"the file belongs to {owner}, not to {student}"
    if strict and owner != student:
        return "nobody knows who handed it in (see FairAutograde.owner_check)"
    return None
