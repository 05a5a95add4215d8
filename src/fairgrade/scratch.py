"""The learner's working folder, and the user number that it belongs to."""

import dataclasses
import functools
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

# Numbers that no system hands out: above containers', below systemd's own.
SPARE_USERS = range(0x70000000, 0x7FFE0000)


def spare_user():
    """Return a number that no user of this machine has, or None if it cannot be had."""
    free = user_numbers()
    return random.SystemRandom().choice(free) if len(free) > 1 else None


@functools.cache
def user_numbers():
    """Return the user numbers that can be had here and are nobody's."""
    if os.geteuid() != 0:
        return ()
    with open("/proc/self/uid_map") as lines:
        maps = [tuple(map(int, line.split())) for line in lines]
    start, _, count = max(maps, key=lambda entry: entry[2])
    free = range(max(start, SPARE_USERS.start), min(start + count, SPARE_USERS.stop))
    # A container may have few numbers: then the upper half of what it has.
    return free or range(start + count // 2, start + count)


def remove(folder):
    """Remove `folder`, whatever a learner put there, and follow no link out of it."""
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        # Folders without rights, or thousands deep: these two know how.
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            subprocess.run([*command, "--", folder], check=False, capture_output=True)


@dataclasses.dataclass
class Scratch:
    """A private folder that goes: the learner's working folder.

    Used by the trusted parent in a `with` statement. Where the child can mount a folder
    in memory that only it sees, nothing need be done; else a folder is made on disk,
    and removed, whatever the learner did to it.

    Attributes
    ----------
    files : mapping of str to bytes
        What to find there: the assignment's supporting files, by relative path.
    on_disk : bool
        Whether to make a folder on disk: `sandbox.needs_disk()`.
    size : int
        How many bytes fit, the files included (where it is mounted).
    user : int or None
        The user number that the child gets; None for an ordinary teacher's.
    folder : str or None
        The folder on disk, where there is one.
    """

    files: dict = dataclasses.field(default_factory=dict)
    on_disk: bool = False
    size: int = 64 << 20
    user: int | None = dataclasses.field(default_factory=spare_user)
    folder: str | None = None

    def __enter__(self):
        if self.on_disk:
            self.folder = tempfile.mkdtemp(prefix="fairgrade-")
            self.fill(self.folder)
            if self.user is not None:
                for path in (self.folder, *pathlib.Path(self.folder).rglob("*")):
                    os.chown(path, self.user, self.user)
        return self

    def __exit__(self, *exception):
        if self.folder is not None:
            remove(self.folder)
            self.folder = None

    def fill(self, folder):
        """Write the files into `folder`."""
        for name, content in self.files.items():
            path = pathlib.PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"support file {name!r}: must lie in the folder")
            place = os.path.join(folder, name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "wb") as file:
                file.write(content)
