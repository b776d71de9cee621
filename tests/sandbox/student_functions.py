"""A submission for the tests of gradients, and a module with the same in process."""

import types

SOURCE = '''
import torch
from torch.utils.checkpoint import checkpoint

def square(x): return (x ** 2).sum()
def sine(x, scale=1.0): return torch.sin(x) * scale
def two(x, y): return x * y, {"sum": [x + y], "detached": x.detach(), "text": "a"}
def tree(t): return t["a"][0] * t["b"][1]
def same(x): return x
def unused(x, y): return x * 2
def integer(x): return x.argmax()
def keeps_argument(x): return [x, x * 2]
def twice(x):
    y = x * 3
    return y, y
def relu(x): return torch.relu(x)
def size(x): return x.abs()
def in_place(x):
    y = x * 2
    y += x
    y[0] = 3.0
    return y
def views(x): return x.reshape(-1)[::2].sum() + x, x.t() if x.ndim == 2 else x.flip(0)
def conjugate(x): return torch.complex(x, x * 2).conj()
def checkpointed(x): return checkpoint(lambda v: torch.sin(v) ** 2, x, use_reentrant=False)
def half_detached(x): return x.detach() * x
def jacobian(f, x): return torch.autograd.functional.jacobian(f, x)
def gradient(f, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(f(x), x)[0]
def gradient_at(f, x): return torch.autograd.grad(f(x).sum(), x, create_graph=True)[0]
def hessian_diagonal(f, x):
    x = x.detach().requires_grad_()
    g, = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    return torch.autograd.grad(g.sum(), x)[0]
def slope(f, x):
    x = x.detach().requires_grad_()
    return torch.autograd.grad(f(x).sum(), x, create_graph=True)[0].square().sum()
def leaf(x): return x.detach().requires_grad_()
def backward_here(x): square(x).backward()
def euler(f, x, steps):
    for _ in range(steps):
        x = x + 0.1 * f(x)
    return x
def compose(f, g, x): return f(g(x)) * x
def both_orders(f, x, y): return f(x, y) + f(y, x)
def unrolled(f, x):
    states = [x]
    for _ in range(3):
        states.append(torch.tanh(f(states[-1])) + states[0])
    return torch.stack(states), states
def train(f, w, steps):
    w = w.detach().clone().requires_grad_()
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        f(w).backward()
        optimizer.step()
    return w.detach()
def no_graph(x):
    with torch.no_grad():
        return x * 2
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3
    @staticmethod
    def backward(ctx, g):
        return g * 3 * ctx.saved_tensors[0] ** 2
def cube(x): return Cube.apply(x)
def failing_backward(x):
    y = x * 2
    y.register_hook(lambda g: 1 / 0)
    return y
class Holder:
    def __init__(self, x): self.x = x
    def squared(self): return self.x ** 2
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(3, 2).double()
    def forward(self, x): return torch.tanh(self.layer(x))
    def step(self, rate=0.1):
        with torch.no_grad():
            for p in self.parameters():
                p -= rate * p.grad
class Gate(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.layer = torch.nn.Linear(2, 2).double()
        self.scale = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    def forward(self, x): return torch.nn.functional.gelu(self.layer(x)) * self.scale
    def loss(self, x): return self(x).abs().sum() + self.scale.pow(3).sum()
'''

LOCAL = types.ModuleType("local")
exec(SOURCE, LOCAL.__dict__)
