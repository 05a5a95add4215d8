"""Runs cells in the reader's browser: this file works inside Pyodide.

live-worker.js calls `start` once, then `run` for every cell.
"""

import ast
import functools
import importlib.machinery
import linecache
import sys
import time
import traceback
import types

import __main__

LONGEST = 100_000  # characters that one cell may print
PAUSE = 0.05  # seconds between two messages to the page, so that it keeps up


class Output:
    """Stands in for sys.stdout: sends what is printed to the page, in portions."""

    def __init__(self):
        self.emit, self.waiting, self.sent, self.last = None, [], 0, 0
        self.noted = set()

    def begin(self, emit):
        """Send to `emit` from now on."""
        self.emit, self.waiting, self.sent = emit, [], 0
        self.noted = set()
        self.last = time.monotonic()

    def write(self, text):
        """Keep a text, and send it soon."""
        if self.sent <= LONGEST:
            self.waiting.append(str(text))
            self.sent += len(text)
            if self.sent > LONGEST:
                self.waiting.append(f"\n… more than {LONGEST:,} characters: cut here")
        if time.monotonic() - self.last > PAUSE:
            self.flush()
        return len(text)

    def flush(self):
        """Send what was kept."""
        if self.waiting and self.emit:
            self.emit("text", "".join(self.waiting))
            self.waiting, self.last = [], time.monotonic()

    def note(self, text):
        """Say once in every cell that something here is not as in the book."""
        if text not in self.noted:
            self.noted.add(text)
            self.flush()
            self.emit("note", text)

    def isatty(self):
        """Return False: there is no terminal."""
        return False


class NotHere(ImportError):
    """A package was used that this page does not have."""


class Absent:
    """Something in a package that is not there: it may be named, but not used."""

    def __init__(self, path):
        self._path = path

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return look_up(f"{self._path}.{name}")

    def __call__(self, *arguments, **options):
        if self._path in SESSION.set_up:
            SESSION.output.note(f"Left out here: {self._path}(…)")
            return None
        return self._refuse()

    def _refuse(self, *arguments):
        package = self._path.split(".")[0]
        raise NotHere(f"{self._path} needs {package}, which is not part of this page")

    __mro_entries__ = __instancecheck__ = __enter__ = __iter__ = __getitem__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse
    __rtruediv__ = __matmul__ = __rmatmul__ = __pow__ = __rpow__ = __neg__ = _refuse


def announced(path, function):
    """Return a stand-in that says, in each cell that calls it, that it is one."""

    @functools.wraps(function)
    def call(*arguments, **options):
        SESSION.output.note(f"Replaced here by a small stand-in: {path}")
        return function(*arguments, **options)

    return call


def look_up(path):
    """Return what a dotted name within an absent package stands for."""
    return SESSION.stand_ins.get(path) or Absent(path)


class Finder:
    """Lets absent packages be imported, so that one of them does not stop a chapter."""

    def find_spec(self, name, path=None, target=None):
        """Return a spec for an absent package or what is inside of it."""
        if name.split(".")[0] not in SESSION.absent:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        """Return an empty module that makes up its contents."""
        module = types.ModuleType(spec.name)

        def contents(name):
            if name.startswith("__"):
                raise AttributeError(name)
            return look_up(f"{spec.name}.{name}")

        module.__getattr__ = contents
        return module

    def exec_module(self, module):
        """Run nothing."""


SESSION = types.SimpleNamespace(
    output=Output(), absent=(), set_up=(), stand_ins={}, scope=__main__.__dict__
)


def start(absent, set_up):
    """Get ready: name the packages that are absent, and the calls to leave out."""
    from stand_ins import STAND_INS

    SESSION.absent, SESSION.set_up = tuple(absent), tuple(set_up)
    SESSION.stand_ins = {
        path: announced(path, one)
        for path, one in STAND_INS.items()
        if path.split(".")[0] in absent
    }
    sys.meta_path.insert(0, Finder())
    sys.stdout = sys.stderr = SESSION.output
    SESSION.scope["display"] = show


def run(source, name, emit):
    """Run a cell, emit what it shows, and return whether it ended without an error."""
    SESSION.output.begin(emit)
    file = f"<{name}>"
    lines = ["" if line.startswith(("%", "!")) else line for line in source.split("\n")]
    source = "\n".join(lines)
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    try:
        value = execute(source, file)
        if value is not None and not source.rstrip().endswith(";"):
            SESSION.scope["_"] = value
            show(value)
        show_figures()
    except BaseException as error:  # whatever a reader's code raises is shown
        SESSION.output.flush()
        emit("error", explain(error, file))
        return False
    SESSION.output.flush()
    return True


def execute(source, file):
    """Run the statements of a cell; return the value of the last one, or None."""
    tree = ast.parse(source, file)
    last = (
        tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    )
    exec(compile(tree, file, "exec"), SESSION.scope)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), file, "eval"), SESSION.scope)


def explain(error, file):
    """Return the traceback from the reader's own lines on."""
    trace = error.__traceback__
    while trace and not trace.tb_frame.f_code.co_filename.startswith("<cell"):
        trace = trace.tb_next
    if trace is None:  # the code does not parse
        return "".join(traceback.format_exception_only(error)).strip()
    return "".join(traceback.format_exception(type(error), error, trace)).strip()


def show(*values, raw=False):
    """Show values as a cell does; this is `display` for the reader's code."""
    for value in values:
        bundle = value if raw else bundle_of(value)
        SESSION.output.flush()
        if "text/html" in bundle:
            SESSION.output.emit("html", bundle["text/html"])
        else:
            SESSION.output.emit("text", bundle["text/plain"] + "\n")


def bundle_of(value):
    """Return a value's representations by MIME type."""
    if hasattr(value, "_repr_mimebundle_"):
        return value._repr_mimebundle_()
    if hasattr(value, "_repr_html_") and not isinstance(value, type):
        return {"text/html": value._repr_html_()}
    if hasattr(value, "_repr_markdown_") and not isinstance(value, type):
        return {"text/plain": value._repr_markdown_()}
    return {"text/plain": repr(value)}


def show_figures():
    """Show the figures that Matplotlib holds, where it is there, and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or "matplotlib" in SESSION.absent:
        return
    import io

    for number in pyplot.get_fignums():
        picture = io.StringIO()
        pyplot.figure(number).savefig(picture, format="svg", bbox_inches="tight")
        SESSION.output.emit("image", picture.getvalue())
    pyplot.close("all")
