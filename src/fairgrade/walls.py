"""The walls: what each stops, what parts build it, and how to get it."""

import dataclasses


def known(walls):
    """Return `walls`, all by default, or raise ValueError where one is unknown."""
    names = tuple(WALLS if walls is None else walls)
    for name in names:
        if name not in WALLS:
            raise ValueError(f"no wall is called {name!r}: use {', '.join(WALLS)}")
    return names


class WallMissing(Exception):
    """A wall that must stand does not."""

    def __init__(self, walls, why=""):
        self.walls = tuple(walls)
        accept = " ".join(f"--without {wall}" for wall in self.walls)
        super().__init__(
            f"cannot put up: {', '.join(self.walls)}{f' ({why})' if why else ''}."
            " `fairgrade doctor` says what they stop and how to get them;"
            f" to grade without them, say {accept}"
        )


@dataclasses.dataclass(frozen=True)
class Wall:
    """What a wall stops, and the parts of the kernel that build it.

    Attributes
    ----------
    stops : str
        One plain sentence.
    built : tuple of frozenset of str
        Each a set of `PARTS` that is enough by itself.
    remedy : str
        How to get it where it is missing.
    """

    stops: str
    built: tuple
    remedy: str

    def stands(self, made):
        """Return whether the parts `made` are enough."""
        return any(parts <= made for parts in self.built)


def _wall(stops, *built, remedy):
    return Wall(stops, tuple(frozenset(parts.split()) for parts in built), remedy)


SPACES = (
    "let ordinary users make user namespaces (sysctl"
    " kernel.unprivileged_userns_clone=1,"
    " kernel.apparmor_restrict_unprivileged_userns=0; in a container: --cap-add"
    " SYS_ADMIN), or grade as root"
)
FILTER = "install libseccomp (Debian: libseccomp2), on a kernel with seccomp"
WALLS = {
    "files": _wall(
        "Reads no file but Python's and the system's own libraries.",
        "mounts",
        "landlock",
        remedy="a kernel with Landlock (Linux 5.13 or later), or " + SPACES,
    ),
    "disk": _wall(
        "Writes only into a small folder of its own, which is gone afterwards.",
        "mounts limits",
        remedy=SPACES,
    ),
    "network": _wall(
        "Reaches no other machine and no other program.",
        "seccomp",
        "net mounts",
        remedy=FILTER,
    ),
    "processes": _wall(
        "Sees, signals and traces no other process.",
        "pids mounts",
        "pids landlock",
        "seccomp mounts",
        "seccomp landlock",
        remedy=FILTER + "; " + SPACES,
    ),
    "programs": _wall(
        "Starts no program and no further process.", "seccomp", remedy=FILTER
    ),
    "kernel": _wall(
        "Makes no system call that computing does not need, and gains no privilege.",
        "seccomp",
        remedy=FILTER,
    ),
    "user": _wall(
        "Holds no privilege; where root grades, it is no user of this machine.",
        "user",
        remedy=SPACES,
    ),
    "memory": _wall("Takes no more memory than allowed.", "limits", remedy="Linux"),
    "time": _wall("Takes no more CPU time than allowed.", "limits", remedy="Linux"),
    "threads": _wall(
        "Starts no more threads than allowed.", "limits count user", remedy=SPACES
    ),
    "leftovers": _wall(
        "Leaves no process and no shared memory behind.",
        "death seccomp",
        remedy=FILTER,
    ),
    "secrets": _wall(
        "Inherits no open file, no terminal and no environment variable.",
        "descriptors",
        remedy="Linux",
    ),
}
