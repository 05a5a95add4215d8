"""The learner's process: runs given and answer cells, then answers what is asked of it.

Nothing here is trusted: learners' code shares this interpreter and may change it all.
What must hold, holds in the judge's process and in the walls around this one.
"""

import ast
import base64
import builtins
import contextlib
import copy
import functools
import importlib
import inspect
import io
import linecache
import os
import random
import re
import signal
import sys
import types
import warnings

import numpy as np

from . import known, magics, names
from .peer import Peer, frame, torch_of, unframe
from .proxies import PLAIN
from .wire import Channel, WireError

MARK = "<cell "  # start of the file names of cells
# A cell whose last line is indented and returns, ends in a function: not in a value. (A
# line in a text cannot be that: the quotes that end the text would follow.)
ENDS_IN_RETURN = re.compile(r"\n[ \t]+return\b[^'\"\\\n]*(\n[ \t]*(#[^'\"\\\n]*)?)*\Z")
# What begins or ends with a magic's sign, before any text or comment: %time, !ls, sum?
SHELL = re.compile(
    r"^[ \t]*[%!?]|^[^#'\"\n]*(=[ \t]*[%!]|\?[ \t]*$)|(?i:ipython)", re.MULTILINE
)
WARNINGS = 20  # with one answer
IMAGES = 4
IMAGE_LIMIT = 512 * 1024  # bytes


@functools.lru_cache(maxsize=1024)
def compile_cell(source, filename, in_ipython=False):
    """Return (code, code of the last expression or None) of a cell.

    Magics are served by IPython's shell if `in_ipython` is true, else replaced.
    """
    last, how = None, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        if ENDS_IN_RETURN.search(source):  # saves the tree, which is most of the time
            return compile(source, filename, "exec", how), None
        tree = ast.parse(source, filename)
    except SyntaxError:
        tree = magics.as_calls(source) if in_ipython else names.parse(source)
        magics.refuse(tree)
        tree = copy.copy(tree)
        if not tree.body:
            raise
        tree.body = list(tree.body)
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = compile(ast.Expression(tree.body.pop().value), filename, "eval", how)
    return compile(tree, filename, "exec", how), last


def prepare_cell(source, cell):
    """Compile a cell that every learner has, for all processes to come."""
    with contextlib.suppress(Exception):
        compile_cell(source, f"{MARK}{cell}>", in_ipython=True)


def execute(code, namespace):
    """Return the value of compiled code, which may await at its top, as in IPython."""
    value = eval(code, namespace)
    if code.co_flags & inspect.CO_COROUTINE:
        import asyncio

        return asyncio.run(value)
    return value


def is_silent(source):
    """Say whether a cell ends in a semicolon, which hides its value."""
    return source.rstrip().endswith(";")


def needs_shell(source):
    """Say whether a cell seems to need IPython's shell, which takes long to import."""
    return SHELL.search(source) is not None


@functools.cache
def interactive_shell():
    """Return IPython's shell, made once: for magics, and for nothing else.

    It keeps nothing on disk: there may be no place for it.
    """
    from IPython.core.error import UsageError
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    impossible = (UsageError, NotImplementedError, ImportError, OSError)

    class Shell(InteractiveShell):
        """What a magic cannot do here is said, and costs no points."""

        def init_ipython_dir(self, ipython_dir):
            self.ipython_dir = os.sep

        def init_profile_dir(self, profile_dir):
            self.db = {}

        def run_line_magic(self, name, line, _stack_depth=1):
            try:
                return super().run_line_magic(name, line, _stack_depth + 1)
            except Exception as error:
                # Of all backends of matplotlib, only one is of use here.
                if name != "matplotlib" and not isinstance(error, impossible):
                    raise
                print(f"%{name} does nothing here: {error}")

        def run_cell_magic(self, name, line, cell):
            try:
                return super().run_cell_magic(name, line, cell)
            except impossible as error:
                print(f"%%{name} does nothing here: {error}")

        def enable_matplotlib(self, gui=None):
            """Leave figures open: they are handed over after each cell (`figures`)."""
            from matplotlib_inline.config import InlineBackend

            inline = InlineBackend.instance(parent=self)  # for what %config says of it
            inline.shell = self
            if inline not in self.configurables:
                self.configurables.append(inline)
            return gui, "agg"

        def system(self, command):
            print(f"no commands here: {command}")

        system_raw = system_piped = system

        def getoutput(self, command, split=True, depth=0):
            print(f"no commands here: {command}")
            return []

    if not InteractiveShell.initialized():
        config = Config()
        config.HistoryManager.enabled = False
        config.HistoryManager.hist_file = ":memory:"
        config.InteractiveShell.cache_size = 0
        hooks, main = (sys.excepthook, sys.displayhook), sys.modules["__main__"]
        Shell.instance(config=config)
        sys.excepthook, sys.displayhook = hooks
        sys.modules["__main__"] = main
    return InteractiveShell.instance()


def offer_shell(namespace):
    """Let the code of cells find the shell, as in a notebook."""

    def get_ipython():
        shell = interactive_shell()
        shell.user_ns = namespace
        # What a cell magic runs has its globals from here.
        shell.user_module = sys.modules["__main__"]
        namespace.setdefault("_dh", [os.getcwd()])
        return shell

    namespace["get_ipython"] = get_ipython


def called(value):
    """Return what something imported is called, wherever it was imported from."""
    return str(getattr(value, "__name__", None) or repr(value))[:200]


def innermost(traceback):
    """Return (cell, line number) of the deepest frame in a cell, or None."""
    found = None
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if filename.startswith(MARK):
            found = filename.removeprefix(MARK)[:-1], traceback.tb_lineno
        traceback = traceback.tb_next
    return found


def innermost_frame(frame):
    """Return (cell, line number) of the deepest frame of a stack in a cell, or None."""
    while frame is not None:
        filename = frame.f_code.co_filename
        if filename.startswith(MARK):
            return filename.removeprefix(MARK)[:-1], frame.f_lineno
        frame = frame.f_back
    return None


class Printed(io.TextIOBase):
    """Keeps the start of what is printed, up to a limit, and counts the rest."""

    encoding = "utf-8"

    def __init__(self, limit):
        self.limit = limit
        self.take()

    def writable(self):
        return True

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() needs a str, got {type(text).__name__}")
        room = self.limit - self.size
        if room > 0:
            self.parts.append(str(text[:room]))
        self.size += len(text)
        return len(text)

    def take(self):
        """Return what was printed since it was last taken."""
        text = "".join(getattr(self, "parts", ()))
        if text and self.size > self.limit:
            text += f"\n… and {self.size - self.limit} more characters"
        self.parts, self.size = [], 0
        return text


def describe_error(error):
    """Return (ename, evalue, where) of an error in a cell, as plain data."""
    try:
        text = str(error)[:4000]
    except BaseException:
        text = ""
    where = innermost(error.__traceback__)
    if isinstance(error, SyntaxError) and str(error.filename).startswith(MARK):
        where = str(error.filename).removeprefix(MARK)[:-1], error.lineno or 1
        text = str(error.msg)
    return type(error).__name__, text, where


class Learner(Peer):
    """The learner's end of the channel."""

    def __init__(self, channel, output):
        super().__init__(channel, first=1)
        self.printed = Printed(output)
        self.nonce = b""
        self.has_turn = True  # to speak; else the judge has, or a message is on its way
        self.is_late = False
        self.warned = []
        self.replaced = {}  # in libraries, by a test: (module, name) -> what was there
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self.namespace = module.__dict__
        self.namespace["__builtins__"] = builtins
        offer_shell(self.namespace)

    # ---- messages

    def hear(self):
        self.nonce, verb, parts, _, _ = unframe(self.channel.receive())
        self.has_turn = True
        if self.is_late and self.depth:
            self.late(None, sys._getframe())
        return verb, self.incoming(*parts)

    def say(self, verb, value):
        parts = self.outgoing(value)
        del value
        warned, self.warned[:] = self.warned[:WARNINGS], []
        data = frame(self.nonce, verb, parts, self.printed.take(), warned)
        self.has_turn = False
        if self.depth == 0:  # this answers the question: no more can be late
            signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            self.channel.send(data)
        except WireError:  # too much: nothing was sent
            self.has_turn = True
            raise

    def warn(self, message, category, filename, lineno, file=None, line=None):
        """Keep a warning for the judge, where a test may look out for it."""
        named = map(known.name_of, category.__mro__)
        name = next(filter(None, named)).removeprefix("builtins.")
        self.warned.append([name, str(message)[:500]])

    def late(self, number, stack):
        """Tell where the code is that takes too long, and end.

        Out of turn it would be mixed with a message, or answer an old question.
        """
        self.is_late = True
        if not self.has_turn:
            return
        self.has_turn = False
        where = innermost_frame(stack)
        with contextlib.suppress(BaseException):
            self.fresh.clear()
            parts = [[], [], ["t", list(where)] if where else None]
            data = frame(self.nonce, "late", parts, self.printed.take())
            self.channel.send(data)
        os._exit(0)

    def forever(self):
        """Serve until the judge has gone."""
        sys.stdin = io.StringIO()
        sys.stdout = sys.stderr = self.printed
        signal.signal(signal.SIGALRM, self.late)
        warnings.showwarning = self.warn
        warnings.simplefilter("always")
        while True:
            try:
                verb, body = self.hear()
            except WireError as error:
                self.say("raise", self.pack_exception(error))
                continue
            if verb == "do":
                self.serve(body)
            del body

    # ---- requests

    def perform(self, operation, number, arguments, keywords):
        if operation in SERVICES:
            return SERVICES[operation](self, *arguments, **keywords)
        if operation == "differentiate":
            return self.differentiate(number, *arguments)
        if number not in self.exports:
            raise WireError(f"no object {number!r:.20}")
        return OPERATIONS[operation](self.exports[number], *arguments, **keywords)

    def where(self, error):
        return innermost(error.__traceback__)

    def serve(self, body):
        if self.depth == 0:
            self.is_late = False
            signal.setitimer(signal.ITIMER_REAL, max(body[5] or 0, 0.001), 0.5)
        try:
            super().serve(body)
        except EOFError:
            os._exit(0)
        except BaseException as error:
            self.say("raise", self.pack_exception(error))

    def answer(self, operation, verb, result):
        if operation == "run" and verb == "ok":
            try:
                return self.say(verb, result)
            except EOFError:
                raise
            except Exception:  # a name's value cannot cross; what the cell did, can
                result = (*result[:2], None)
        return super().answer(operation, verb, result)

    def exportable(self, value):
        return not isinstance(value, Peer)

    def is_nameable(self, cls):
        return self.name_of(cls) is not None or cls.__module__ == "__main__"

    def is_handled(self, value):
        """A list with methods of the learner's own is more than its items."""
        return any(
            not name.startswith("__")
            for cls in type(value).__mro__
            if cls.__module__ == "__main__"
            for name in vars(cls)
        )

    def find(self, name):
        if name.startswith("lib:"):
            return known.find(name[4:])
        return super().find(name)

    def build_function(self, number, name):
        def function(*arguments, **keywords):
            return self.request("call", number, *arguments, **keywords)

        function.__name__ = function.__qualname__ = name
        function._fairgrade = (self, number)
        return function

    # ---- services

    def run(self, source, cell, *wanted):
        """Run one cell; return None or its error, images, and the values of names."""
        if torch_of() is not None:
            torch_of().set_grad_enabled(True)
        error = None
        try:
            name = f"{MARK}{cell}>"
            # For who reads sources: tracebacks, `inspect.getsource`, torch.jit.
            lines = source.splitlines(keepends=True)
            linecache.cache[name] = len(source), None, lines, name
            code, last = compile_cell(source, name, in_ipython=True)
            execute(code, self.namespace)
            if last is not None:
                value = execute(last, self.namespace)
                if value is not None and not is_silent(source):
                    print(repr(value))
        except BaseException as caught:
            error = describe_error(caught)
            caught.__traceback__ = None
        return error, figures(), self.values(*wanted)

    def value(self, name):
        """Return the value of a global name; NameError if there is none."""
        if name not in self.namespace:
            raise NameError(f"name {name!r} is not defined")
        return self.namespace[name]

    def values(self, *wanted):
        """Return the values of global names at once: () for each that there is not."""
        here = self.namespace
        return tuple((here[name],) if name in here else () for name in wanted)

    def bind(self, name, *value):
        if value:
            self.namespace[name] = value[0]
        else:
            self.namespace.pop(name, None)

    def patch(self, module, name, *value):
        """Replace an attribute of a library as a test did, or put it back."""
        found = importlib.import_module(module)
        own = self.replaced.setdefault((module, name), getattr(found, name, None))
        setattr(found, name, *(value or (own,)))

    def take_over(self, classes, plain):
        here = [name for name in classes if isinstance(self.namespace.get(name), type)]
        self.adopt(self.namespace, here, plain)

    def seed(self, library, *state):
        if library == "numpy":
            np.random.set_state(state)  # noqa: NPY002
        elif library == "random":
            random.setstate(state[0])
        elif torch_of() is not None:
            torch_of().set_rng_state(state[0])


def figures():
    """Return the open figures of matplotlib as PNG in base64, and close them."""
    plt = sys.modules.get("matplotlib.pyplot")
    if plt is None:
        return ()
    images = []
    try:
        for number in plt.get_fignums()[:IMAGES]:
            file = io.BytesIO()
            plt.figure(number).savefig(file, format="png")
            if file.tell() <= IMAGE_LIMIT:
                images.append(base64.b64encode(file.getvalue()).decode())
        plt.close("all")
    except Exception:
        return ()
    return tuple(images)


def special(value, name, /, *arguments, **keywords):
    """Call one of the special methods of an object."""
    method = getattr(type(value), name, None)
    if method is None:
        return NotImplemented
    return method(value, *arguments, **keywords)


def data(value):
    """Return what an object of a class that is built on a plain one holds."""
    for base in PLAIN.values():
        if isinstance(value, base):
            return np.asarray(value) if base is np.ndarray else base(value)
    raise TypeError(f"a {type(value).__name__} holds no plain data")


def signature(function):
    """Return a function's parameters as (name, kind, default or ...)."""
    return tuple(
        (p.name, int(p.kind), ... if p.default is p.empty else p.default)
        for p in inspect.signature(function).parameters.values()
    )


SERVICES = {
    "run": Learner.run,
    "value": Learner.value,
    "values": Learner.values,
    "bind": Learner.bind,
    "patch": Learner.patch,
    "called": lambda learner, name: called(learner.value(name)),
    "adopt": Learner.take_over,
    "seed": Learner.seed,
    "echo": lambda learner, *arguments: (arguments, learner.forever),
}
OPERATIONS = {
    "call": lambda f, /, *arguments, **keywords: f(*arguments, **keywords),
    "special": special,
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "truth": bool,
    "data": data,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "signature": signature,
}


def main(sock, output):
    """Be the learner's process for one submission."""
    Learner(Channel(sock), output).forever()
