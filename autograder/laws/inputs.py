"""Strategies for the inputs of laws: numbers that read well, tensors, arrays, noise, probabilities."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

Shape = int | Sequence[int] | st.SearchStrategy


@lru_cache(256)  # Hypothesis validates every new strategy: one that is drawn again must not be made again
def reals(low: float = -3.0, high: float = 3.0) -> st.SearchStrategy[float]:
    """Real numbers with at most four decimals: they print well, and no tolerance is lost to 1e-300."""
    return st.floats(low, high, allow_nan=False).map(lambda value: round(value, 4) + 0.0)


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 4) -> st.SearchStrategy:
    """Shapes as tuples of whole numbers."""
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


def tensors(shape: Shape = None, low: float = -3.0, high: float = 3.0, dtype=torch.float64) -> st.SearchStrategy:
    """Tensors of `reals`; `shape` is a number, a tuple or a strategy, by default a vector of one to five entries."""

    @lru_cache(256)
    def of_shape(size):
        count = int(np.prod(size))
        elements = st.lists(reals(low, high), min_size=count, max_size=count)
        return elements.map(lambda values: torch.tensor(values, dtype=dtype).reshape(size))

    return _sizes(shape).flatmap(of_shape)


def arrays(shape: Shape = None, low: float = -3.0, high: float = 3.0, dtype=np.float64) -> st.SearchStrategy:
    """NumPy arrays of `reals`, with `shape` as for `tensors`."""
    return tensors(shape, low, high).map(lambda values: values.numpy().astype(dtype))


def seeds() -> st.SearchStrategy[int]:
    """Seeds for a random generator."""
    return st.integers(0, 2**31 - 1)


def gaussians(shape: Shape = None, scale: float = 1.0, dtype=torch.float64) -> st.SearchStrategy[Tensor]:
    """Tensors of independent normal numbers with standard deviation `scale`: generic, cheap, and not shrinkable."""

    def draw(pair):
        size, seed = pair
        return scale * torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=dtype)

    return st.tuples(_sizes(shape), seeds()).map(draw)


def simplices(size: int | st.SearchStrategy = None, low: float = 0.01, dtype=torch.float64) -> st.SearchStrategy:
    """Probability vectors; before normalisation every entry is at least `low`."""
    return tensors(size, low, 1.0, dtype=dtype).map(lambda weights: weights / weights.sum())


def _sizes(shape: Shape) -> st.SearchStrategy:
    if shape is None:
        shape = st.integers(1, 5)
    if not isinstance(shape, st.SearchStrategy):
        shape = st.just(shape)
    return shape.map(lambda size: (size,) if isinstance(size, int) else tuple(size))
