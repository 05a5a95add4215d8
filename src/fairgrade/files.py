"""Copy files of learners without following anything; make ours appear whole."""

import ctypes
import errno
import fnmatch
import math
import os
import shutil
import stat
from pathlib import Path

EXCHANGE = 2  # renameat2's RENAME_EXCHANGE
HERE = -100  # its AT_FDCWD
MOST_FILES = 1000
MOST_NOTES = 5
# Of the disk that is written to, and not of the file that is read.
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
MOST_BYTES = 8 * 2**20  # of learners' files that their code may read
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a link",
}


def kind_of(mode):
    """Return what a file is in plain words, or None for a plain file."""
    if stat.S_ISREG(mode):
        return None
    return KINDS.get(stat.S_IFMT(mode), "a device")


def link_above(folder, root):
    """Return the first part of `folder` below `root` that is a link, or None."""
    parts = Path(os.path.relpath(folder, root)).parts
    # The first part is the teacher's choice, such as `submitted`.
    for length in range(2, len(parts) + 1):
        part = Path(root, *parts[:length])
        if part.is_symlink():
            return part
    return None


def extra_files(folder, ignore=(), most=math.inf):
    """Return the plain files below `folder` that are no notebooks, and notes.

    Parameters
    ----------
    folder : path
    ignore : iterable of str
        Patterns of names to leave out, as in ``CourseDirectory.ignore``.
    most : float
        Bytes of all files together, as many as they claim to have.

    Returns
    -------
    files : list of pathlib.Path
        Relative to `folder`, sorted; at most `MOST_FILES`.
    notes : list of str
        What was left out that nobody asked to leave out.
    """

    def ignored(name):
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in ignore)

    files, notes, size = [], [], 0
    for where, folders, names in os.walk(folder):
        here = Path(where)
        linked = [name for name in folders if os.path.islink(here / name)]
        folders[:] = sorted(n for n in folders if n not in linked and not ignored(n))
        for name in sorted([*names, *linked]):
            path = here / name
            if ignored(name) or name.endswith(".ipynb"):
                continue
            try:
                status = path.lstat()
            except OSError as error:
                notes.append(f"{name[:60]}: {error.strerror}: left out")
                continue
            kind = kind_of(status.st_mode)
            if kind:
                notes.append(f"{path.relative_to(folder)} is {kind}: left out")
            elif len(files) == MOST_FILES:
                return files, shortened(
                    [f"more than {MOST_FILES} files: rest left out", *notes]
                )
            elif size + status.st_size > most:
                notes.append(f"{path.relative_to(folder)} is too big: left out")
            else:
                files.append(path.relative_to(folder))
                size += status.st_size
    return files, shortened(notes)


def shortened(notes):
    """Return the first of some notes, and how many more there are."""
    if len(notes) <= MOST_NOTES:
        return notes
    return [*notes[:MOST_NOTES], f"and {len(notes) - MOST_NOTES} more notes on files"]


def read_some(folder, patterns, without=()):
    """Return plain files below `folder` that fit a pattern, and notes on the others.

    Parameters
    ----------
    folder : path
    patterns : iterable of str
        Of paths relative to `folder`, such as ``*.py``.
    without : collection of pathlib.Path
        What not to take, as the teacher has it.

    Returns
    -------
    files : dict of str to bytes
        Together of no more than `MOST_BYTES`.
    notes : list of str
    """
    found, notes, size = {}, [], 0
    for path in extra_files(folder)[0]:
        if path in without:
            continue
        name = path.as_posix()
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            if path.suffix == ".py":
                notes.append(f"{name} was not used (see FairAutograde.learner_files)")
            continue
        data = read_plain(folder / path, MOST_BYTES - size)
        if data is None:
            notes.append(f"{name} was not used: more than {MOST_BYTES >> 20} MiB")
            continue
        size += len(data)
        found[name] = data
    return found, notes[:5]


def read_plain(path, most):
    """Return the bytes of a plain file, or None if there are more than `most`.

    Nothing is followed, and no pipe is waited for, put there a moment ago or not.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        if kind_of(os.fstat(file.fileno()).st_mode):
            return None
        data = file.read(most + 1)
    return data if len(data) <= most else None


def copy_plain(source, target):
    """Copy a plain file's bytes and times, following nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def copy_if_possible(source, target):
    """Copy a learner's file; return a note if it cannot be read.

    Raises
    ------
    OSError
        If it is the disk that fails.
    """
    try:
        copy_plain(source, target)
    except OSError as error:
        if error.errno in DISK:
            raise
        return [f"{source.name[:60]}: {error.strerror}: left out"]
    return []


def make_way(path, root):
    """Remove what a learner put where a file of the teacher's goes, below `root`."""
    for part in [*reversed(path.relative_to(root).parents)][1:]:
        if not (root / part).is_dir():
            (root / part).unlink(missing_ok=True)
    if path.is_dir():
        shutil.rmtree(path)


def staged(target):
    """Return the folder in which the next version of `target` is prepared.

    Its name starts with a dot, so that nbgrader's patterns never find it. If it is
    there, whoever prepared it was stopped before the end.
    """
    return target.with_name(f".{target.name}.staged")


def swap(new, target):
    """Put the folder `new` in the place of `target`, at once if possible."""
    try:
        os.rename(new, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    else:
        return
    if not exchange(new, target):
        # Not every file system can (NFS): for a moment there is neither.
        old = target.with_name(f".{target.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        os.rename(target, old)
        os.rename(new, target)
        new = old
    shutil.rmtree(new)


def exchange(one, other):
    """Swap two names in one step; return False where the system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(HERE, names[0], HERE, names[1], EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(other))


def write_whole(path, text):
    """Write a small file so that it is never seen half-written."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
