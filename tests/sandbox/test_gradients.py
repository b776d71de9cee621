"""Autograd crosses the boundary: every gradient through the target is the one in process."""

import gc

import pytest
import torch
from student_functions import LOCAL, SOURCE

from autograder.sandbox import ChildDied
from autograder.sandbox.peer import Peer


@pytest.fixture(scope="module")
def remote(warm):
    with warm.spawn({"work.py": SOURCE.encode()}, "work.py") as child:
        yield child.target


@pytest.fixture(params=["in_process", "remote"])
def target(request):
    return LOCAL if request.param == "in_process" else request.getfixturevalue("remote")


def numbers(*shape):
    generator = torch.Generator().manual_seed(3)
    return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()


def test_gradient_and_repeated_backward(target):
    x = numbers(4)
    y = target.square(x)
    assert y.requires_grad and y.grad_fn is not None and y.shape == ()
    y.backward(retain_graph=True)
    torch.testing.assert_close(x.grad, 2 * x)
    y.backward()
    torch.testing.assert_close(x.grad, 4 * x)


def test_several_outputs_and_what_requires_grad(target):
    x, y = numbers(3), numbers(3)
    product, rest = target.two(x, y)
    assert product.requires_grad and rest["sum"][0].requires_grad and not rest["detached"].requires_grad
    gx, gy = torch.autograd.grad((product + 2 * rest["sum"][0]).sum(), [x, y])
    torch.testing.assert_close(gx, y + 2)
    torch.testing.assert_close(gy, x + 2)
    assert not target.square(x.detach()).requires_grad and not target.no_graph(x).requires_grad
    assert not target.integer(x).requires_grad
    with torch.no_grad():
        assert not target.square(x).requires_grad


def test_inputs_inside_containers(target):
    x, y = numbers(3), numbers(3)
    out = target.tree({"a": [x], "b": (1, y)})
    gx, gy = torch.autograd.grad(out.sum(), [x, y])
    torch.testing.assert_close((gx, gy), (y, x))


def test_inputs_that_are_themselves_computed(target):
    x = numbers(3)
    y = target.sine(x * 2, scale=3.0) + target.sine(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, 6 * torch.cos(2 * x) + torch.cos(x))
    nested = target.sine(target.sine(x))
    (gradient,) = torch.autograd.grad(nested.sum(), x)
    torch.testing.assert_close(gradient, torch.cos(torch.sin(x)) * torch.cos(x))


def test_an_argument_returned_is_the_argument(target):
    x = numbers(2)
    assert target.same(x) is x
    kept, doubled = target.keeps_argument(x)
    assert kept is x and torch.equal(doubled, 2 * x)
    first, second = target.twice(x)
    assert first is second


def test_unused_inputs_have_no_gradient(target):
    x, y = numbers(2), numbers(2)
    gx, gy = torch.autograd.grad(target.unused(x, y).sum(), [x, y], allow_unused=True)
    assert gy is None and gx.tolist() == [2, 2]


def test_jacobians_and_gradcheck(target):
    x = numbers(3)
    jacobian = torch.autograd.functional.jacobian(target.sine, x)
    torch.testing.assert_close(jacobian, torch.diag(torch.cos(x)))
    assert torch.autograd.gradcheck(target.cube, (x,))


def test_double_backward(target):
    x = numbers(3)
    (gradient,) = torch.autograd.grad(target.cube(x).sum(), x, create_graph=True)
    (penalty,) = torch.autograd.grad((gradient**2).sum(), x)
    torch.testing.assert_close(penalty, 36 * x**3)
    assert torch.autograd.gradgradcheck(target.sine, (x,))
    torch.testing.assert_close(torch.autograd.functional.hessian(target.square, x), 2 * torch.eye(3, dtype=x.dtype))


def test_third_derivative(target):
    x = numbers(2)
    value = target.sine(x).sum()
    for expected in (torch.cos(x), -torch.sin(x), -torch.cos(x)):
        (value,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        torch.testing.assert_close(value, expected)


def test_complex_gradients(target):
    z = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128, requires_grad=True)
    (gradient,) = torch.autograd.grad(target.sine(z).abs().sum(), z)
    (expected,) = torch.autograd.grad(torch.sin(z).abs().sum(), z)
    torch.testing.assert_close(gradient, expected)


def test_students_differentiate_through_the_laws_functions(target):
    x = numbers(3).detach()
    torch.testing.assert_close(target.jacobian(lambda v: v**2, x), torch.diag(2 * x))
    torch.testing.assert_close(target.gradient(lambda v: torch.sin(v).sum(), x), torch.cos(x))
    torch.testing.assert_close(target.hessian_diagonal(lambda v: v**3, x), 6 * x)
    torch.testing.assert_close(target.jacobian(torch.nn.Softplus(), x), torch.diag(torch.sigmoid(x)))
    final = target.train(lambda w: ((w - 1) ** 2).sum(), x, 3)
    torch.testing.assert_close(final, 1 + 0.8**3 * (x - 1))


def test_zeros_that_autograd_leaves_without_memory(target):
    x = numbers(3)
    first = torch.autograd.grad(target.size(x).square().sum(), x, create_graph=True)[0]
    second = torch.autograd.grad(first.abs().sum(), x, create_graph=True)[0]
    torch.testing.assert_close(second, 2 * torch.sign(x).detach())


def test_a_chain_of_callbacks_is_pulled_link_by_link(target, monkeypatch):
    pulls = []
    ask = Peer.ask
    monkeypatch.setattr(Peer, "ask", lambda self, what, *of: pulls.append(what) or ask(self, what, *of))
    x, w = numbers(3), numbers(3)
    y = target.euler(lambda v: target.sine(v) * w + v, x, 12)
    z = x
    for _ in range(12):
        z = z + 0.1 * (torch.sin(z) * w + z)
    for _ in range(2):
        pulls.clear()
        given = torch.autograd.grad(y.square().sum(), [x, w], create_graph=True)
        expected = torch.autograd.grad(z.square().sum(), [x, w], create_graph=True)
        torch.testing.assert_close(given, expected)
        assert pulls.count("pull") < 100
        y, z = sum(given), sum(expected)


def test_students_differentiate_at_an_intermediate_result_of_the_law(target):
    x, w = numbers(3), numbers(3)
    middle = x * w
    given = target.gradient_at(lambda v: v**2 * w, middle)
    torch.testing.assert_close(given, 2 * middle * w)
    torch.testing.assert_close(torch.autograd.grad(given.sum(), x)[0], 2 * w.detach() ** 2)


def test_what_a_callback_was_given_does_not_look_modified(target):
    x, w = numbers(3), numbers(3)
    y = target.euler(lambda v: torch.sin(v) * w + target.sine(v), x, 2)
    torch.autograd.grad(y.sum(), [x, w])


def test_a_laws_optimizer_trains_a_students_module(target):
    model, x = target.Model(), numbers(5, 3).detach()
    optimizer = torch.optim.Adam(list(model.parameters()), lr=0.1)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        losses.append((model(x) - 0.5).square().mean())
        losses[-1].backward()
        optimizer.step()
    own = LOCAL.Model()
    optimizer = torch.optim.Adam(own.parameters(), lr=0.1)
    for loss in losses:
        optimizer.zero_grad()
        expected = (own(x) - 0.5).square().mean()
        torch.testing.assert_close(loss, expected)
        expected.backward()
        optimizer.step()


def test_a_gradient_that_a_law_takes_away_is_gone(target):
    model, x = target.Model(), numbers(2, 3).detach()
    parameters = list(model.parameters())
    model(x).sum().backward()
    parameters[0].grad = None
    with torch.no_grad():
        parameters[1].grad.mul_(2.0)
    after = list(model.parameters())
    assert after[0].grad is None
    torch.testing.assert_close(after[1].grad, parameters[1].grad)
    with pytest.raises(TypeError, match="NoneType"):  # in the child too: it multiplies by the gradient
        model.step()


def test_a_leaf_on_the_memory_of_an_argument_is_a_tensor_of_its_own(target):
    w, x = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, -1.0])
    penalty = target.slope(lambda v: w * v**2, x)
    assert torch.autograd.grad(penalty, w)[0].tolist() == [72, 16]  # of Σ (2wx)²
    found = target.leaf(x)
    assert found.requires_grad and found.tolist() == [3, -1] and not x.requires_grad


def test_gradients_flow_through_callbacks_into_the_laws_parameters(target):
    rate = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    x = numbers(2)
    out = target.euler(lambda v: rate * v, x, 4)
    g_rate, g_x = torch.autograd.grad(out.sum(), [rate, x])
    growth = 1 + 0.1 * rate
    torch.testing.assert_close(g_x, (growth**4).expand(2))
    torch.testing.assert_close(g_rate, 4 * growth**3 * 0.1 * x.sum())
    scaled = 2 * rate
    out = target.euler(lambda v: scaled * v, x.detach(), 1)
    torch.testing.assert_close(torch.autograd.grad(out.sum(), rate)[0], 0.2 * x.detach().sum())


def test_a_callback_may_call_the_target(target):
    x = numbers(2)
    out = target.euler(lambda v: target.sine(v), x, 2)
    y = x
    for _ in range(2):
        y = y + 0.1 * torch.sin(y)
    torch.testing.assert_close(torch.autograd.grad(out.sum(), x), torch.autograd.grad(y.sum(), x))


def test_backward_in_student_code_reaches_the_argument(target):
    x = numbers(3)
    target.backward_here(x)
    torch.testing.assert_close(x.grad, 2 * x.detach())
    target.backward_here(x)
    torch.testing.assert_close(x.grad, 4 * x.detach())


def test_objects_keep_their_graph(target):
    x = numbers(2)
    holder = target.Holder(x)
    (gradient,) = torch.autograd.grad(holder.squared().sum(), x)
    torch.testing.assert_close(gradient, 2 * x)
    assert target.Holder(x).x is x


def test_parameters_of_a_students_module(target):
    model, x = target.Model(), numbers(5, 3).detach()
    parameters = list(model.parameters())
    assert [type(p) for p in parameters] == [torch.nn.Parameter] * 2 and parameters[0].shape == (2, 3)
    loss = (model(x) ** 2).sum()
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True)
    weight, bias = (p.detach().clone().requires_grad_() for p in parameters)
    expected = torch.autograd.grad((torch.tanh(x @ weight.T + bias) ** 2).sum(), [weight, bias])
    torch.testing.assert_close(gradients, expected)
    loss.backward()
    torch.testing.assert_close(parameters[0].grad, expected[0])
    assert model.layer.weight is parameters[0]
    model.step(rate=0.5)
    torch.testing.assert_close(model.layer.weight, weight - 0.5 * expected[0])
    assert model.layer.weight is parameters[0]


def test_backward_before_the_parameters_were_seen(target):
    model, x = target.Model(), numbers(5, 3).detach()
    (model(x) ** 2).sum().backward()
    before = model.layer.bias.detach().clone()
    gradient = model.layer.bias.grad.clone()
    assert gradient.abs().sum() > 0
    model.step()
    torch.testing.assert_close(model.layer.bias.detach(), before - 0.1 * gradient)


def test_an_error_in_backward_arrives(target):
    with pytest.raises(ZeroDivisionError):
        target.failing_backward(numbers(2)).sum().backward()


def test_batched_gradients_are_refused_clearly(remote):
    with pytest.raises(RuntimeError, match="do not cross the sandbox"):
        torch.autograd.functional.jacobian(remote.sine, numbers(3), vectorize=True)


def test_graphs_are_let_go(warm):
    with warm.spawn({"work.py": SOURCE.encode() + b"\nimport gc\ndef kept(): return len([o for o in gc.get_objects() "
                     b"if type(o).__name__ == 'Graphs'][0].kept)\n"}, "work.py") as child:  # fmt: skip
        x = numbers(3)
        for _ in range(20):
            child.target.square(x).backward()
        outputs = [child.target.square(x) for _ in range(5)]
        gc.collect()
        assert child.target.kept() == 5
        del outputs
        child.target.jacobian(lambda v: v**2, x.detach())
        child.seed(1)
        assert child.target.kept() == 0
        assert child.peer.graphs.kept == {} and child.peer.links.tensors == {}


def test_a_gradient_that_does_not_fit_ends_the_child(warm):
    lie = SOURCE + (
        "\nimport gc\nfrom autograder.sandbox.gradients import Graphs\n"
        "graphs = next(o for o in gc.get_objects() if isinstance(o, Graphs))\n"
        "peer = next(o for o in gc.get_objects() if type(o).__name__ == 'ChildPeer')\n"
        "peer.operations['pull'] = lambda *a: [torch.zeros(7)]\n"
    )
    with warm.spawn({"work.py": lie.encode()}, "work.py") as child:
        assert child.errors == []
        with pytest.raises(ChildDied, match="broke the sandbox's protocol"):
            child.target.square(numbers(3)).backward()


LIES = {
    "a leaf on the law's own argument": "(65, [7, held, None, False])",
    "its gradient": "(65, [7, torch.zeros(3), held, False])",
    "a leaf within a leaf": "(65, [7, torch.zeros(3, requires_grad=True), None, False])",
    "an object of number zero": "(64, [1, 0, 'x'])",
    "objects with one hash, to be compared with each other": "(64, [1, 5 + value * (2**61 - 1), 'x'])",
    "a tensor where a number belongs": "(65, [torch.zeros(3), held, None, False])",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_child_that_sends_what_no_child_sends_is_ended(warm, lie):
    lying = (
        "import gc\nimport torch\nheld = None\n"
        "peer = next(o for o in gc.get_objects() if type(o).__name__ == 'ChildPeer')\n"
        "class Odd:\n    def __init__(self, number): self.number = number\n"
        "def pack_object(odd):\n    if type(odd) is not Odd:\n        return type(peer).pack_object(peer, odd)\n"
        f"    value = odd.number\n    return {LIES[lie]}\n"
        "def lie(x):\n    global held\n    held = x\n    peer.pack_object = pack_object\n    return {Odd(0), Odd(1)}\n"
    )
    with warm.spawn({"work.py": lying.encode()}, "work.py") as child:
        assert child.errors == []
        mine = torch.zeros(3)
        with pytest.raises(ChildDied, match="broke the sandbox's protocol"):
            child.target.lie(mine)
        assert not mine.requires_grad and mine.grad is None
