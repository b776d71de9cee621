"""Values, counterexamples and verdicts in words: short, without memory addresses, bounded in length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from autograder.laws.runner import Verdict

LONGEST_VALUE = 400  # characters of one value
MOST_ELEMENTS = 48  # a larger tensor is summed up by its shape and range


def describe(value) -> str:
    """`value` as a student would write it; large tensors by shape, dtype and range."""
    if isinstance(value, torch.Tensor):
        text = _array(value.detach().numpy(), "tensor")
    elif isinstance(value, np.ndarray):
        text = _array(value, "array")
    elif isinstance(value, (list, tuple)):
        inner = ", ".join(describe(item) for item in value)
        text = f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{describe(k)}: {describe(v)}" for k, v in value.items()) + "}"
    elif isinstance(value, np.generic):
        text = f"{value.dtype}({value.item()!r})"
    elif isinstance(value, (bool, int, float, complex, str, bytes, type(None))):
        text = repr(value)
    elif callable(value):
        # A law gives its functions a text of their own where the name would not tell which function it is.
        text = getattr(value, "description", None) or getattr(value, "__name__", type(value).__name__)
    else:
        text = f"an object of class {type(value).__name__}"
    return shorten(text, LONGEST_VALUE)


def shorten(text: str, longest: int) -> str:
    """`text`, or its beginning and an ellipsis if it is longer than `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _array(values: np.ndarray, kind: str) -> str:
    dtype = f", {values.dtype}" if values.dtype not in (np.float64, np.int64, np.bool_) else ""
    if values.size == 0:
        return f"{kind} of shape {values.shape} with no elements{dtype}"
    if values.size <= MOST_ELEMENTS:
        body = np.array2string(values, separator=", ", precision=6, floatmode="maxprec", threshold=MOST_ELEMENTS)
        return f"{kind}({' '.join(body.split())}{dtype})"
    note = f"{kind} of shape {tuple(values.shape)}, {values.dtype}"
    if values.dtype.kind in "iuf":
        note += f", values from {values.min():.4g} to {values.max():.4g}"
    return note


def explain(verdict: Verdict, *, inputs: bool = True) -> str:
    """What a student reads about a law that did not pass: the law, the smallest counterexample, what came back.

    With `inputs=False`, as for hidden laws, only the law's sentence and the kind of failure.
    """
    if verdict.status == "passed":
        return f"Holds: {verdict.sentence}"
    if verdict.status == "not started":
        return f"Not started: {verdict.problem}"
    lines = [f"Law: {verdict.sentence}"]
    if verdict.diagnosis:
        lines.append(f"This looks like a known mistake: {verdict.diagnosis}")
    if not inputs:
        lines.append(f"A hidden law: it fails with {verdict.symptom}; its inputs are not shown.")
        return "\n".join(lines)
    if verdict.counterexample:
        lines.append("Smallest counterexample:")
        lines += [f"  {name} = {text}" for name, text in verdict.counterexample]
    if verdict.call:
        lines.append(f"Your code was called as  {verdict.call}")
    lines.append(verdict.problem)
    if verdict.where:
        lines.append(f"In your code: {verdict.where}")
    return "\n".join(lines)
