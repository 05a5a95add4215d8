"""Small mistakes put into a reference solution, to see whether the tests notice them.

A *mutant* is an answer cell with one mistake: a sign, an axis, a bound, a forgotten
factor, an argument that is ignored. `mutants` makes those of one answer,
`joint_mutants` those of two answers that a test compares with each other: a loss that
is always 0 agrees with a gradient that is always 0.
"""

import ast
import copy
import itertools
from dataclasses import dataclass

from .assignment import SOLUTION

PRELUDE = '''\
def _times(factor, value):
    """Return a value, or each of several, times a factor."""
    if isinstance(value, (tuple, list)):
        return type(value)(_times(factor, item) for item in value)
    if isinstance(value, dict):
        return {key: _times(factor, item) for key, item in value.items()}
    return value * factor


def _single(value):
    """Return a value, or each of several, in single precision."""
    if isinstance(value, (tuple, list)):
        return type(value)(_single(item) for item in value)
    if isinstance(value, dict):
        return {key: _single(item) for key, item in value.items()}
    if isinstance(value, (bool, int, str)):
        return value
    return value.astype("float32") if hasattr(value, "astype") else value.float()


_SEEN = {}


'''
OTHER = {  # an operator -> those it is mistaken for
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.FloorDiv: (ast.Div,),
    ast.Mod: (ast.FloorDiv,),
    ast.MatMult: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
ORDERED = ast.Sub | ast.Div | ast.Pow | ast.FloorDiv | ast.Mod | ast.MatMult
PAIRS = (
    ("sum", "mean"),
    ("max", "min"),
    ("argmax", "argmin"),
    ("maximum", "minimum"),
    ("any", "all"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("std", "var"),
    ("floor", "ceil"),
    ("sin", "cos"),
    ("log", "log2"),
    ("relu", "abs"),
)
WORDS = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])} | {"median": "mean"}
TAKE_ONE = {"abs", "max", "min", "sum", "sorted", "round", "float", "int"}
TINY = 1e-6  # a constant that only keeps off a division by 0 is one: its size is free


@dataclass(frozen=True)
class Mutant:
    """One or two answer cells with one mistake.

    `sources` maps grade ids to sources. `line` is a line of the teacher's cell,
    `before` and `after` are the first lines of the statement there.
    """

    cell: str
    line: int
    before: str
    after: str
    what: str
    sources: dict

    @property
    def key(self):
        """What names this mutant in a list of accepted ones; no line number in it."""
        return f"{self.before} -> {self.after}" if self.before else self.what


def mutants(cell):
    """Return the mutants of one answer cell's reference solution.

    Only what stands between BEGIN SOLUTION and END SOLUTION is mutated, or the whole
    cell if it has no such lines.
    """
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:
        return []
    lines = solution_lines(cell.source)
    scope = Scope(tree, lines)
    found, seen = [], {ast.unparse(tree)}
    for statement, node in scope.sites():
        for what, new in itertools.chain(
            expressions(node, scope), statements(node, scope)
        ):
            mutated, after = replaced(tree, statement, node, new, what)
            source = ast.unparse(mutated)
            if source in seen:
                continue
            seen.add(source)
            found.append(
                Mutant(
                    cell.grade_id,
                    node.lineno,
                    first_line(statement),
                    after,
                    what,
                    {cell.grade_id: PRELUDE + source},
                )
            )
    return found


def joint_mutants(one, other):
    """Return the mutants of two answers at once which agree with each other."""
    found = []
    for factor, what in ((0, "zero"), (2, "doubled"), (-1, "negated")):
        sources = {c.grade_id: scaled(c, factor) for c in (one, other)}
        if None not in sources.values():
            after = f"both results {what}"
            found.append(
                Mutant(
                    f"{one.grade_id} and {other.grade_id}", 1, "", after, after, sources
                )
            )
    return found


def scaled(cell, factor):
    """Return an answer's source with all that it returns times a factor, or None."""
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:
        return None
    scope = Scope(tree, solution_lines(cell.source))
    returns = [x for x in scope.returns if x.value is not None]
    for node in returns:
        node.value = call("_times", ast.Constant(factor), node.value)
    return PRELUDE + ast.unparse(tree) if returns else None


def solution_lines(source):
    """Return the numbers of the lines of a cell that are its solution."""
    lines = source.split("\n")
    if SOLUTION[0] not in source:
        return frozenset(range(1, len(lines) + 1))
    inside, found = False, set()
    for number, line in enumerate(lines, start=1):
        inside = (inside or SOLUTION[0] in line) and SOLUTION[1] not in line
        if inside:
            found.add(number)
    return frozenset(found)


class Scope:
    """What is known of an answer's tree: its solution's statements and functions."""

    def __init__(self, tree, lines):
        self.tree = tree
        self.lines = lines
        self.functions = {}  # id of a statement -> the function around it
        self.returns = []  # of functions, not of functions inside these
        self._look(tree, None)

    def _look(self, node, function):
        for child in ast.iter_child_nodes(node):
            self.functions[id(child)] = function
            inner = child if isinstance(child, ast.FunctionDef) else function
            if isinstance(child, ast.Return) and self.is_own(child):
                outer = self.functions.get(id(function))
                if outer is None:
                    self.returns.append(child)
            self._look(child, inner)

    def is_own(self, node):
        return getattr(node, "lineno", None) in self.lines

    def parameters(self, node):
        """Return the parameters, and their defaults, of the function around a node."""
        function = self.functions.get(id(node))
        if function is None:
            return {}
        arguments = function.args
        names = [a.arg for a in arguments.posonlyargs + arguments.args]
        found = dict.fromkeys(names)
        tail = names[len(names) - len(arguments.defaults) :]
        found |= zip(tail, arguments.defaults, strict=True)
        keyword = [a.arg for a in arguments.kwonlyargs]
        found |= zip(keyword, arguments.kw_defaults, strict=True)
        found.pop("self", None)
        return found

    def sites(self):
        """Yield (statement, node) of all that may be mutated."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.stmt) and self.is_own(node):
                if isinstance(node, ast.Raise | ast.FunctionDef | ast.ClassDef):
                    continue
                if is_text(node):
                    continue
                yield node, node
                for part in expressions_of(node):
                    yield node, part

    def first_statement(self, statement):
        """Return the function of which this is the first statement of the solution."""
        function = self.functions.get(id(statement))
        if function is None:
            return None
        own = [x for x in function.body if self.is_own(x) and not is_text(x)]
        return function if own and own[0] is statement else None


def is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def expressions_of(statement):
    """Yield the expressions of a statement, not of the statements in it."""
    pending = [x for x in ast.iter_child_nodes(statement) if isinstance(x, ast.expr)]
    pending += [
        item for x in getattr(statement, "items", ()) for item in (x.context_expr,)
    ]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.JoinedStr):
            continue
        yield node
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.keyword):
                child = child.value
            if isinstance(child, ast.comprehension):
                pending += [child.iter, *child.ifs]
            elif isinstance(child, ast.expr):
                pending.append(child)


def replaced(tree, statement, node, new, what):
    """Return a copy of a tree with a node replaced, and the new statement's line."""
    node.mark = True
    statement.place = True
    try:
        tree = copy.deepcopy(tree)
    finally:
        del node.mark, statement.place
    place = next(x for x in ast.walk(tree) if hasattr(x, "place"))
    whole = hasattr(place, "mark")
    Replace(new).visit(tree)
    ast.fix_missing_locations(tree)
    if whole:
        alike = len(new) == 1 and isinstance(new[0], type(statement) | ast.Assign)
        one = first_line(new[0]) if alike else first_line(statement)
        after = one if one != first_line(statement) else f"({what})"
    else:
        after = first_line(place)
    return tree, after


class Replace(ast.NodeTransformer):
    """Put a node, or statements, in the place of the marked node."""

    def __init__(self, new):
        self.new = new

    def visit(self, node):
        if hasattr(node, "mark"):
            if isinstance(node, ast.stmt):
                return copy.deepcopy(self.new) or ast.Pass()
            return copy.deepcopy(self.new)
        return self.generic_visit(node)


def first_line(node):
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split("\n")[0]


def call(name, *arguments):
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def changed(node, **fields):
    """Return a copy of a node with other fields."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    new.__dict__.pop("mark", None)
    return new


# ---- mistakes in an expression


def expressions(node, scope):
    """Yield (what, new expression) for one expression."""
    make = EXPRESSIONS.get(type(node))
    if make is not None and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        yield from make(node, scope)


def binary(node, scope):
    for other in OTHER.get(type(node.op), ()):
        yield "another operator", changed(node, op=other())
    if isinstance(node.op, ORDERED):
        yield "operands swapped", changed(node, left=node.right, right=node.left)
    if not isinstance(node.op, ast.MatMult):
        yield "a part dropped", node.left
        yield "a part dropped", node.right


def comparison(node, scope):
    if len(node.ops) == 1:
        for other in OTHER.get(type(node.ops[0]), ()):
            yield "another comparison", changed(node, ops=[other()])


def boolean(node, scope):
    yield "and for or", changed(node, op=OTHER[type(node.op)][0]())
    for value in node.values:
        yield "a condition dropped", value


def unary(node, scope):
    if isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield "sign or not dropped", node.operand


def constant(node, scope):
    value = node.value
    if isinstance(value, bool):
        yield "the opposite", ast.Constant(not value)
    elif isinstance(value, int):
        yield "off by one", ast.Constant(value + 1)
        yield "off by one", ast.Constant(value - 1)
    elif isinstance(value, float):
        if abs(value) >= TINY:
            yield "another constant", ast.Constant(2 * value)
        yield "another constant", ast.Constant(0.0 if value else 1.0)


def function_call(node, scope):
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name in WORDS:
        func = copy.copy(node.func)
        setattr(func, "attr" if isinstance(func, ast.Attribute) else "id", WORDS[name])
        yield f"{WORDS[name]} for {name}", changed(node, func=func)
    plain = [x for x in node.args if not isinstance(x, ast.Starred)]
    if len(plain) >= 2 and len(plain) == len(node.args):
        swapped = [node.args[1], node.args[0], *node.args[2:]]
        yield "arguments swapped", changed(node, args=swapped)
    library = isinstance(node.func, ast.Attribute)
    if plain and (library or name in TAKE_ONE):
        yield f"{name} forgotten", plain[0]
    if library and not node.args and not isinstance(node.func.value, ast.Call):
        yield f"{name} forgotten", node.func.value
    if name == "range" and plain:
        last = 0 if len(plain) == 1 else 1
        less = ast.BinOp(node.args[last], ast.Sub(), ast.Constant(1))
        args = [*node.args[:last], less, *node.args[last + 1 :]]
        yield "the last one forgotten", changed(node, args=args)
        if len(plain) == 1:
            yield (
                "the first one forgotten",
                changed(node, args=[ast.Constant(1), *node.args]),
            )
    if name == "len" and plain:
        size = ast.Attribute(plain[0], "size", ast.Load())
        yield "all elements counted", size
    for keyword in node.keywords:
        others = [x for x in node.keywords if x is not keyword]
        if keyword.arg is not None:
            yield f"{keyword.arg} forgotten", changed(node, keywords=others)
        value = getattr(keyword.value, "value", None)
        if keyword.arg in ("axis", "dim") and value in (0, 1):
            new = ast.keyword(keyword.arg, ast.Constant(1 - value))
            yield "another axis", changed(node, keywords=[*others, new])


def attribute(node, scope):
    if node.attr in ("T", "mT"):
        yield "transpose forgotten", node.value
    if node.attr == "size":
        shape = ast.Attribute(node.value, "shape", ast.Load())
        yield "rows counted", ast.Subscript(shape, ast.Constant(0), ast.Load())


def conditional(node, scope):
    yield "always the first case", node.body
    yield "always the second case", node.orelse


def slice_of(node, scope):
    if node.lower is not None:
        yield "start of a slice dropped", changed(node, lower=None)
    if node.upper is not None:
        yield "end of a slice dropped", changed(node, upper=None)


EXPRESSIONS = {
    ast.BinOp: binary,
    ast.Compare: comparison,
    ast.BoolOp: boolean,
    ast.UnaryOp: unary,
    ast.Constant: constant,
    ast.Call: function_call,
    ast.Attribute: attribute,
    ast.IfExp: conditional,
    ast.Slice: slice_of,
}


# ---- mistakes in a statement


def statements(node, scope):
    """Yield (what, list of new statements) for one statement."""
    make = STATEMENTS.get(type(node))
    if make is not None:
        yield from make(node, scope)
    if not isinstance(node, ast.stmt):
        return
    if scope.first_statement(node) is not None:
        for name, default in scope.parameters(node).items():
            target = ast.Name(name, ast.Store())
            if default is not None:
                value, what = default, f"{name} ignored: always its default"
            else:
                key = ast.Constant(f"{scope.functions[id(node)].name}.{name}")
                seen = ast.Attribute(ast.Name("_SEEN", ast.Load()), "setdefault")
                seen.ctx = ast.Load()
                value = ast.Call(seen, [key, ast.Name(name, ast.Load())], [])
                what = f"{name} ignored: always that of the first call"
            yield what, [ast.Assign([target], value), node]


def dropped(node, scope):
    yield "a statement dropped", []


def assignment(node, scope):
    if not isinstance(node.targets[0], ast.Name):
        yield "a statement dropped", []
        return
    parameters, value = scope.parameters(node), node.value
    if node.targets[0].id in parameters:
        yield "a statement dropped", []
    if isinstance(value, ast.BinOp) and not isinstance(value.op, ast.MatMult):
        left = value.left
        if isinstance(left, ast.Name) and left.id in parameters:
            target = ast.Name(left.id, ast.Store())
            in_place = ast.AugAssign(target, value.op, value.right)
            new = [in_place, changed(node, value=ast.Name(left.id, ast.Load()))]
            yield "computed in the argument itself", new


def augmented(node, scope):
    yield "a statement dropped", []
    for other in OTHER.get(type(node.op), ()):
        yield "another operator", [changed(node, op=other())]
    target = copy.copy(node.target)
    target.ctx = ast.Store()
    yield "replaced instead of added to", [ast.Assign([target], node.value)]


def returned(node, scope):
    if node.value is None:
        return
    yield "nothing returned", []
    if not any(node is one for one in scope.returns):
        return
    wrapped = [
        ("zero returned", call("_times", ast.Constant(0), node.value)),
        ("the result doubled", call("_times", ast.Constant(2), node.value)),
        ("the sign", call("_times", ast.Constant(-1), node.value)),
        ("single precision", call("_single", node.value)),
    ]
    parameters = list(scope.parameters(node))
    if parameters:
        name = ast.Name(parameters[0], ast.Load())
        wrapped.append(("the first argument returned", name))
    if isinstance(node.value, ast.Tuple):
        items = node.value.elts
        for number, item in enumerate(items):
            for factor, what in ((0, "zero returned"), (-1, "the sign")):
                one = call("_times", ast.Constant(factor), item)
                new = [*items[:number], one, *items[number + 1 :]]
                wrapped.append((f"{what}: {number}", changed(node.value, elts=new)))
        if len(items) > 1:
            new = [items[1], items[0], *items[2:]]
            wrapped.append(("results swapped", changed(node.value, elts=new)))
    for what, value in wrapped:
        yield what, [changed(node, value=value)]


def branch(node, scope):
    yield "a condition always true", node.body
    yield "a condition always false", node.orelse


def loop(node, scope):
    yield "one turn only", [changed(node, body=[*node.body, ast.Break()])]
    if isinstance(node, ast.For):
        yield "not a single turn", node.orelse


STATEMENTS = {
    ast.Expr: dropped,
    ast.Assign: assignment,
    ast.AugAssign: augmented,
    ast.Return: returned,
    ast.If: branch,
    ast.For: loop,
    ast.While: loop,
    ast.Break: dropped,
    ast.Continue: dropped,
    ast.Delete: dropped,
}
