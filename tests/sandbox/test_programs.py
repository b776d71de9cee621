"""Random programs of student functions, callbacks and derivatives: the same in process and remote.

60 by default, SANDBOX_PROGRAMS=5000 for a night's worth. A program calls up to four functions of `student_functions`,
with callbacks that call others, and differentiates what they return up to three times; its outcome is every value,
every gradient, and the error that ended it.
"""

import os
import random

import pytest
import torch
from student_functions import LOCAL, SOURCE

PROGRAMS = int(os.environ.get("SANDBOX_PROGRAMS", "60"))
PARTS = 4
SIMPLE = (
    "square sine same cube twice keeps_argument relu size in_place views conjugate checkpointed half_detached".split()
)


@pytest.fixture
def child(warm):
    with warm.spawn({"work.py": SOURCE.encode()}, "work.py") as process:
        assert process.errors == []
        yield process


def tensors_in(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in tensors_in(item)]
    return [value] if isinstance(value, torch.Tensor) else []


class Program:
    """One program; the seed says what it does, the target whose functions it calls."""

    def __init__(self, target, seed):
        self.target, self.choose = target, random.Random(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.shape = self.choose.choice([(2,), (2, 2)])
        self.x, self.w = self.numbers().requires_grad_(), self.numbers().requires_grad_()
        self.w.requires_grad_(self.choose.random() < 0.8)
        self.gate = target.Gate()
        self.leaves = [self.x, self.w]
        self.values = [self.x, self.w, self.x * self.w, self.w + 1]
        self.outcome, self.text = [], []

    def numbers(self):
        return torch.randn(self.shape, dtype=torch.float64, generator=self.generator)

    def run(self):
        """The outcome: tensors, and the text of the error if there was one."""
        try:
            for _ in range(self.choose.randrange(1, 5)):
                found = tensors_in(self.step())
                self.note(found)
                self.values += [t for t in found if t.shape == self.x.shape and t.dtype == self.x.dtype][:3]
                self.differentiate(sum((t.abs().sum() for t in found), torch.zeros((), dtype=torch.float64)))
        except Exception as error:
            self.text.append(f"error {str(error)[:60]}")
        return self.outcome

    def note(self, found):
        self.outcome += [tensor.detach().clone() for tensor in found]
        self.outcome.append(torch.tensor([tensor.requires_grad for tensor in found]))

    def callback(self):
        target, x, w, gate, constant = self.target, self.x, self.w, self.gate, self.numbers()
        return self.choose.choice([
            lambda v: v,
            lambda v: v * w,
            lambda v: v**2,
            lambda v: torch.sin(v) * w + x,
            lambda v: v.abs() * constant,
            lambda v: torch.relu(v) + v.detach(),
            lambda v: gate(v) + v,
            lambda v: target.sine(v) * v,
            lambda v: torch.sin(v) * w + target.sine(v) * v,
            lambda v: target.compose(lambda u: u * w, lambda u: u + v, v),
        ])  # fmt: skip

    def step(self):
        """Call one function of the target."""
        target, one, other = self.target, self.choose.choice(self.values), self.choose.choice(self.values)
        steps = {
            "two": lambda: target.two(one, other),
            "unused": lambda: target.unused(one, other),
            "both_orders": lambda: target.both_orders(lambda a, b: a * b + self.w, one, other),
            "euler": lambda: target.euler(self.callback(), one, self.choose.randrange(1, 4)),
            "compose": lambda: target.compose(self.callback(), self.callback(), one),
            "unrolled": lambda: target.unrolled(self.callback(), one),
            "jacobian": lambda: target.jacobian(self.callback(), one.detach()),
            "gradient_at": lambda: target.gradient_at(self.callback(), one),
            "hessian_diagonal": lambda: target.hessian_diagonal(self.callback(), one),
            "slope": lambda: target.slope(self.callback(), one),
            "hessian": lambda: torch.autograd.functional.hessian(lambda v: target.square(target.sine(v)), one.detach()),
            "gate": lambda: self.gate(one),
            "loss": lambda: self.gate.loss(one),
            "holder": lambda: self.hold(one),
            "leaf": lambda: self.make_leaf(one),
            "parameters": self.add_parameters,
            "descend": lambda: self.descend(one),
            **{name: lambda name=name: getattr(target, name)(one) for name in SIMPLE},
        }
        name = self.choose.choice(sorted(steps))
        self.text.append(name)
        return steps[name]()

    def hold(self, one):
        holder = self.target.Holder(one)
        return [holder.squared(), holder.x]

    def make_leaf(self, one):
        self.leaves.append(self.target.leaf(one))
        return self.leaves[-1] * 3

    def add_parameters(self):
        parameters = list(self.gate.parameters())
        self.leaves += [p for p in parameters if not any(p is leaf for leaf in self.leaves)]
        return parameters[-1] * 2

    def descend(self, one):
        parameters = list(self.gate.parameters())
        gradients = torch.autograd.grad(self.gate.loss(one), parameters, create_graph=self.choose.random() < 0.5)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients):
                parameter.sub_(0.1 * gradient)
        return self.gate.loss(one)

    def differentiate(self, value):
        """Gradients, gradients of their size, and so on."""
        for _ in range(self.choose.randrange(4)):
            if not value.requires_grad:
                return
            if self.choose.random() < 0.15:
                value.backward(retain_graph=True)
                self.note([leaf.grad for leaf in self.leaves if leaf.grad is not None])
                for leaf in self.leaves:
                    leaf.grad = None
            found = torch.autograd.grad(
                value, [leaf for leaf in self.leaves if leaf.requires_grad],
                create_graph=self.choose.random() < 0.8, allow_unused=True, retain_graph=True,
            )  # fmt: skip
            self.text.append("differentiated")
            self.outcome.append(torch.tensor([gradient is None for gradient in found]))
            found = [gradient for gradient in found if gradient is not None]
            self.note(found)
            value = sum((0.5 * g**2 + g.abs()).sum() for g in found if g.requires_grad) + torch.zeros(())


@pytest.mark.parametrize("part", range(PARTS))
def test_a_program_comes_out_the_same(child, part):
    errors = 0
    for seed in range(part, PROGRAMS, PARTS):
        child.seed(seed)
        here, there = Program(LOCAL, seed), Program(child.target, seed)
        expected, given = here.run(), there.run()
        assert child.alive, (seed, there.text, child.output)
        failed = [program.text[-1].startswith("error") for program in (here, there)]
        if "ZeroTensors are immutable" in here.text[-1]:
            continue  # torch leaves zeros without memory; what crosses has some
        assert failed[0] == failed[1], (seed, here.text, there.text)
        assert len(given) == len(expected), (seed, here.text)
        for one, other in zip(given, expected):
            torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10, equal_nan=True, msg=lambda m: f"{seed}: {m}")
        errors += failed[0]
    assert errors < 0.2 * PROGRAMS / PARTS, "most programs should run to their end"
