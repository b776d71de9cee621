"""Derivatives that owe nothing to the student: by autograd through the call, and by finite differences."""

from collections.abc import Callable

import torch
from torch import Tensor


def jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The Jacobian of `function` at `x` by autograd, of shape (*output shape, *x.shape)."""
    return torch.autograd.functional.jacobian(function, x)


def gradient(function: Callable[[Tensor], Tensor], x: Tensor, cotangent: Tensor | None = None) -> Tensor:
    """The gradient of ⟨cotangent, function(x)⟩ at `x` by autograd; zero where the output does not depend on `x`."""
    x = x.detach().clone().requires_grad_()
    y = function(x)
    if not y.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(y, x, cotangent, allow_unused=True, materialize_grads=True)[0]


def finite_difference_jacobian(function: Callable[[Tensor], Tensor], x: Tensor, step: float = 1e-6) -> Tensor:
    """The Jacobian by central differences, of shape (*output shape, *x.shape); its error is of order step²."""
    columns = []
    for i in range(x.numel()):
        shift = torch.zeros(x.numel(), dtype=x.dtype)
        shift[i] = step
        shift = shift.reshape(x.shape)
        columns.append((function(x + shift) - function(x - shift)) / (2 * step))
    output_shape = function(x).shape if not columns else columns[0].shape
    if not columns:
        return torch.zeros(*output_shape, *x.shape, dtype=x.dtype)
    return torch.stack(columns, dim=-1).reshape(*output_shape, *x.shape)
