"""The file that describes a class: who is in it, where it is, what each may use."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
TRY_OUT = ROOT / "hub" / "class.toml"
ACCOUNTS = ("one", "real", "systemd")


class ClassError(Exception):
    """Something in the file that its author can mend."""


@dataclass(frozen=True)
class Classroom:
    """What a class file says. Relative paths in it start at the course's folder."""

    course: str
    teachers: list
    learners: list
    sign_in: str
    accounts: str
    address: str
    folder: Path
    exchange: Path
    certificate: str = ""
    key: str = ""
    more: str = ""
    memory_gib: int = 4
    processes: int = 300
    idle_minutes: int = 60
    hub_port: int = 8081
    proxy_port: int = 8001
    file: Path = field(default=TRY_OUT, repr=False)

    @property
    def grader(self):
        """Return the teacher whose account keeps the course folder."""
        return self.teachers[0]

    @property
    def host(self):
        return urlsplit(self.address).hostname

    def home(self, name):
        """Return the folder of one account, where one account plays everybody."""
        return self.folder / "homes" / name


def read_class(path=TRY_OUT):
    """Return what a class file says.

    Raises
    ------
    ClassError
        If the file cannot be read, or says what cannot be.
    """
    path = Path(path).resolve()
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ClassError(f"{path}: {error}") from None
    keys = {one.name: one for one in fields(Classroom) if one.name != "file"}
    for key in said.keys() - keys.keys():
        raise ClassError(f"{path}: no key {key!r}: there is {', '.join(keys)}")
    for key, one in keys.items():
        expected = str if one.type is Path else one.type
        if key in said and type(said[key]) is not expected:
            raise ClassError(
                f"{path}: {key} must be a {expected.__name__}, got {said[key]!r}"
            )
    for key in ("folder", "exchange"):
        if key in said:
            said[key] = ROOT / said[key]
    try:
        classroom = Classroom(**said, file=path)
    except TypeError as error:
        missing = str(error).partition(": ")[2]
        raise ClassError(f"{path}: give a value to {missing}") from None
    check(classroom)
    return classroom


def check(classroom):
    """Raise ClassError where a class cannot be, or would be open to the world."""
    path, names = classroom.file, classroom.teachers + classroom.learners
    if not classroom.teachers:
        raise ClassError(f"{path}: teachers is empty: name at least one")
    for name in names:
        # JupyterHub takes all names in lower case, and nbgrader splits at a plus.
        if not isinstance(name, str) or name != name.lower() or set(name) & set("+*/ "):
            raise ClassError(f"{path}: {name!r} is no account name: ada, or ada.nwosu")
        if names.count(name) > 1:
            raise ClassError(f"{path}: {name!r} is there twice")
    if classroom.accounts not in ACCOUNTS:
        raise ClassError(
            f"{path}: accounts is one of {', '.join(ACCOUNTS)}, "
            f"got {classroom.accounts!r}"
        )
    unsafe = classroom.sign_in == "try" or classroom.accounts == "one"
    if unsafe and classroom.host not in ("127.0.0.1", "localhost", "::1"):
        raise ClassError(
            f'{path}: with sign_in = "try" or accounts = "one" anybody may do '
            "anything, so address must start with http://127.0.0.1, "
            f"got {classroom.address!r}"
        )
    if bool(classroom.certificate) != bool(classroom.key):
        raise ClassError(f"{path}: certificate and key belong together: give both")
