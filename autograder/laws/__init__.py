"""What a law is written with, and what runs it.

A law is a pytest method with Hypothesis inputs in a class marked `@pytest.mark.exercise(name, points=…)`. It claims
something about `target`, the module under examination, for every input. In a property module one can

- compare: `assert_close`, `assert_equal`, `assert_shape`, `assert_finite`, `assert_true`, `raises`, `unchanged`;
- draw inputs: `reals`, `tensors`, `arrays`, `gaussians`, `simplices`, `seeds`, `shapes`;
- differentiate independently: `jacobian`, `finite_difference_jacobian`, `gradient`.

Whoever runs laws calls `collect`, `run_law` (or `run_law_side_by_side`) and `explain`.
"""

from autograder.laws.calculus import finite_difference_jacobian, gradient, jacobian
from autograder.laws.collect import Exercise, Law, collect, load_laws
from autograder.laws.compare import (
    LawViolation,
    assert_close,
    assert_equal,
    assert_finite,
    assert_shape,
    assert_true,
    raises,
    unchanged,
)
from autograder.laws.drawing import Input, draw_inputs, drew_nothing
from autograder.laws.inputs import arrays, gaussians, reals, seeds, shapes, simplices, tensors
from autograder.laws.messages import describe, explain
from autograder.laws.profile import load_profile
from autograder.laws.runner import Verdict, not_run, run_law
from autograder.laws.side_by_side import run_law_side_by_side
from autograder.laws.target import ModuleTarget

load_profile()

__all__ = [
    "Exercise",
    "Input",
    "Law",
    "LawViolation",
    "ModuleTarget",
    "Verdict",
    "arrays",
    "assert_close",
    "assert_equal",
    "assert_finite",
    "assert_shape",
    "assert_true",
    "collect",
    "describe",
    "draw_inputs",
    "drew_nothing",
    "explain",
    "finite_difference_jacobian",
    "gaussians",
    "gradient",
    "jacobian",
    "load_laws",
    "not_run",
    "raises",
    "reals",
    "run_law",
    "run_law_side_by_side",
    "seeds",
    "shapes",
    "simplices",
    "tensors",
    "unchanged",
]
