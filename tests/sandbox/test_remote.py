"""The target in the sandbox behaves as the module would in process."""

import copy
import gc
import math
import random

import numpy as np
import pytest
import torch

from autograder.sandbox import RemoteObject, SandboxError, StudentError, WireError

SOURCE = """
import builtins, collections, contextlib, random
import numpy as np
import torch

CONSTANT = {"rate": 0.5, "sizes": (1, 2)}
_private = [1]

def identity(x): return x
def views(x): return [x, x.detach() if torch.is_tensor(x) else x[:], x[:1], x + 0]
def fill_and_return(x): x.fill_(7); return x
def keep_the_last(xs): last = xs[-1]; xs.clear(); return {"last": last}, torch.full((3,), 5.0)
def conjugate(z): return z.conj()
def kinds(*values, **named): return [type(v).__name__ for v in values], {k: type(v).__name__ for k, v in named.items()}
def default(x, scale=2.0, *, shift=0.0): return x * scale + shift
def raises(name): raise getattr(builtins, name)("the message")
def draws(): return random.random(), float(np.random.rand()), float(torch.rand(()))

class Odd(ValueError):
    pass
def raises_odd(): raise Odd("odd")
def todo():
    raise NotImplementedError("TODO")

class Value:
    count = 0
    def __init__(self, data): self.data, self.children = data, ()
    def _wrap(self, other): return other if isinstance(other, Value) else Value(other)
    def __add__(self, other): return Value(self.data + self._wrap(other).data)
    def __radd__(self, other): return self + other
    def __sub__(self, other): return Value(self.data - self._wrap(other).data)
    def __rsub__(self, other): return Value(other - self.data)
    def __mul__(self, other): return Value(self.data * self._wrap(other).data)
    __rmul__ = __mul__
    def __truediv__(self, other): return Value(self.data / self._wrap(other).data)
    def __rtruediv__(self, other): return Value(other / self.data)
    def __pow__(self, power): return Value(self.data ** power)
    def __rpow__(self, base): return Value(base ** self.data)
    def __neg__(self): return Value(-self.data)
    def __abs__(self): return Value(abs(self.data))
    def __matmul__(self, other): return "matmul"
    def __iadd__(self, other): self.data += self._wrap(other).data; return self
    def __eq__(self, other): return self.data == self._wrap(other).data
    def __lt__(self, other): return self.data < self._wrap(other).data
    def __bool__(self): return bool(self.data)
    def __float__(self): return float(self.data)
    def __int__(self): return int(self.data)
    def __str__(self): return f"Value of {self.data}"
    def grow(self, by=1): self.data += by; return self

class Bag:
    def __init__(self, *items): self.items = list(items)
    def __len__(self): return len(self.items)
    def __getitem__(self, index): return self.items[index]
    def __setitem__(self, index, item): self.items[index] = item
    def __delitem__(self, index): del self.items[index]
    def __iter__(self): return iter(self.items)
    def __contains__(self, item): return item in self.items
    def __call__(self, x, times=1): return x * len(self.items) * times

@contextlib.contextmanager
def opened(log):
    log.items.append("in")
    try:
        yield log
    except RuntimeError:
        log.items.append("failed")
    log.items.append("out")

def sum_of(values): return sum(v.data for v in values)
def nested(tree): return tree["a"][0].data + tree["b"].data
def adder(n): return lambda x: x + n
def squares():
    for n in (1, 2, 3):
        yield n * n
def apply(f, *arguments, **named): return f(*arguments, **named)
def apply_or(f, kind):
    try: return f()
    except ValueError as error: return f"{kind}: {error}"
def compose(f, g): return lambda x: f(g(x))
def fill(a): a[...] = 7
def fill_and_raise(a): a[...] = 7; raise ValueError("after")
def extend(xs): xs.append("new"); xs[0][0] = "changed"
def rename(d): d.pop("a"); d["b"]["c"] = 1
def replaces(d): d["w"] = d["w"] + 1
def pair(): return collections.namedtuple("Pair", "a b")(1, torch.ones(2))
def ordered(): return collections.OrderedDict(a=1)
def counts(): found = collections.defaultdict(list); found["w"].append(torch.ones(2)); return found
def matrix(): return np.matrix([[1.0, 2.0]])
def largest(x): return torch.max(x, dim=0)
def states(x): return [collections.namedtuple("State", "h c")(2 * x, x)], x.sum()
class Point(collections.namedtuple("Fields", "x y")):
    def norm(self): return (self.x**2 + self.y**2) ** 0.5
    def moved(self): return self._replace(x=self.x + 1)
def state(): return torch.nn.Linear(2, 1).state_dict()
def grad_mode(): return torch.is_grad_enabled()
def dtype(): return torch.ones(1).dtype
"""


@pytest.fixture(scope="module")
def child(warm):
    with warm.spawn({"work.py": SOURCE.encode()}, "work.py") as one:
        assert one.errors == []
        yield one


@pytest.fixture(scope="module")
def target(child):
    return child.target


def test_plain_data_and_keyword_arguments(target):
    assert target.default(3.0) == 6.0
    assert target.default(3.0, scale=10.0, shift=1.0) == 31.0
    values = [None, True, 1, 1.0, "a", b"a", [1], (1,), {1: 2}, np.ones(1), np.float32(1), torch.ones(1), {1}]
    told, named = target.kinds(*values, last=np.arange(3))
    assert told == [type(value).__name__ for value in values] and named == {"last": "ndarray"}


@pytest.mark.parametrize(
    "value",
    [0, True, -0.0, "ü", b"\0", [(1, [2.0])], {"a": {1: None}}, 1 << 200, slice(1, 2), {1, 2}, 1j],
    ids=repr,
)
def test_values_return_as_themselves(target, value):
    back = target.identity(value)
    assert type(back) is type(value) and repr(back) == repr(value)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32, torch.complex128, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [(), (0, 2), (3, 2)], ids=str)
def test_tensors_return_as_themselves(target, dtype, shape):
    tensor = torch.ones(shape, dtype=dtype).T if len(shape) == 2 else torch.ones(shape, dtype=dtype)
    back = target.identity(tensor)
    assert back.dtype == dtype and back.shape == tensor.shape and torch.equal(back, tensor) and not back.requires_grad


def test_constants_and_missing_names(target):
    assert target.CONSTANT == {"rate": 0.5, "sizes": (1, 2)} and target._private == [1]
    assert hasattr(target, "identity") and not hasattr(target, "nothing")
    with pytest.raises(AttributeError, match="work does not define 'nothing'"):
        _ = target.nothing


def test_objects_have_attributes_and_methods(target):
    value = target.Value(3.0)
    assert value.data == 3.0 and value.children == () and value.count == 0
    value.data = 5.0
    assert value.grow(by=2) is value and value.data == 7.0
    value.label = [1, 2]
    assert value.label == [1, 2]
    del value.label
    assert not hasattr(value, "label")
    with pytest.raises(AttributeError):
        _ = value.nothing


def test_operators_in_both_orders(target):
    two, three = target.Value(2.0), target.Value(3.0)
    results = {
        two + three: 5, two + 1: 3, 1 + two: 3, two - 1: 1, 1 - two: -1, two * 3.5: 7, 3.5 * two: 7, two / 4: 0.5,
        4 / two: 2, two**3: 8, 3**two: 9, -two: -2, abs(-two): 2, -(two + three) * 2: -10,
    }  # fmt: skip
    for result, expected in results.items():
        assert isinstance(result, RemoteObject) and result.data == expected
    assert two @ three == "matmul"
    assert two == 2.0 and two != three and two < three and three > two and not target.Value(0.0)
    assert float(three) == 3.0 and int(three) == 3 and str(three) == "Value of 3.0" and f"{three}" == "Value of 3.0"
    alias = two
    two += 5
    assert two is alias and alias.data == 7.0
    with pytest.raises(TypeError):
        _ = two // 2


def test_arrays_and_tensors_beside_objects(target):
    value = target.Value(2.0)
    assert torch.equal((torch.ones(2) * value).data, torch.full((2,), 2.0))
    assert [item.data for item in np.ones(2) * value] == [2.0, 2.0]  # an array of objects, as in process


def test_containers(target):
    bag = target.Bag(1, "b", None)
    assert len(bag) == 3 and bag[1] == "b" and bag[0:2] == [1, "b"] and list(bag) == [1, "b", None]
    bag[0] = 9
    del bag[2]
    assert bag.items == [9, "b"] and 9 in bag and 1 not in bag and bag(3, times=2) == 12
    with pytest.raises(IndexError):
        _ = bag[10]
    assert copy.deepcopy(bag).items == [9, "b"]


def test_context_managers(target):
    log = target.Bag()
    with target.opened(log) as entered:
        assert entered is log and log.items == ["in"]
    assert log.items == ["in", "out"]
    with target.opened(log):
        raise ZeroDivisionError
    assert log.items[2:] == ["in", "failed", "out"]


def test_objects_go_back_as_arguments(target):
    values = [target.Value(float(n)) for n in range(4)]
    assert target.sum_of(values) == 6.0
    assert target.nested({"a": (values[1], 0), "b": values[3]}) == 4.0
    assert target.identity(values[2]) is values[2]


def test_generators_and_closures(target):
    assert list(target.squares()) == [1, 4, 9]
    iterator = iter(target.squares())
    assert next(iterator) == 1 and next(iterator) == 4
    assert next(target.squares()) == 1
    assert target.adder(3)(4) == 7
    assert target.compose(target.adder(1), target.adder(10))(0) == 11
    assert target.compose(lambda x: 2 * x, target.adder(10))(1) == 22


def test_callables_are_called_back(target):
    seen = []
    assert target.apply(lambda *a, **k: seen.append((a, k)) or len(a), 1, [2], c=3) == 2
    assert seen == [((1, [2]), {"c": 3})]
    assert target.apply(math.sqrt, 9.0) == 3.0
    assert torch.equal(target.apply(torch.nn.Identity(), torch.ones(2)), torch.ones(2))

    def function(x):
        return x

    assert target.identity(function) is function
    assert target.apply(lambda: target.apply(lambda: target.default(1.0))) == 2.0


def test_exceptions_of_callbacks_pass_through(target):
    mine = ValueError("from the law")

    def fail():
        raise mine

    with pytest.raises(ValueError) as caught:
        target.apply(fail)
    assert caught.value is mine
    assert target.apply_or(fail, "caught") == "caught: from the law"

    class Stop(BaseException):
        pass

    def stop():
        raise Stop

    with pytest.raises(Stop):
        target.apply_or(stop, "must not be caught")


def test_only_what_may_cross_is_sent(target):
    for value in (object(), iter([1]), type("Number", (int,), {})(1)):
        with pytest.raises(WireError, match="cannot be sent|not plain"):
            target.identity(value)
    assert target.identity(1) == 1


@pytest.mark.parametrize(
    "name",
    ["ValueError", "TypeError", "IndexError", "KeyError", "ZeroDivisionError", "NotImplementedError", "RuntimeError",
     "AssertionError", "OverflowError", "OSError", "StopIteration", "AttributeError", "MemoryError", "RecursionError",
     "FileNotFoundError", "ImportError", "SyntaxError", "UnicodeError", "EOFError", "LookupError", "ArithmeticError"],
)  # fmt: skip
def test_built_in_exceptions_are_caught_by_their_class(target, name):
    kind = getattr(__import__("builtins"), name)
    with pytest.raises(kind, match="the message") as caught:
        target.raises(name)
    assert isinstance(caught.value, StudentError) and caught.value.type_name == name


def test_exceptions_of_students_classes(target):
    with pytest.raises(ValueError) as caught:
        target.raises_odd()
    assert (caught.value.type_name, caught.value.message) == ("Odd", "odd")
    with pytest.raises(NotImplementedError) as caught:
        target.todo()
    frame = caught.value.frames[-1]
    assert (frame.filename, frame.function, frame.source) == ("work.py", "todo", 'raise NotImplementedError("TODO")')
    assert caught.value.describe() == f"NotImplementedError: TODO (work.py, line {frame.line}, in todo)"
    for name in ("SystemExit", "KeyboardInterrupt", "GeneratorExit"):
        with pytest.raises(StudentError) as caught:
            target.raises(name)
        assert caught.value.type_name == name and not isinstance(caught.value, (SystemExit, KeyboardInterrupt))


def test_frames_are_the_students_only(target):
    with pytest.raises(StudentError) as caught:
        target.apply(target.raises_odd)
    assert {frame.filename for frame in caught.value.frames} == {"work.py"}


def test_modified_arguments_are_modified_here(target):
    array, tensor, view = np.zeros((2, 2)), torch.zeros(2), torch.zeros(3, 3)
    target.fill(array)
    target.fill(tensor)
    target.fill(view[1])
    assert (array == 7).all() and (tensor == 7).all() and view[1].tolist() == [7] * 3 and view[0].tolist() == [0] * 3
    items = [["old"], 1]
    inner = items[0]
    target.extend(items)
    assert items == [["changed"], 1, "new"] and items[0] is inner
    names = {"a": 1, "b": {"x": 0}}
    target.rename(names)
    assert names == {"b": {"x": 0, "c": 1}}
    weights = torch.ones(2)
    named = {"w": weights}
    target.replaces(named)
    assert named["w"].tolist() == [2, 2]
    untouched = np.arange(3.0)
    target.default(untouched)
    assert untouched.tolist() == [0, 1, 2]


def test_modified_arguments_are_modified_though_it_raises(target):
    array = np.zeros(2)
    with pytest.raises(ValueError, match="after"):
        target.fill_and_raise(array)
    assert array.tolist() == [7, 7]


@pytest.mark.parametrize("one", [torch.arange(3.0), np.arange(3.0)], ids=("tensor", "array"))
def test_an_argument_that_comes_back_is_the_callers(target, one):
    """Who modifies what came back modifies what was given, as in process; a copy and a part are other arrays."""
    assert target.identity(one) is one and target.identity({"a": (0, [one])})["a"][1][0] is one
    same, view, part, copied = target.views(one)
    view += 1
    assert same is one and one.tolist() == [1, 2, 3]
    part += 1
    copied += 1
    assert one.tolist() == [1, 2, 3] and part.tolist() == [1] and copied.tolist() == [1, 2, 3]


def test_an_argument_that_comes_back_changed(target):
    """Then the values are right, in what was given and in what came back."""
    x = torch.zeros(3)
    assert target.fill_and_return(x).tolist() == x.tolist() == [7, 7, 7]
    first, last = torch.zeros(3), torch.ones(3)
    given = [first, last]
    found, new = target.keep_the_last(given)
    assert given == [] and found["last"].tolist() == [1, 1, 1]
    assert new.tolist() == [5, 5, 5] and first.tolist() == [0, 0, 0] and last.tolist() == [1, 1, 1]
    z, empty = torch.tensor([1 + 2j]), torch.zeros(0, 2)
    assert target.conjugate(z).tolist() == [1 - 2j] and z.tolist() == [1 + 2j]
    assert target.identity(empty).shape == (0, 2)


def test_an_argument_that_comes_back_with_its_gradient(target):
    x = torch.ones(2, requires_grad=True)
    target.identity(x).sum().backward()
    assert x.grad.tolist() == [1, 1]
    _, detached, *_ = target.views(x)
    assert not detached.requires_grad and detached.data_ptr() == x.data_ptr()


def test_an_argument_that_is_read_only_cannot_be_modified(target):
    array = np.zeros(2)
    array.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        target.fill(array)


def test_tuples_and_dicts_of_a_kind_of_their_own_arrive_as_plain_ones(target):
    """Laws compare results with tuples and dicts; in process a named tuple or a defaultdict is one."""
    pair = target.pair()
    assert type(pair) is tuple and pair[0] == 1 and pair[1].tolist() == [1, 1]
    counts = target.counts()
    assert isinstance(counts, dict) and list(counts) == ["w"] and counts["w"][0].tolist() == [1, 1]
    assert type(target.matrix()) is np.ndarray and target.matrix().tolist() == [[1, 2]]
    x = torch.tensor([[1.0, 5.0], [3.0, 2.0]], requires_grad=True)
    values, positions = target.largest(x)
    values.sum().backward()
    assert positions.tolist() == [1, 0] and x.grad.tolist() == [[0, 1], [1, 0]]
    [(h, c)], total = target.states(x)
    assert c is x and torch.autograd.grad(h.sum() + total, x)[0].tolist() == [[3, 3], [3, 3]]
    assert type(target.ordered()).__name__ == "OrderedDict" and list(target.state()) == ["weight", "bias"]


def test_what_a_class_makes_stays_an_object_even_if_it_is_a_tuple(target):
    point = target.Point(3, 4)
    assert isinstance(point, RemoteObject) and point.norm() == 5 and point.x == 3 and len(point) == 2
    assert point.moved() == (4, 4) and target.identity(point) is point and target.identity([point, {}])[0] is point


def test_seeds_make_the_childs_randomness_repeatable(child, target):
    child.seed(5)
    first = target.draws()
    second = target.draws()
    child.seed(5)
    assert target.draws() == first != second
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    assert first == (random.random(), float(np.random.rand()), float(torch.rand(())))
    child.seed(6)
    assert target.draws() != first
    with pytest.raises(SandboxError):
        child.seed(-1)


def test_callables_of_an_earlier_law_are_out_of_reach(child, target):
    kept = target.compose(lambda x: x, target.adder(1))
    assert kept(1) == 2
    child.seed(0)
    with pytest.raises(RuntimeError, match="earlier law"):
        kept(1)
    assert target.identity(1) == 1


def test_grad_mode_and_default_dtype_follow(warm):
    with warm.spawn({"work.py": SOURCE.encode()}, "work.py") as child:
        assert child.target.grad_mode() is True and child.target.dtype() == torch.float32
        with torch.no_grad():
            assert child.target.grad_mode() is False
        torch.set_default_dtype(torch.float64)
        try:
            assert child.target.dtype() == torch.float64
        finally:
            torch.set_default_dtype(torch.float32)
        assert child.target.dtype() == torch.float32


def test_stand_ins_that_die_are_let_go(child, target):
    gc.collect()  # what earlier tests left in cycles would be let go in between
    make = target.Value  # the class has a stand-in too, once it has been asked for
    before = len(child.peer.stand_ins)
    values = [make(n) for n in range(50)]
    assert len(child.peer.stand_ins) == before + 50
    del values
    target.identity(0)
    assert len(child.peer.stand_ins) <= before + 1 and child.peer.dropped_objects == []
