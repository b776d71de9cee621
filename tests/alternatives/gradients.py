"""Other right answers to the exercises of gradients."""

import math

import torch

from autograder.bank import alternative


@alternative("sigmoid", "with the library")
def sigmoid_of_torch(x):
    return torch.sigmoid(x)


@alternative("sigmoid", "through tanh")
def sigmoid_through_tanh(x):
    return 0.5 * (1 + torch.tanh(x / 2))


@alternative("sigmoid", "branching on the sign")
def sigmoid_by_cases(x):
    decay = torch.exp(-x.abs())
    return torch.where(x >= 0, 1 / (1 + decay), decay / (1 + decay))


@alternative("sigmoid", "with SciPy", requires="scipy")
def sigmoid_of_scipy(x):
    from scipy.special import expit

    return torch.as_tensor(expit(x.detach().numpy()), dtype=x.dtype)


@alternative("tanh", "with the library")
def tanh_of_torch(x):
    return x.tanh()


@alternative("tanh", "through the sigmoid")
def tanh_through_the_sigmoid(x):
    return 2 * torch.sigmoid(2 * x) - 1


@alternative("tanh", "through expm1")
def tanh_through_expm1(x):
    small = torch.expm1(-2 * x.abs())
    return -small / (small + 2) * x.sign()


@alternative("relu", "with clamp")
def relu_by_clamp(x):
    return x.clamp(min=0)


@alternative("relu", "with a mask")
def relu_by_mask(x):
    return x * (x > 0)


@alternative("relu", "half of x + |x|")
def relu_by_halves(x):
    return (x + x.abs()) / 2


@alternative("sigmoid_jacobian", "entry by entry")
def sigmoid_jacobian_by_loop(x):
    result = torch.zeros(len(x), len(x), dtype=x.dtype)
    for i in range(len(x)):
        y = 1 / (1 + torch.exp(-x[i]))
        result[i, i] = y * (1 - y)
    return result


@alternative("sigmoid_jacobian", "by autograd")
def sigmoid_jacobian_by_autograd(x):
    return torch.autograd.functional.jacobian(torch.sigmoid, x)


@alternative("sigmoid_jacobian", "identity times column")
def sigmoid_jacobian_by_identity(x):
    return torch.eye(x.numel(), dtype=x.dtype) * (torch.sigmoid(x) * torch.sigmoid(-x))[:, None]


@alternative("tanh_jacobian", "by autograd")
def tanh_jacobian_by_autograd(x):
    return torch.autograd.functional.jacobian(torch.tanh, x)


@alternative("tanh_jacobian", "through the hyperbolic cosine")
def tanh_jacobian_by_cosh(x):
    return torch.diag(1 / torch.cosh(x) ** 2)


@alternative("tanh_jacobian", "entry by entry")
def tanh_jacobian_by_loop(x):
    n = x.shape[0]
    result = x.new_zeros(n, n)
    for i in range(n):
        result[i, i] = 1 - math.tanh(x[i].item()) ** 2
    return result


@alternative("relu_jacobian", "with heaviside")
def relu_jacobian_by_heaviside(x):
    return torch.diag(torch.heaviside(x, torch.zeros((), dtype=x.dtype)))


@alternative("relu_jacobian", "by autograd")
def relu_jacobian_by_autograd(x):
    return torch.autograd.functional.jacobian(torch.relu, x)


@alternative("relu_jacobian", "assigning to a mask")
def relu_jacobian_by_assignment(x):
    result = torch.zeros(len(x), len(x), dtype=x.dtype)
    positive = torch.nonzero(x > 0).flatten()
    result[positive, positive] = 1
    return result


@alternative("abs_jacobian", "difference of two masks")
def abs_jacobian_by_masks(x):
    return torch.diag((x > 0).to(x.dtype) - (x < 0).to(x.dtype))


@alternative("abs_jacobian", "by autograd")
def abs_jacobian_by_autograd(x):
    return torch.autograd.functional.jacobian(torch.abs, x)


@alternative("abs_jacobian", "division made safe")
def abs_jacobian_by_safe_division(x):
    return torch.diag(torch.where(x == 0, x, x / torch.where(x == 0, torch.ones_like(x), x.abs())))


@alternative("affine_jacobian", "column by column")
def affine_jacobian_by_columns(A, x):
    if A.dim() != 2 or x.dim() != 1:
        raise ValueError("A must be a matrix and x a vector")
    if A.size(1) != x.size(0):
        raise ValueError("A and x do not fit")
    return torch.stack([A[:, j] for j in range(A.size(1))], dim=1)


@alternative("affine_jacobian", "by autograd")
def affine_jacobian_by_autograd(A, x):
    if A.dim() != 2 or x.dim() != 1 or A.size(1) != x.size(0):
        raise ValueError("shapes do not fit")
    return torch.autograd.functional.jacobian(lambda v: A @ v, x)


@alternative("affine_jacobian", "the images of the unit vectors")
def affine_jacobian_by_unit_vectors(A, x):
    try:
        torch.mv(A, x)
    except RuntimeError as error:
        raise ValueError(f"A and x cannot be multiplied: {error}") from error
    units = torch.eye(x.numel(), dtype=A.dtype)
    return torch.stack([torch.mv(A, unit) for unit in units], dim=1)


@alternative("hadamard_jacobians", "a list instead of a tuple")
def hadamard_jacobians_by_list(x, y):
    return [torch.diag(v) for v in (y, x)]


@alternative("hadamard_jacobians", "diag_embed")
def hadamard_jacobians_by_embedding(x, y):
    return torch.diag_embed(y), torch.diag_embed(x)


@alternative("hadamard_jacobians", "entry by entry")
def hadamard_jacobians_by_loop(x, y):
    n = len(x)
    in_x, in_y = x.new_zeros(n, n), y.new_zeros(n, n)
    for i in range(n):
        in_x[i, i] = y[i]
        in_y[i, i] = x[i]
    return in_x, in_y


@alternative("quotient_rule", "product rule with 1/g")
def quotient_rule_by_products(f, df, g, dg):
    inverse = 1 / g
    return df * inverse - f * dg * inverse * inverse


@alternative("quotient_rule", "two fractions")
def quotient_rule_by_fractions(f, df, g, dg):
    ratio = f / g
    return (df - ratio * dg) / g


@alternative("quotient_rule", "by forward-mode autograd")
def quotient_rule_by_forward_mode(f, df, g, dg):
    _, derivative = torch.func.jvp(torch.div, (f, g), (df, dg))
    return derivative


@alternative("compose_jacobians", "reverse mode")
def compose_jacobians_backwards(layers, x):
    inputs = []
    for function, _ in layers:
        inputs.append(x)
        x = function(x)
    product = torch.eye(len(x), dtype=x.dtype)
    for (_, jacobian), v in zip(reversed(layers), reversed(inputs)):
        product = product @ jacobian(v)
    return product


@alternative("compose_jacobians", "recursion")
def compose_jacobians_recursive(layers, x):
    if not layers:
        return torch.eye(x.numel(), dtype=x.dtype)
    function, jacobian = layers[0]
    first = jacobian(x)
    if len(layers) == 1:
        return first
    return compose_jacobians_recursive(layers[1:], function(x)) @ first


@alternative("compose_jacobians", "through autograd")
def compose_jacobians_by_autograd(layers, x):
    def composition(v):
        for function, _ in layers:
            v = function(v)
        return v * 1

    return torch.autograd.functional.jacobian(composition, x)


@alternative("numerical_jacobian", "rows of the identity")
def numerical_jacobian_by_identity(f, x, h=1e-5):
    steps = h * torch.eye(len(x), dtype=x.dtype)
    return torch.stack([(f(x + e) - f(x - e)) / (2 * h) for e in steps]).T


@alternative("numerical_jacobian", "filling a matrix")
def numerical_jacobian_by_filling(f, x, h=1e-5):
    result = torch.empty(f(x).numel(), x.numel(), dtype=x.dtype)
    for j in range(x.numel()):
        up, down = x.clone(), x.clone()
        up[j] += h
        down[j] -= h
        result[:, j] = (f(up) - f(down)) / (2 * h)
    return result


@alternative("numerical_jacobian", "one working copy, divided by the step really taken")
def numerical_jacobian_on_a_working_copy(f, x, h=1e-5):
    point = x.detach().clone()
    columns = []
    for j, middle in enumerate(x.tolist()):
        point[j] = middle + h
        above, up = point[j].item(), f(point)
        point[j] = middle - h
        below, down = point[j].item(), f(point)
        point[j] = middle
        columns.append((up - down) / (above - below))
    return torch.column_stack(columns)


@alternative("type_check_gradient", "list of sizes")
def type_check_gradient_by_lists(f, x, grad):
    if grad is None:
        return False
    return list(grad.shape) == [*f(x).shape, *x.shape] and grad.dtype is x.dtype


@alternative("type_check_gradient", "early exits")
def type_check_gradient_step_by_step(f, x, grad):
    if grad is None:
        return False
    output = f(x)
    if grad.dim() != output.dim() + x.dim():
        return False
    if tuple(grad.shape[: output.dim()]) != tuple(output.shape):
        return False
    if tuple(grad.shape[output.dim() :]) != tuple(x.shape):
        return False
    return grad.dtype == x.dtype


@alternative("type_check_gradient", "beside the derivative that autograd finds")
def type_check_gradient_beside_autograd(f, x, grad):
    if not torch.is_tensor(grad):
        return False
    model = torch.autograd.functional.jacobian(f, x)
    return (grad.shape, grad.dtype) == (model.shape, model.dtype)


@alternative("Value", "closures instead of local derivatives")
class ValueWithClosures:
    def __init__(self, data, children=()):
        self.data = data
        self.grad = 0.0
        self.children = children
        self.push = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, ValueWithClosures) else ValueWithClosures(other)
        out = ValueWithClosures(self.data + other.data, (self, other))

        def push():
            self.grad += out.grad
            other.grad += out.grad

        out.push = push
        return out

    def __mul__(self, other):
        other = other if isinstance(other, ValueWithClosures) else ValueWithClosures(other)
        out = ValueWithClosures(self.data * other.data, (self, other))

        def push():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out.push = push
        return out

    def _unary(self, value, derivative):
        out = ValueWithClosures(value, (self,))

        def push():
            self.grad += derivative * out.grad

        out.push = push
        return out

    def __pow__(self, k):
        return self._unary(self.data**k, k * self.data ** (k - 1))

    def exp(self):
        return self._unary(math.exp(self.data), math.exp(self.data))

    def tanh(self):
        return self._unary(math.tanh(self.data), 1 - math.tanh(self.data) ** 2)

    def relu(self):
        return self._unary(self.data if self.data > 0 else 0.0, float(self.data > 0))

    def backward(self):
        topo, visited = [], set()

        def build(v):
            if v not in visited:
                visited.add(v)
                for child in v.children:
                    build(child)
                topo.append(v)

        build(self)
        for v in topo:
            v.grad = 0.0
        self.grad = 1.0
        for v in reversed(topo):
            v.push()

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return (-self) + other

    def __truediv__(self, other):
        return self * other**-1

    def __rtruediv__(self, other):
        return self**-1 * other


@alternative("Value", "counting uses before passing on")
class ValueThatCounts(Value):
    def backward(self):
        uses, pending, known = {}, [self], {id(self): self}
        while pending:
            node = pending.pop()
            for child, _ in node.inputs:
                uses[id(child)] = uses.get(id(child), 0) + 1
                if id(child) not in known:
                    known[id(child)] = child
                    pending.append(child)
        for node in known.values():
            node.grad = 0.0
        self.grad = 1.0
        ready = [self]
        while ready:
            node = ready.pop()
            for child, local in node.inputs:
                child.grad += local * node.grad
                uses[id(child)] -= 1
                if uses[id(child)] == 0:
                    ready.append(child)


@alternative("Value", "the newest node first, from a priority queue")
class ValueWithQueue:
    made = 0

    def __init__(self, data, parents=(), derivatives=()):
        self.data = data
        self.grad = 0.0
        self.parents = parents
        self.derivatives = derivatives
        self.number = ValueWithQueue.made
        ValueWithQueue.made += 1

    @staticmethod
    def wrap(number):
        return number if isinstance(number, ValueWithQueue) else ValueWithQueue(number)

    def __add__(self, other):
        other = self.wrap(other)
        return ValueWithQueue(self.data + other.data, [self, other], [1.0, 1.0])

    def __sub__(self, other):
        other = self.wrap(other)
        return ValueWithQueue(self.data - other.data, [self, other], [1.0, -1.0])

    def __mul__(self, other):
        other = self.wrap(other)
        return ValueWithQueue(self.data * other.data, [self, other], [other.data, self.data])

    def __truediv__(self, other):
        other = self.wrap(other)
        ratio = self.data / other.data
        return ValueWithQueue(ratio, [self, other], [1 / other.data, -ratio / other.data])

    def __pow__(self, k):
        return ValueWithQueue(self.data**k, [self], [k * self.data ** (k - 1)])

    def __neg__(self):
        return ValueWithQueue(-self.data, [self], [-1.0])

    def __radd__(self, other):
        return self.wrap(other) + self

    def __rsub__(self, other):
        return self.wrap(other) - self

    def __rmul__(self, other):
        return self.wrap(other) * self

    def __rtruediv__(self, other):
        return self.wrap(other) / self

    def exp(self):
        return ValueWithQueue(math.exp(self.data), [self], [math.exp(self.data)])

    def tanh(self):
        return ValueWithQueue(math.tanh(self.data), [self], [1 - math.tanh(self.data) ** 2])

    def relu(self):
        return ValueWithQueue(self.data, [self], [1.0]) if self.data > 0 else ValueWithQueue(0.0, [self], [0.0])

    def backward(self):
        import heapq

        # A node is younger than everything it was made from: the youngest of those left has received all it will.
        gradients, queue = {self.number: 1.0}, [(-self.number, self)]
        while queue:
            _, node = heapq.heappop(queue)
            node.grad = gradients[node.number]
            for parent, derivative in zip(node.parents, node.derivatives):
                if parent.number not in gradients:
                    gradients[parent.number] = 0.0
                    heapq.heappush(queue, (-parent.number, parent))
                gradients[parent.number] += derivative * node.grad
