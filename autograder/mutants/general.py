"""Operators for code of any kind: arithmetic, comparisons, conditions, constants, statements, arguments.

Every operator is a function from a `Place` to the edits that it can make there; its name, in `OPERATORS`, is what
reports show.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from autograder.mutants.text import Edit, Place

SIGNS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|",
}  # fmt: skip
ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "/", "%": "//", "**": "*", "@": "*", "&": "|", "|": "&"}
AUGMENTED = {"+": "-", "-": "+", "*": "/", "/": "*", "@": "*"}
COMPARISONS = {
    ast.Lt: ("<", "<=", ">="), ast.LtE: ("<=", "<", ">"), ast.Gt: (">", ">=", "<="), ast.GtE: (">=", ">", "<"),
    ast.Eq: ("==", "!=", "<=", ">="), ast.NotEq: ("!=", "==", "<", ">"),
    ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
}  # fmt: skip
AXIS_NAMES = ("dim", "axis", "dims", "start_dim")
COMMUTATIVE = ("max", "min", "maximum", "minimum", "hypot", "add", "mul", "multiply", "logaddexp", "isinstance")
COMPOUND = (ast.If, ast.For, ast.While, ast.With)


def swap_arithmetic(place: Place) -> Iterator[Edit]:
    """Replace a + b by a − b, a · b by a / b, and so on."""
    node = place.node
    if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
        old = SIGNS[type(node.op)]
        if new := ARITHMETIC.get(old):
            edit = place.between(node.left, node.right, old, new)
            text = place.code.text
            left = place.bracketed(node.left)
            right = place.bracketed(node.right)
            whole = f"{left} {new} {right}"
            start, end = place.code.span(node)
            yield Edit(start, end, f"({whole})", text[start : edit.start] + new + text[edit.end : end])


def drop_operand(place: Place) -> Iterator[Edit]:
    """Leave one side of an operation out: a + b becomes a, or b."""
    node = place.node
    if isinstance(node, ast.BinOp):
        yield place.replace(place.text(node.left))
        yield place.replace(place.text(node.right))
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            rest = [place.bracketed(other) for other in node.values if other is not value]
            yield place.replace((" and " if isinstance(node.op, ast.And) else " or ").join(rest))


def swap_augmented(place: Place) -> Iterator[Edit]:
    """Replace += by −= and by plain assignment."""
    node = place.node
    if isinstance(node, ast.AugAssign) and type(node.op) in SIGNS:
        old = SIGNS[type(node.op)]
        if old in AUGMENTED:
            yield place.between(node.target, node.value, f"{old}=", f"{AUGMENTED[old]}=")
        yield place.between(node.target, node.value, f"{old}=", "=")


def drop_sign(place: Place) -> Iterator[Edit]:
    """Leave out a minus, a `not` or a `~`."""
    node = place.node
    if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.UAdd):
        yield place.replace(place.text(node.operand))


def compare_otherwise(place: Place) -> Iterator[Edit]:
    """Move the boundary of a comparison (< to <=), or negate it."""
    node = place.node
    if isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, operands, operands[1:]):
            old, *others = COMPARISONS[type(operator)]
            unordered = any(
                isinstance(n, ast.Constant) and isinstance(n.value, (str, type(None))) for n in (left, right)
            )
            for new in others[:1] if unordered else others:
                yield place.between(left, right, old, new)


def negate_condition(place: Place) -> Iterator[Edit]:
    """Negate the condition of an if, of a conditional expression or of a comprehension; exchange and and or."""
    node = place.node
    if isinstance(node, (ast.If, ast.IfExp)) and not isinstance(node.test, ast.Compare):
        yield place.replace(f"not {place.bracketed(node.test)}", node.test)
    if isinstance(node, ast.IfExp):
        yield place.replace(place.text(node.body))
        yield place.replace(place.text(node.orelse))
    if isinstance(node, ast.BoolOp):
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in itertools.pairwise(node.values):
            yield place.between(left, right, word, other)
    if isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield place.replace("True", test)


def change_constant(place: Place) -> Iterator[Edit]:
    """Replace a number by its neighbours, or its double and opposite; exchange True and False."""
    node = place.node
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield place.replace(str(not value))
    elif isinstance(value, int) and not _is_axis(place):
        yield place.replace(str(value + 1))
        if value != 0 or not _is_size(place):  # the first side of a shape is often the last one too
            yield place.replace(str(value - 1))
    elif isinstance(value, float):
        if value in (0.0, 1.0):
            yield place.replace(str(1.0 - value))
        if value != 0.0:
            yield place.replace(repr(2 * value))
            yield place.replace(repr(-value))


def drop_statement(place: Place) -> Iterator[Edit]:
    """Leave out a statement whose names exist without it, or a guard."""
    node = place.node
    if isinstance(node, (ast.AugAssign, *COMPOUND)) or (isinstance(node, ast.Expr) and not _is_text(node.value)):
        if not isinstance(node, ast.With):
            yield place.write("pass")
        if isinstance(node, ast.If) and node.orelse:
            yield place.replace("True", node.test)
    elif isinstance(node, ast.Assign) and all(_exists_before(place, target) for target in node.targets):
        yield place.write("pass")


def end_loop_otherwise(place: Place) -> Iterator[Edit]:
    """Exchange break and continue; run a loop forwards instead of backwards, or from 1."""
    node = place.node
    if isinstance(node, ast.Break):
        yield place.write("continue")
    elif isinstance(node, ast.Continue):
        yield place.write("break")
    elif isinstance(node, (ast.For, ast.comprehension)):
        if isinstance(node.iter, ast.Call) and isinstance(node.iter.func, ast.Name) and node.iter.args:
            name, argument = node.iter.func.id, node.iter.args[0]
            if name == "reversed":
                yield place.replace(place.text(argument), node.iter)
            if name == "enumerate" and len(node.iter.args) == 1 and not node.iter.keywords:
                yield place.write(f"enumerate({place.text(argument)}, 1)", node.iter)


def swap_arguments(place: Place) -> Iterator[Edit]:
    """Exchange two neighbouring arguments, or two neighbouring items of a returned tuple."""
    node = place.node
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        items = [] if name in COMMUTATIVE else node.args
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and isinstance(place.parent, ast.Return):
        items = node.elts
    else:
        return
    for left, right in itertools.pairwise(items):
        if not isinstance(left, ast.Starred) and not isinstance(right, ast.Starred):
            (start, middle), (after, end) = place.code.span(left), place.code.span(right)
            yield Edit(start, end, place.text(right) + place.code.text[middle:after] + place.text(left))


def drop_argument(place: Place) -> Iterator[Edit]:
    """Leave an argument that was passed by name out of a call."""
    if isinstance(place.node, ast.Call):
        for keyword in place.node.keywords:
            if keyword.arg is not None:
                yield place.without_argument(place.node, keyword)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_axis(place: Place) -> bool:
    """Whether this number is the axis of a call, for which there is an operator of its own."""
    return isinstance(place.parent, ast.keyword) and place.parent.arg in AXIS_NAMES


def _is_size(place: Place) -> bool:
    """Whether this number picks a side of a shape: `x.shape[0]`, `x.size(0)`."""
    above = place.parent
    owner = above.value if isinstance(above, ast.Subscript) else getattr(above, "func", None)
    return isinstance(owner, ast.Attribute) and owner.attr in ("shape", "size")


def _exists_before(place: Place, target: ast.expr) -> bool:
    """Whether what is assigned to exists without this assignment, so that leaving it out is no NameError."""
    if isinstance(target, (ast.Attribute, ast.Subscript)):
        return True
    if isinstance(target, (ast.Tuple, ast.List)):
        return all(_exists_before(place, item) for item in target.elts)
    function = place.code.function(place.node)
    if function is None or not isinstance(target, ast.Name):
        return False
    arguments = function.args
    known = {a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.lineno < place.node.lineno:
            known.add(node.id)
    return target.id in known


OPERATORS = {
    "arithmetic": swap_arithmetic,
    "operand dropped": drop_operand,
    "augmented assignment": swap_augmented,
    "sign dropped": drop_sign,
    "comparison": compare_otherwise,
    "condition": negate_condition,
    "constant": change_constant,
    "statement dropped": drop_statement,
    "loop": end_loop_otherwise,
    "arguments swapped": swap_arguments,
    "argument dropped": drop_argument,
}
