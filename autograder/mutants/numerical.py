"""Operators for numerical code: axes, shapes, dtypes, gradients, randomness, time indices, signs, changed inputs.

These are the slips that students of this course make and that general mutation tools do not: a sum over the wrong
axis, a missing `detach`, a result in single precision, an index one step early. An operator is a function from a
`Place` to the edits that it can make there.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator

import numpy as np
import torch

from autograder.mutants.general import AXIS_NAMES
from autograder.mutants.text import Edit, Place

TWINS = (
    ("max", "min"), ("amax", "amin"), ("maximum", "minimum"), ("argmax", "argmin"), ("sum", "mean"), ("exp", "expm1"),
    ("log", "log1p"), ("sin", "cos"), ("relu", "abs"), ("floor", "ceil"), ("zeros", "ones"), ("any", "all"),
    ("zeros_like", "ones_like"), ("tanh", "sigmoid"), ("std", "var"), ("cumsum", "cumprod"), ("tril", "triu"),
    ("softmax", "log_softmax"), ("rand", "randn"), ("rand_like", "randn_like"), ("cosh", "sinh"),
    ("hstack", "vstack"),
)  # fmt: skip
SWAPS = {first: second for first, second in TWINS} | {second: first for first, second in TWINS} | {
    "logsigmoid": "sigmoid", "softplus": "exp", "square": "abs", "sqrt": "square", "logsumexp": "sum", "prod": "sum",
}  # fmt: skip
MODULES = ("torch", "np", "numpy", "math", "F", "functional", "special", "linalg")
LIBRARIES = {"math": math, "np": np, "torch": torch, "torch.nn.functional": torch.nn.functional}
BUILTINS = ("max", "min", "any", "all")
# Functions that may be forgotten: what is left is their first argument.
WRAPPERS = {
    "exp", "log", "abs", "sqrt", "square", "tanh", "sigmoid", "relu", "softplus", "clone", "copy", "detach", "sign",
    "contiguous", "log_softmax", "softmax", "logsigmoid", "clamp", "norm", "inverse", "inv", "cumsum", "sort", "flip",
    "float", "double", "to", "squeeze", "unsqueeze", "transpose", "t", "swapaxes", "permute", "flatten", "diag",
    "mean", "sum", "expand_as", "requires_grad_", "nan_to_num", "reversed", "sorted", "log1p", "expm1", "triu", "tril",
    "log_", "roll", "astype",
}  # fmt: skip
WITH_AXIS = {  # the place of the axis among the arguments of the method; of the function it is one later
    "sum": 0, "mean": 0, "max": 0, "min": 0, "prod": 0, "amax": 0, "amin": 0, "argmax": 0, "argmin": 0, "std": 0,
    "var": 0, "softmax": 0, "log_softmax": 0, "logsumexp": 0, "cumsum": 0, "cumprod": 0, "unsqueeze": 0, "squeeze": 0,
    "stack": 0, "cat": 0, "concatenate": 0, "all": 0, "any": 0, "flip": 0, "norm": 1, "gather": 0, "index_select": 0,
    "chunk": 1, "split": 1, "repeat_interleave": 1, "flatten": 0, "expand_dims": 0, "diff": 1,
}  # fmt: skip
REDUCTIONS = {"sum", "mean", "max", "min", "prod", "amax", "amin", "argmax", "argmin", "std", "var", "all", "any"}
# The neighbour that is wrong whatever the rank: for a matrix 1 and -1 are the same axis, for a vector 0 and -1 are.
OTHER_AXES = {0: (1,), 1: (0,), 2: (1,), -1: (-2,), -2: (-1,)}
DTYPES = {"float64": "float32", "float32": "float64", "double": "float", "int64": "int32"}
IN_PLACE = {"exp", "log", "abs", "clamp", "relu", "sigmoid", "tanh", "sqrt", "square", "add", "mul", "sub", "div"}
NO_GRADIENT = ("no_grad", "inference_mode")
RANDOM_NAMES = {"seed", "generator", "rng"}


def swap_function(place: Place) -> Iterator[Edit]:
    """Exchange a function with its twin: max with min, sum with mean, exp with expm1, zeros with ones."""
    node = place.node
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Attribute) and node.func.attr in SWAPS:
        twin = SWAPS[node.func.attr]
        owner = LIBRARIES.get(place.text(node.func.value))
        if owner is None or hasattr(owner, twin):
            yield _renamed(place, node.func, twin)
    elif isinstance(node.func, ast.Name) and node.func.id in BUILTINS:
        yield place.write(SWAPS[node.func.id], node.func)
    for keyword in node.keywords:
        other = {"min": "max", "max": "min"}.get(keyword.arg)
        if other and isinstance(node.func, ast.Attribute) and node.func.attr in ("clamp", "clip"):
            yield place.write(f"{other}={place.text(keyword.value)}", keyword)


def forget_function(place: Place) -> Iterator[Edit]:
    """Leave out a function of one tensor, such as exp, clone, detach, unsqueeze or a reduction."""
    node = place.node
    if not isinstance(node, ast.Call):
        return
    name, subject = _called(node)
    if name in WRAPPERS and subject is not None:
        yield place.replace(place.text(subject))


def wrong_axis(place: Place) -> Iterator[Edit]:
    """Reduce, join or index along another axis, or over everything instead of per sample."""
    node = place.node
    if not isinstance(node, ast.Call):
        return
    name, subject = _called(node)
    named = [keyword.value for keyword in node.keywords if keyword.arg in AXIS_NAMES]
    for axis in named:
        yield from _other_axes(place, axis)
    if name in WITH_AXIS and isinstance(node.func, ast.Attribute) and not named:
        position = WITH_AXIS[name] + (node.func.value is not subject)
        if position < len(node.args):
            yield from _other_axes(place, node.args[position])
            if name in REDUCTIONS and not node.keywords and position == len(node.args) - 1:
                yield place.without_argument(node, node.args[position])


def wrong_layout(place: Place) -> Iterator[Edit]:
    """Leave a transpose out or put one in, broadcast along the other axis, return the transpose."""
    node = place.node
    if isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        yield place.replace(place.text(node.value))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        for operand in (node.left, node.right):
            if not (isinstance(operand, ast.Attribute) and operand.attr in ("T", "mT")):
                yield place.write(f"{place.bracketed(operand)}.mT", operand)
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
        first, second = node.slice.elts
        if any(isinstance(item, ast.Constant) and item.value is None for item in (first, second)):
            yield place.write(f"{place.text(second)}, {place.text(first)}", node.slice)
    elif isinstance(node, ast.Call) and _called(node)[0] == "einsum" and isinstance(node.args[0], ast.Constant):
        yield from _einsum_transposed(place, node.args[0])
    elif isinstance(node, ast.Return) and _dimensions(place) == 2 and _is_tensor(place) and not _diagonal(node):
        yield place.write(f"{place.bracketed(node.value)}.mT", node.value)


def lost_gradient_rule(place: Place) -> Iterator[Edit]:
    """Track gradients where the reference does not: `no_grad` left out."""
    node = place.node
    if isinstance(node, ast.With):
        for item in node.items:
            if isinstance(item.context_expr, ast.Call) and _called(item.context_expr)[0] in NO_GRADIENT:
                yield place.write("torch.enable_grad()", item.context_expr)


def wrong_dtype(place: Place) -> Iterator[Edit]:
    """Lose precision: a dtype replaced, or the result computed in single precision."""
    node = place.node
    if isinstance(node, ast.Attribute) and node.attr in DTYPES and isinstance(node.value, ast.Name):
        yield _renamed(place, node, DTYPES[node.attr])
    elif isinstance(node, ast.Return) and node.value is not None and _is_tensor(place):
        cast = "astype(np.float32)" if _is_array(place) else "float()"
        yield place.write(f"{place.bracketed(node.value)}.{cast}", node.value)


def wrong_time(place: Place) -> Iterator[Edit]:
    """Index one step early or late, begin or end a range or slice one step off."""
    node = place.node
    if isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part in parts:
            if isinstance(part, ast.Name):
                yield place.write(f"{part.id} - 1", part)
                yield place.write(f"{part.id} + 1", part)
            elif isinstance(part, ast.Slice):
                yield from _other_bounds(place, part)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        stop = node.args[0] if len(node.args) == 1 else node.args[1]
        yield place.write(f"{place.bracketed(stop)} - 1", stop)
        yield place.write(f"{place.bracketed(stop)} + 1", stop)
        if len(node.args) == 1:
            yield place.write(f"1, {place.text(stop)}", stop)
        else:
            yield place.write(f"{place.bracketed(node.args[0])} + 1", node.args[0])


def wrong_sign(place: Place) -> Iterator[Edit]:
    """Return or pass on the opposite: a minus before a result, or in an exponential."""
    node = place.node
    if isinstance(node, ast.Return) and node.value is not None:
        values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        for value in values:
            if isinstance(value, (ast.Name, ast.BinOp, ast.Call, ast.Attribute, ast.Subscript)) and _numeric(place):
                yield place.write(f"-{place.bracketed(value)}", value)
    elif isinstance(node, ast.Call) and _called(node)[0] == "exp" and not node.keywords:
        subject = _called(node)[1]
        if subject is not None and not isinstance(subject, ast.UnaryOp):
            yield place.write(f"(-{place.bracketed(subject)})", subject)


def changed_input(place: Place) -> Iterator[Edit]:
    """Change an argument of the caller: x = x + y in place, `exp_` for `exp`, the result written into the input."""
    node = place.node
    function = place.code.function(node)
    arguments = {} if function is None else {a.arg: a.annotation for a in function.args.args if a.arg != "self"}
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        name, value = node.targets[0].id, node.value
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}.get(type(getattr(value, "op", None)))
        if sign and isinstance(value, ast.BinOp) and isinstance(value.left, ast.Name) and value.left.id == name:
            yield place.write(f"{name} {sign}= {place.text(value.right)}")
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in IN_PLACE:
        if isinstance(node.func.value, ast.Name) and node.func.value.id in arguments:
            yield _renamed(place, node.func, f"{node.func.attr}_")
    elif isinstance(node, ast.Return) and node.value is not None and _is_tensor(place) and not _is_array(place):
        for name, annotation in arguments.items():
            if annotation is not None and ast.dump(annotation) == ast.dump(function.returns):
                yield place.write(f"{name}.copy_({place.text(node.value)})", node.value)
                break


def chance(place: Place) -> Iterator[Edit]:
    """Freeze randomness: a constant where the seed or generator was passed."""
    node = place.node
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in RANDOM_NAMES:
        if not isinstance(place.parent, ast.Attribute):
            frozen = "0" if node.id == "seed" else "torch.Generator().manual_seed(0)"
            yield place.write(frozen)
            yield place.write("None")


def _renamed(place: Place, attribute: ast.Attribute, name: str) -> Edit:
    end = place.code.span(attribute)[1]
    return Edit(end - len(attribute.attr), end, name)


def _called(call: ast.Call) -> tuple[str, ast.expr | None]:
    """The name of what is called, and the tensor it is called on: of a method its object, else the first argument."""
    function = call.func
    first = call.args[0] if call.args and not isinstance(call.args[0], ast.Starred) else None
    if isinstance(function, ast.Name):
        return function.id, first
    if not isinstance(function, ast.Attribute):
        return "", None
    owner = function.value
    name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
    return function.attr, first if name in MODULES else owner


def _diagonal(node: ast.Return) -> bool:
    """Whether a diagonal matrix is returned, which is its own transpose."""
    return isinstance(node.value, ast.Call) and _called(node.value)[0] in ("diag", "diagflat", "eye")


def _number(node: ast.AST) -> int | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None
    return value if type(value) is int else None


def _other_axes(place: Place, axis: ast.expr) -> Iterator[Edit]:
    if isinstance(axis, ast.Tuple):
        for item in axis.elts:
            rest = [place.text(other) for other in axis.elts if other is not item]
            yield place.write(f"({', '.join(rest)},)", axis)
    for other in OTHER_AXES.get(_number(axis), ()):
        yield place.write(str(other), axis)


def _other_bounds(place: Place, part: ast.Slice) -> Iterator[Edit]:
    for bound in (part.lower, part.upper):
        if bound is None:
            continue
        yield place.write("", bound)
        if _number(bound) is None:
            yield place.write(f"{place.bracketed(bound)} - 1", bound)
            yield place.write(f"{place.bracketed(bound)} + 1", bound)


def _einsum_transposed(place: Place, formula: ast.Constant) -> Iterator[Edit]:
    inputs, arrow, output = str(formula.value).partition("->")
    letters = re.sub(r"[^a-zA-Z]", "", output)
    if arrow and len(letters) >= 2:
        swapped = output.replace(letters[-2:], letters[:-3:-1]) if letters[-2:] in output else output
        yield place.write(repr(f"{inputs}->{swapped}"), formula)


def _annotation(place: Place) -> str:
    function = place.code.function(place.node)
    return place.text(function.returns) if function is not None and function.returns is not None else ""


def _is_tensor(place: Place) -> bool:
    """Whether the function around is said to return one tensor or array of floats."""
    return bool(re.match(r"(Tensor|np\.ndarray|Float\[)", _annotation(place)))


def _is_array(place: Place) -> bool:
    return "ndarray" in _annotation(place)


def _numeric(place: Place) -> bool:
    """Whether the function around may return numbers: what is not said to be something else."""
    return not re.match(r"(bool|str|list\[str|dict|None)", _annotation(place))


def _dimensions(place: Place) -> int:
    found = re.search(r'"([^"]*)"', _annotation(place))
    return len(found[1].split()) if found else 0


OPERATORS = {
    "twin function": swap_function,
    "function dropped": forget_function,
    "axis": wrong_axis,
    "layout": wrong_layout,
    "gradient": lost_gradient_rule,
    "dtype": wrong_dtype,
    "time": wrong_time,
    "sign": wrong_sign,
    "changed input": changed_input,
    "chance": chance,
}
