"""Autograd across the boundary.

A tensor that requires grad has one *owner*, the side it was made on, and a key there: positive in the judge, negative
in the child. What arrives on the other side is a leaf linked to that key. When a reply holds tensors with a graph
behind them, the replier keeps the graph under a number, lists the leaves it reaches, and the receiver puts one
`Crossing` node in its own graph: inputs its counterparts of those leaves, outputs the tensors received. The node's
backward asks the replier to pull cotangents back through the kept graph. That question is itself an ordinary,
differentiable call, so backward may be repeated, and differentiated again.

An intermediate result that comes back in a question of the other side's is a leaf for the answer, by a `Return` node:
otherwise the answer's graph would hold its whole history, and a chain of callbacks would be pulled through over and
over, twice as often with each link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch.utils.weak import TensorWeakRef, WeakTensorKeyDictionary

from .plain import WireError, tensor_fields

MAX_GRAPHS = 100_000


class Return(torch.autograd.Function):
    """An intermediate result as it comes back from the other side. While an answer's graph is pulled it is cut here."""

    @staticmethod
    def forward(ctx, tensor: torch.Tensor):
        ctx.cut, ctx.returned = 0, None
        return tensor.detach()

    @staticmethod
    def backward(ctx, gradient: torch.Tensor):
        return None if ctx.cut else gradient


RETURN = Return._backward_cls


def returned(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor on the same memory, a leaf in the eyes of `leaves_of` as long as it lives."""
    with torch.enable_grad():
        again = Return.apply(tensor)
    again.grad_fn.returned = TensorWeakRef(again)
    return again


def has_come_back(tensor: torch.Tensor) -> bool:
    """Whether a tensor is one of `returned`, and has not been modified in place since."""
    return isinstance(tensor.grad_fn, RETURN)


@contextmanager
def cut(leaves: list[torch.Tensor]) -> Iterator[None]:
    """Within this context nothing is pulled beyond what was returned."""
    nodes = [leaf.grad_fn for leaf in leaves if has_come_back(leaf)]
    for node in nodes:
        node.cut += 1
    try:
        yield
    finally:
        for node in nodes:
            node.cut -= 1


def leaves_of(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """The leaves that require grad and that the tensors' graphs reach, each once."""
    stack = [tensor.grad_fn for tensor in tensors]
    seen, leaves = set(), []
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if type(node).__name__ == "AccumulateGrad":
            leaves.append(node.variable)
        elif isinstance(node, RETURN) and (leaf := node.returned()) is not None and leaf.grad_fn is node:
            leaves.append(leaf)
        else:
            stack.extend(parent for parent, _ in node.next_functions)
    return leaves


class Links:
    """Tensors that exist on both sides, by key. `sign` is +1 in the judge and -1 in the child."""

    def __init__(self, sign: int) -> None:
        self.sign, self.count = sign, 0
        self.keys = WeakTensorKeyDictionary()  # identity, so that a deep copy of a tensor is another tensor
        self.tensors: dict[int, torch.Tensor] = {}
        self.replicas: dict[int, TensorWeakRef] = {}
        self.passing: list[int] = []
        self.told: set[int] = set()
        self.states: dict[int, tuple] = {}  # of the child's tensors, as both sides know them

    def forget(self) -> None:
        """Start afresh: nothing from before can be asked for again."""
        self.keys = WeakTensorKeyDictionary()
        self.tensors.clear()
        self.replicas.clear()
        self.passing.clear()
        self.told.clear()
        self.states.clear()

    def forget_passing(self) -> None:
        """Let go of intermediate results that were arguments of callbacks."""
        for key in self.passing:
            self.tensors.pop(key, None)
        self.passing.clear()

    @contextmanager
    def standing_for(self, tensors: list[torch.Tensor]) -> Iterator[None]:
        """Within this context the keys of our own intermediate results mean these tensors."""
        before = []
        for tensor in tensors:
            key = self.keys.get(tensor, 0)
            if key * self.sign > 0 and not tensor.is_leaf:
                before.append((key, self.tensors.get(key)))
                self.tensors[key] = tensor
        try:
            yield
        finally:
            for key, tensor in reversed(before):
                if tensor is None:
                    self.tensors.pop(key, None)
                else:
                    self.tensors[key] = tensor

    def comes_back(self, tensor: torch.Tensor) -> torch.Tensor:
        """What stands for a tensor in a question of the other side's: another, if it is our intermediate result."""
        key = self.keys.get(tensor, 0)
        if key * self.sign < 0 or tensor.is_leaf:
            return tensor
        again = returned(tensor)
        self.keys[again] = key
        return again

    def key(self, tensor: torch.Tensor) -> int:
        """The tensor's key; a new one, owned here, if it has none."""
        key = self.keys.get(tensor)
        if key is None:
            self.count += 1
            key = self.sign * self.count
            self.keys[tensor] = key
            self.tensors[key] = tensor
            if not tensor.is_leaf:
                self.passing.append(key)
        return key

    def fields(self, tensor: torch.Tensor, as_leaf_of_graph: bool = False) -> list:
        """What is sent for a linked tensor: key, data, gradient so far, whether it is an nn.Parameter."""
        key = self.key(tensor)
        remembered = key * self.sign < 0 or (self.sign < 0 and key in self.told)
        if as_leaf_of_graph and remembered:  # the judge remembers all, the child only what it owns
            return [key, None, None, False]
        self.told.add(key)
        gradient = tensor.grad if tensor.is_leaf else None
        plain_gradient = None if gradient is None else gradient.detach()
        return [key, tensor.data, plain_gradient, isinstance(tensor, torch.nn.Parameter)]

    def receive(self, fields: list, on_gradient: Callable[[int, torch.Tensor], None] | None) -> torch.Tensor:
        """The counterpart of a linked tensor; raises WireError.

        `on_gradient`, in the judge, tells the child of gradients accumulated in one of its leaves.
        """
        key, tensor, gradient, is_parameter = check_fields(fields)
        known = self.tensors.get(key)
        if known is None and (tensor is None or key * self.sign > 0):
            raise WireError("a tensor that is not known here (kept from an earlier law?)")
        if tensor is None:
            return known
        if known is not None and self.sign > 0:
            refresh(known, tensor, gradient)
            if key < 0:
                self.states[key] = state(known)
            return known
        if known is None and key in self.replicas:
            known = self.replicas[key]()
        if known is not None and same_data(known, tensor):
            return known
        leaf = torch.nn.Parameter(tensor) if is_parameter else tensor.requires_grad_()
        set_gradient(leaf, gradient)
        self.keys[leaf] = key
        if on_gradient is not None:
            self.tensors[key] = leaf
            self.states[key] = state(leaf)
            leaf.register_post_accumulate_grad_hook(lambda changed: self.tell_gradient(key, changed, on_gradient))
        else:
            self.replicas[key] = TensorWeakRef(leaf)
        return leaf

    def tell_gradient(self, key: int, leaf: torch.Tensor, on_gradient: Callable[[int, torch.Tensor], None]) -> None:
        """Tell the child of a gradient that was accumulated."""
        self.states[key] = state(leaf)
        on_gradient(key, leaf.grad)

    def modified(self) -> list[tuple[int, torch.Tensor, torch.Tensor | None]]:
        """Key, data and gradient of the child's tensors of which a law has changed either, as an optimizer does."""
        found = []
        for key, (version, gradient, gradient_version) in self.states.items():
            leaf = self.tensors[key]
            now, now_gradient, now_version = state(leaf)
            if now != version or now_gradient is not gradient or now_version != gradient_version:
                self.states[key] = now, now_gradient, now_version
                found.append((key, leaf.data, None if now_gradient is None else now_gradient.detach()))
        return found

    def modify(self, modified: list[tuple[int, torch.Tensor, torch.Tensor | None]]) -> None:
        """Do the same to the child's own."""
        for key, data, gradient in modified:
            if key in self.tensors:  # else let go of meanwhile
                refresh(self.tensors[key], data, gradient)


def state(leaf: torch.Tensor) -> tuple[int, torch.Tensor | None, int]:
    """What tells whether a leaf or its gradient has been changed."""
    gradient = leaf.grad
    return leaf._version, gradient, 0 if gradient is None else gradient._version


def check_fields(fields: list) -> tuple[int, torch.Tensor | None, torch.Tensor | None, bool]:
    """Key, data, gradient and whether it is an nn.Parameter; raises WireError."""
    if len(fields) != 4:
        raise WireError("a linked tensor has four fields")
    key, data, gradient, is_parameter = fields
    if type(key) is not int or key == 0 or type(is_parameter) is not bool:
        raise WireError("malformed linked tensor")
    if not all(part is None or (type(part) is torch.Tensor and not part.requires_grad) for part in (data, gradient)):
        raise WireError("malformed data of a linked tensor")
    if data is not None and not (data.is_floating_point() or data.is_complex()):
        raise WireError("only floating point and complex tensors require grad")
    return key, data, gradient, is_parameter


def has_form(value: Any, shape: torch.Size, dtype: torch.dtype) -> bool:
    """Whether a value is a tensor of that shape and type."""
    return isinstance(value, torch.Tensor) and value.shape == shape and value.dtype == dtype


def same_data(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors hold the same bytes."""
    if tensor.shape != other.shape or tensor.dtype != other.dtype:
        return False
    return tensor_fields(tensor.detach()) == tensor_fields(other.detach())


def refresh(leaf: torch.Tensor, data: torch.Tensor, gradient: torch.Tensor | None) -> None:
    """Bring a counterpart up to date, so that one tensor of the child stays one tensor in the judge."""
    if data.shape != leaf.shape or data.dtype != leaf.dtype:
        raise WireError("a tensor changed its shape or type")
    if not same_data(leaf, data):
        with torch.no_grad():
            leaf.copy_(data)
    if leaf.is_leaf:
        set_gradient(leaf, gradient)


def set_gradient(leaf: torch.Tensor, gradient: torch.Tensor | None) -> None:
    """Set `leaf.grad`; raises WireError if it does not fit."""
    if gradient is not None and (gradient.shape != leaf.shape or gradient.dtype != leaf.dtype):
        raise WireError("a gradient of another shape or type than its tensor")
    leaf.grad = gradient


class Graphs:
    """Graphs kept for the other side: number → (outputs, leaves)."""

    def __init__(self) -> None:
        self.count = 0
        self.kept: dict[int, tuple[list[torch.Tensor], list[torch.Tensor]]] = {}

    def keep(self, outputs: list[torch.Tensor]) -> tuple[int, list[torch.Tensor]]:
        """Keep the graph behind some outputs; its number and its leaves."""
        if len(self.kept) >= MAX_GRAPHS:
            raise WireError(f"more than {MAX_GRAPHS} graphs kept")
        self.count += 1
        leaves = leaves_of(outputs)
        self.kept[self.count] = (outputs, leaves)
        return self.count, leaves

    def pull(self, number: int, create_graph: bool, wanted: list[bool], cotangents: list) -> list:
        """Vector-Jacobian products with respect to the wanted leaves, None for the others; raises WireError."""
        if number not in self.kept or type(wanted) is not list or type(cotangents) is not list:
            raise WireError("a graph that is not kept here")
        outputs, leaves = self.kept[number]
        if len(wanted) != len(leaves) or len(cotangents) != len(outputs):
            raise WireError("a graph with another number of inputs or outputs")
        for output, cotangent in zip(outputs, cotangents):
            if cotangent is not None and not has_form(cotangent, output.shape, output.dtype):
                raise WireError("a cotangent of another shape or type than its output")
        pairs = [(output, given) for output, given in zip(outputs, cotangents) if given is not None]
        targets = [leaf for leaf, want in zip(leaves, wanted) if want]
        if not pairs or not targets:
            return [None] * len(leaves)
        with cut(leaves):
            found = iter(
                torch.autograd.grad(
                    [output for output, _ in pairs], targets, [given for _, given in pairs],
                    retain_graph=True, create_graph=bool(create_graph), allow_unused=True,
                )
            )  # fmt: skip
        return [next(found) if want else None for want in wanted]


class Asker(Protocol):
    """What a kept graph needs of its peer."""

    links: Links
    dropped_graphs: list[int]

    def ask(self, operation: str, *arguments: Any) -> Any: ...

    def violated(self, error: WireError) -> BaseException: ...


class KeptThere:
    """A graph the other side keeps for us; it is told to let go when this object dies.

    `leaves` are ours, and live as long: the graph of a gradient may reach them again.
    """

    def __init__(self, number: int, peer: Asker) -> None:
        self.number, self.peer = number, peer
        self.leaves: list[torch.Tensor] = []

    def __del__(self) -> None:
        self.peer.dropped_graphs.append(self.number)

    def pull(self, wanted: list[bool], cotangents: list) -> list:
        """Ask for vector-Jacobian products."""
        if not any(wanted) or all(given is None for given in cotangents):
            return [None] * len(wanted)
        with self.peer.links.standing_for(self.leaves):
            found = self.peer.ask("pull", self.number, torch.is_grad_enabled(), wanted, cotangents)
        if type(found) is not list or len(found) != len(wanted):
            raise self.peer.violated(WireError("malformed gradients"))
        for gradient, want, leaf in zip(found, wanted, self.leaves):
            if gradient is not None and not (want and has_form(gradient, leaf.shape, leaf.dtype)):
                raise self.peer.violated(WireError("a gradient of another shape or type than its tensor"))
        return found


class Crossing(torch.autograd.Function):
    """The node that stands for a graph kept on the other side."""

    @staticmethod
    def forward(ctx, kept: KeptThere, outputs: list[torch.Tensor], *leaves: torch.Tensor):
        ctx.set_materialize_grads(False)
        ctx.kept = kept
        return tuple(outputs)

    @staticmethod
    def backward(ctx, *cotangents: torch.Tensor | None):
        wanted = list(ctx.needs_input_grad[2:])
        if any(given is not None and is_batched(given) for given in cotangents):
            raise RuntimeError("batched gradients (vectorize=True, vmap) do not cross the sandbox; use the plain loop")
        return (None, None, *ctx.kept.pull(wanted, list(cotangents)))


def is_batched(tensor: torch.Tensor) -> bool:
    """Whether a tensor stands for many, inside vmap."""
    functorch = torch._C._functorch
    return functorch.is_functorch_wrapped_tensor(tensor) or functorch.is_legacy_batchedtensor(tensor)


def cross(kept: KeptThere, outputs: list[torch.Tensor], leaves: list[torch.Tensor]) -> list[torch.Tensor]:
    """The outputs, as functions of the leaves; raises WireError."""
    for tensor in [*outputs, *leaves]:
        if not isinstance(tensor, torch.Tensor) or not (tensor.is_floating_point() or tensor.is_complex()):
            raise WireError("only floating point and complex tensors have gradients")
    kept.leaves = leaves
    with torch.enable_grad():
        return list(Crossing.apply(kept, outputs, *leaves))
