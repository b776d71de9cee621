"""Comparisons that are strict about type, dtype, shape and NaN, and say what was expected and what came back."""

from contextlib import contextmanager
from numbers import Number

import numpy as np
import torch

from autograder.laws.messages import describe


class LawViolation(AssertionError):
    """A law does not hold of the target; the message is for the student."""

    def __init__(self, message: str):
        super().__init__(message[:1].upper() + message[1:])


def assert_true(condition: bool, message: str) -> None:
    """Fail with `message` unless `condition` is exactly true (NumPy's and torch's truth values count)."""
    if isinstance(condition, (np.bool_, torch.Tensor)):
        condition = condition.item()
    if condition is not True:
        raise LawViolation(message)


def assert_close(actual, expected, *, rtol: float | None = None, atol: float | None = None, what="the result"):
    """Fail unless `actual` equals `expected` up to |difference| <= atol + rtol·|expected|.

    Tensors and arrays must agree in kind, dtype and shape; a number may also be a zero-dimensional tensor or array;
    lists and tuples are compared element by element, dictionaries key by key. NaN equals nothing, infinities equal
    themselves. Default tolerances are 1e-9 for double precision and 1e-5 for single precision.
    """
    if _compare_container(actual, expected, what, lambda a, e, w: assert_close(a, e, rtol=rtol, atol=atol, what=w)):
        return
    given, wanted = actual, expected
    actual, expected = _as_arrays(actual, expected, what)
    default = 1e-5 if expected.dtype in (np.float32, np.complex64) else 1e-9
    rtol = default if rtol is None else rtol
    atol = default if atol is None else atol
    with np.errstate(all="ignore"):
        difference = np.abs(actual - expected)
        near = np.isfinite(expected) & (difference <= atol + rtol * np.abs(expected))
        good = near | (actual == expected)
    if good.all():
        return
    if np.isnan(actual).any() and not np.isnan(expected).any():
        headline = f"{what} contains NaN (not a number)."
    else:
        headline = f"{what} has the wrong value."
    index = tuple(int(i) for i in np.argwhere(~good)[0])
    note = ""
    if expected.ndim and expected.size > 1:
        note = f"\n  first difference at index {list(index)}: expected {expected[index]:.6g}, got {actual[index]:.6g}"
    raise LawViolation(f"{headline}\n  expected  {describe(wanted)}\n  got       {describe(given)}{note}")


def assert_equal(actual, expected, what="the result") -> None:
    """Fail unless `actual` is `expected` exactly; for truth values, whole numbers, strings, tensors and arrays."""
    if _compare_container(actual, expected, what, assert_equal):
        return
    if expected is None or isinstance(expected, (str, bytes)):
        if type(actual) is not type(expected) or actual != expected:
            raise LawViolation(_unequal(what, expected, actual))
        return
    if isinstance(expected, bool):
        if not isinstance(actual, (bool, np.bool_)):
            raise LawViolation(f"{what} should be True or False, not {describe(actual)}.")
    elif isinstance(expected, int) and not _is_whole(actual):
        raise LawViolation(f"{what} should be a whole number, not {describe(actual)}.")
    left, right = _as_arrays(actual, expected, what)
    if not (left == right).all():
        raise LawViolation(_unequal(what, expected, actual))


def assert_shape(actual, shape: tuple[int, ...], dtype: torch.dtype | np.dtype | None = None, what="the result"):
    """Fail unless `actual` is a tensor or array of this shape and, where given, this dtype."""
    if not isinstance(actual, (torch.Tensor, np.ndarray)):
        raise LawViolation(f"{what} should be of shape {tuple(shape)}; it is {describe(actual)}.")
    if tuple(actual.shape) != tuple(shape):
        raise LawViolation(f"{what} has shape {tuple(actual.shape)}; it should be {tuple(shape)}.")
    if dtype is not None and actual.dtype != dtype:
        raise LawViolation(f"{what} has dtype {_dtype(actual)}; it should be {str(dtype).removeprefix('torch.')}.")


def assert_finite(actual, what="the result") -> None:
    """Fail if a number, tensor or array holds NaN or an infinity."""
    values = actual.detach().numpy() if isinstance(actual, torch.Tensor) else np.asarray(actual)
    if values.dtype.kind not in "biufc":
        raise LawViolation(f"{what} should be numeric; it is {describe(actual)}.")
    if not np.isfinite(values).all():
        raise LawViolation(f"{what} is not finite: {describe(actual)}.")


@contextmanager
def raises(kind: type[Exception], because: str):
    """Fail unless the block raises `kind`; `because` completes the sentence "should raise ValueError …".

    NotImplementedError passes through, so that an unwritten exercise counts as not started.
    """
    try:
        yield
    except kind:
        return
    except NotImplementedError:
        raise
    except Exception as error:
        message = f"The call should raise {kind.__name__} {because}; it raised {type(error).__name__}: {error}"
        raise LawViolation(message) from error
    raise LawViolation(f"The call should raise {kind.__name__} {because}; it raised nothing.")


@contextmanager
def unchanged(*inputs):
    """Fail if the block changes one of these tensors or arrays in place."""
    before = [value.detach().clone() if isinstance(value, torch.Tensor) else value.copy() for value in inputs]
    yield
    for old, new in zip(before, inputs):
        same = torch.equal if isinstance(old, torch.Tensor) else np.array_equal
        if not same(old, new.detach() if isinstance(new, torch.Tensor) else new):
            raise LawViolation(
                f"The call changed its input in place.\n  before  {describe(old)}\n  after   {describe(new)}"
            )


def _compare_container(actual, expected, what, compare) -> bool:
    """Compare lists, tuples and dictionaries part by part; False if `expected` is none of them."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict) or set(actual) != set(expected):
            raise LawViolation(_unequal(f"{what} has the wrong keys:", sorted(expected, key=str), actual))
        for key in expected:
            compare(actual[key], expected[key], f"{what}[{key!r}]")
        return True
    if isinstance(expected, (list, tuple)):
        if not isinstance(actual, (list, tuple)):
            raise LawViolation(f"{what} should be a sequence of {len(expected)} parts; it is {describe(actual)}.")
        if len(actual) != len(expected):
            raise LawViolation(f"{what} has {len(actual)} parts; it should have {len(expected)}.")
        for index, (a, e) in enumerate(zip(actual, expected)):
            compare(a, e, f"part {index} of {what}")
        return True
    return False


def _as_arrays(actual, expected, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Both as NumPy arrays, after checking that kind, dtype and shape agree."""
    if isinstance(expected, (torch.Tensor, np.ndarray)):
        kind = torch.Tensor if isinstance(expected, torch.Tensor) else np.ndarray
        name = "a tensor" if kind is torch.Tensor else "a NumPy array"
        if not isinstance(actual, kind):
            if not (expected.ndim == 0 and _is_number(actual)):
                raise LawViolation(f"{what} should be {name}; it is {describe(actual)}.")
            return _numpy(actual), _numpy(expected)
        assert_shape(actual, tuple(expected.shape), expected.dtype, what)
        return _numpy(actual), _numpy(expected)
    if not _is_number(actual):
        raise LawViolation(f"{what} should be a number; it is {describe(actual)}.")
    actual = _numpy(actual).reshape(())
    expected = np.asarray(expected)
    if expected.dtype.kind in "iu" and actual.dtype.kind == "f":
        expected = expected.astype(float)
    return actual, expected


def _is_number(value) -> bool:
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return value.ndim == 0
    return isinstance(value, (Number, np.number, np.bool_))


def _is_whole(value) -> bool:
    if isinstance(value, torch.Tensor):
        return value.ndim == 0 and not value.is_floating_point() and not value.is_complex()
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "iu"
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _numpy(value) -> np.ndarray:
    return value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def _dtype(value) -> str:
    return str(value.dtype).removeprefix("torch.")


def _unequal(what: str, expected, actual) -> str:
    return f"{what} is not what it should be.\n  expected  {describe(expected)}\n  got       {describe(actual)}"
