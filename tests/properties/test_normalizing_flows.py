"""The laws of normalizing flows.

A flow is right if three things hold: going back undoes going forth, the claimed log-determinant is that of the
Jacobian, and the density integrates to 1. All three have oracles that owe nothing to the student: autograd's Jacobian
with `slogdet`, closed forms, sums over a grid.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import (
    assert_close,
    assert_equal,
    assert_finite,
    assert_shape,
    assert_true,
    finite_difference_jacobian,
    gaussians,
    gradient,
    raises,
    reals,
    seeds,
    tensors,
    unchanged,
)

BATCHES = ((torch.float64, 0), (torch.float64, 1), (torch.float32, 3))  # types and batch sizes that laws try

some = settings(max_examples=6)
few = settings(max_examples=4)
handful = settings(max_examples=2)


def draw_normal(*shape, seed=0, scale=1.0, dtype=torch.float64):
    """Normal numbers that depend on the seed only."""
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def network(event_in, event_out, seed, scale=0.7):
    """A random network with one hidden layer for events of any shape."""
    first = draw_normal(math.prod(event_in), 4, seed=seed)
    second = draw_normal(4, math.prod(event_out), seed=seed + 1, scale=scale)
    bias = draw_normal(math.prod(event_out), seed=seed + 2, scale=scale)

    def call(x):
        assert_shape(x, (x.shape[0], *event_in), what="what the network is called with")
        hidden = torch.tanh(x.reshape(x.shape[0], math.prod(event_in)) @ first.to(x.dtype))
        return (hidden @ second.to(x.dtype) + bias.to(x.dtype)).reshape(x.shape[0], *event_out)

    call.description = f"a random network from {tuple(event_in)} to {tuple(event_out)}"
    return call


def log_det_by_autograd(function, x):
    """log|det| of the autograd Jacobian of every sample, for a function that treats the samples of a batch alone."""
    batch, size = x.shape[0], math.prod(x.shape[1:])
    # One copy of the batch for each row: all rows come of one backward pass, which takes output i of copy i.
    copies = x.repeat(size, *[1] * (x.dim() - 1))
    rows = gradient(lambda x: function(x).reshape(size, batch, size).diagonal(dim1=0, dim2=2).sum(), copies)
    return torch.linalg.slogdet(rows.reshape(size, batch, size).transpose(0, 1)).logabsdet


def assert_gradient(objective, point, seed):
    """Autograd's gradient along a random direction is the slope that central differences find."""
    direction = draw_normal(*point.shape, seed=seed)
    slope = (objective(point + 1e-6 * direction) - objective(point - 1e-6 * direction)) / 2e-6
    found = (gradient(objective, point) * direction).sum()
    # With step 1e-6 central differences of numbers of size about 10 are right to about 1e-8.
    assert_close(found, slope.detach(), rtol=1e-5, atol=1e-5, what="the gradient along a random direction")


def log_normal(z):
    """The standard normal log-density of every sample of a batch."""
    return torch.distributions.Normal(0.0, 1.0).log_prob(z).reshape(z.shape[0], -1).sum(dim=1)


def scaled_identity_flow(factor, offset):
    """The flow z = factor·x + offset for events of any shape."""

    def forward(x):
        z = factor * x + offset
        return z, torch.full((x.shape[0],), math.prod(x.shape[1:]) * math.log(abs(factor)), dtype=x.dtype)

    forward.description = f"forward of z = {factor:g} x + {offset:g}"
    return forward, lambda z: (z - offset) / factor


def wave_flow(size, seed):
    """A flow of vectors that mixes the entries: a scaled shift that depends on the entry before, twice around."""
    factors, shifts = draw_normal(size, seed=seed, scale=0.3), draw_normal(size, seed=seed + 1)

    def forward(x):
        x = x.flip(1)
        parts, log_det = [x[:, :1] * factors[0].exp()], factors.sum().expand(x.shape[0])
        for i in range(1, size):
            parts.append(x[:, i : i + 1] * factors[i].exp() + shifts[i] * torch.sin(x[:, i - 1 : i]))
        return torch.cat(parts, dim=1), log_det

    def inverse(z):
        parts = [z[:, :1] * (-factors[0]).exp()]
        for i in range(1, size):
            parts.append((z[:, i : i + 1] - shifts[i] * torch.sin(parts[-1])) * (-factors[i]).exp())
        return torch.cat(parts, dim=1).flip(1)

    forward.description = "forward of a random flow of vectors"
    inverse.description = "inverse of a random flow of vectors"
    return forward, inverse


def bent_flow():
    """The flow z = asinh(x) entry by entry, whose log_det differs from sample to sample."""

    def forward(x):
        return x.asinh(), -0.5 * (1 + x**2).log().flatten(1).sum(dim=1)

    forward.description = "forward of z = asinh(x)"
    return forward, torch.sinh


@st.composite
def square_matrices(draw, batches=((), (3,), (2, 2))):
    size = draw(st.integers(1, 4))
    return draw(gaussians((*draw(st.sampled_from(batches)), size, size)))


@pytest.mark.exercise("log_det_inverse", points=1)
class TestLogDetInverse:
    @some
    @given(matrix=square_matrices())
    def test_is_that_of_the_inverse(self, target, matrix):
        """The result is log|det| of the inverse matrix."""
        expected = torch.linalg.slogdet(torch.linalg.inv(matrix)).logabsdet
        with unchanged(matrix):
            # The oracle inverts: a condition number of 1e5 costs five of sixteen digits.
            assert_close(target.log_det_inverse(matrix), expected, rtol=1e-7, atol=1e-7)

    @some
    @given(factor=reals(0.1, 5.0), half=st.integers(0, 2))
    def test_of_a_multiple_of_the_identity(self, target, factor, half):
        """For A = c·I in d dimensions it is −d·log|c|, for negative c too."""
        for size in (2 * half + 1, 2 * half + 2):
            expected = torch.tensor(-size * math.log(factor), dtype=torch.float64)
            for sign in (1, -1):
                assert_close(target.log_det_inverse(sign * factor * torch.eye(size, dtype=torch.float64)), expected)

    @pytest.mark.hidden
    def test_large_matrices(self, target):
        """It is finite for 200 dimensions, where the determinant itself is beyond the floating-point numbers."""
        for factor in (1e-3, 1e3):
            result = target.log_det_inverse(factor * torch.eye(200, dtype=torch.float64))
            assert_close(result, torch.tensor(-200 * math.log(factor), dtype=torch.float64))

    @pytest.mark.hidden
    def test_singular(self, target):
        """A singular matrix gives plus infinity."""
        result = target.log_det_inverse(torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=torch.float64))
        assert_close(result, torch.tensor(math.inf, dtype=torch.float64))

    @pytest.mark.hidden
    @few
    @given(matrix=gaussians((3, 3)))
    def test_gradient(self, target, matrix):
        """Its gradient with respect to A is minus the transposed inverse."""
        matrix = matrix + 4 * torch.eye(3, dtype=torch.float64)
        assert_close(gradient(target.log_det_inverse, matrix), -torch.linalg.inv(matrix).T, rtol=1e-8)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """It works matrix by matrix in float32 and float64, for no matrices too, and only for square ones."""
        for dtype in (torch.float32, torch.float64):
            for batch in ((), (0,), (1,), (2, 3)):
                assert_shape(target.log_det_inverse(torch.eye(3, dtype=dtype).expand(*batch, 3, 3)), batch, dtype)
        for shape in ((2, 3), (4, 3, 2)):
            with raises(ValueError, f"for a matrix of shape {shape}"):
                target.log_det_inverse(torch.ones(shape))


@st.composite
def rank_one_cases(draw):
    batch, size = draw(st.sampled_from([(), (3,), (2, 2)])), draw(st.integers(1, 5))
    return draw(gaussians((*batch, size))), draw(gaussians((*batch, size))), draw(gaussians(batch, scale=2.0))


@pytest.mark.exercise("rank_one_log_det", points=1)
class TestRankOneLogDet:
    @some
    @given(case=rank_one_cases())
    def test_is_that_of_the_full_matrix(self, target, case):
        """The result is log|det(I + h u wᵀ)|, the matrix written out."""
        u, w, h = case
        full = torch.eye(u.shape[-1], dtype=u.dtype) + h[..., None, None] * u[..., :, None] * w[..., None, :]
        with unchanged(u, w, h):
            # slogdet of a nearly singular matrix loses digits in the logarithm.
            assert_close(target.rank_one_log_det(u, w, h), torch.linalg.slogdet(full).logabsdet, rtol=1e-7, atol=1e-7)

    @some
    @given(h=reals(-4.0, 4.0).filter(lambda h: abs(1 + 2 * h) > 0.01))
    def test_two_equal_vectors(self, target, h):
        """For u = w = (1, 1) it is log|1 + 2h|, also where 1 + 2h is negative."""
        ones = torch.ones(2, dtype=torch.float64)
        expected = torch.tensor(math.log(abs(1 + 2 * h)), dtype=torch.float64)
        # 1 + 2h has the same absolute value and the other sign for −1 − h.
        for factor in (h, -1 - h):
            assert_close(target.rank_one_log_det(ones, ones, torch.tensor(factor, dtype=torch.float64)), expected)

    @pytest.mark.hidden
    def test_singular(self, target):
        """Where h wᵀu = −1 the matrix is singular and the result minus infinity."""
        one = torch.ones(1, dtype=torch.float64)
        assert_close(target.rank_one_log_det(one, one, -one[0]), torch.tensor(-math.inf, dtype=torch.float64))

    @pytest.mark.hidden
    def test_shapes(self, target):
        """It works pair by pair in float32 and float64, for no pairs too."""
        for dtype in (torch.float32, torch.float64):
            for batch in ((), (0,), (1,), (2, 3)):
                vectors = torch.full((*batch, 3), 0.5, dtype=dtype)
                result = target.rank_one_log_det(vectors, vectors, torch.ones(batch, dtype=dtype))
                assert_close(result, torch.full(batch, math.log(1.75), dtype=dtype))


@pytest.mark.exercise("triangular_log_det", points=1)
class TestTriangularLogDet:
    @some
    @given(matrix=square_matrices())
    def test_is_that_of_the_matrix(self, target, matrix):
        """For lower and for upper triangular matrices it is log|det|."""
        for triangular in (matrix.tril(), matrix.triu()):
            with unchanged(triangular):
                result = target.triangular_log_det(triangular)
            assert_close(result, torch.linalg.slogdet(triangular).logabsdet, rtol=1e-8, atol=1e-8)

    @some
    @given(diagonal=tensors(st.integers(1, 5), 0.1, 3.0))
    def test_of_a_diagonal_matrix(self, target, diagonal):
        """For a diagonal matrix it is the sum of log|Tᵢᵢ|, whatever the signs."""
        expected = torch.tensor(sum(math.log(value) for value in diagonal.tolist()), dtype=torch.float64)
        for sign in (1, -1):
            assert_close(target.triangular_log_det(sign * torch.diag(diagonal)), expected)

    @pytest.mark.hidden
    def test_large_matrices(self, target):
        """It is finite for 200 dimensions, where the product of the diagonal is beyond the floating-point numbers."""
        for factor in (1e-3, 1e3):
            matrix = factor * torch.eye(200, dtype=torch.float64) + torch.ones(200, 200, dtype=torch.float64).tril(-1)
            expected = torch.tensor(200 * math.log(factor), dtype=torch.float64)
            assert_close(target.triangular_log_det(matrix), expected)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """It works matrix by matrix in float32 and float64, for no matrices too, and only for square ones."""
        for dtype in (torch.float32, torch.float64):
            for batch in ((), (0,), (1,), (2, 3)):
                assert_shape(target.triangular_log_det(torch.eye(3, dtype=dtype).expand(*batch, 3, 3)), batch, dtype)
        for shape in ((2, 3), (4, 3, 2)):
            with raises(ValueError, f"for a matrix of shape {shape}"):
                target.triangular_log_det(torch.ones(shape))

    @pytest.mark.hidden
    def test_singular(self, target):
        """A zero on the diagonal gives minus infinity."""
        result = target.triangular_log_det(torch.tensor([[2.0, 0.0], [1.0, 0.0]], dtype=torch.float64))
        assert_close(result, torch.tensor(-math.inf, dtype=torch.float64))


@pytest.mark.exercise("jacobian_log_det", points=2)
class TestJacobianLogDet:
    @few
    @given(matrix=gaussians((3, 3)), x=gaussians((2, 3)))
    def test_of_a_linear_map(self, target, matrix, x):
        """For z = A x it is log|det A| for every sample."""

        def linear(x):
            return x @ matrix.T

        with unchanged(x):
            result = target.jacobian_log_det(linear, x)
        assert_close(result, torch.linalg.slogdet(matrix).logabsdet.expand(2), rtol=1e-8, atol=1e-8)

    @few
    @given(x=gaussians(st.tuples(st.integers(1, 3), st.integers(1, 3))))
    def test_entry_by_entry(self, target, x):
        """For z = sinh(x) entry by entry it is the sum of log cosh(x) over each sample's own entries."""
        assert_close(target.jacobian_log_det(torch.sinh, x), x.cosh().log().sum(dim=1), atol=1e-8)

    @pytest.mark.hidden
    @few
    @given(x=gaussians((2, 2, 1, 2)), seed=seeds())
    def test_of_images(self, target, x, seed):
        """For functions of images it is what finite differences give, sample by sample."""
        mix = network((2, 1, 2), (2, 1, 2), seed)

        def function(x):
            return 2 * x + mix(x)

        expected = []
        for sample in x:
            full = finite_difference_jacobian(lambda v: function(v[None])[0], sample).reshape(4, 4)
            expected.append(torch.linalg.slogdet(full).logabsdet)
        # Central differences with step 1e-6 are right to about 1e-9, and the matrix may be badly conditioned.
        assert_close(target.jacobian_log_det(function, x), torch.stack(expected), rtol=1e-5, atol=1e-5)

    @pytest.mark.hidden
    def test_singular(self, target):
        """A map that forgets a coordinate has log-determinant minus infinity."""
        result = target.jacobian_log_det(lambda x: x[:, :1].expand(-1, 2), torch.ones(2, 2, dtype=torch.float64))
        assert_close(result, torch.full((2,), -math.inf, dtype=torch.float64))

    @pytest.mark.hidden
    def test_shapes(self, target):
        """One number for each sample, in float32 and float64, for a batch of one too."""
        for dtype in (torch.float32, torch.float64):
            for shape in ((1, 2), (3, 1), (2, 1, 2, 2)):
                result = target.jacobian_log_det(torch.sinh, torch.zeros(shape, dtype=dtype))
                assert_close(result, torch.zeros(shape[0], dtype=dtype))


@pytest.mark.exercise("change_of_variables", points=1)
class TestChangeOfVariables:
    @some
    @given(factor=reals(0.2, 4.0), offset=reals(), x=gaussians((3, 1)))
    def test_affine_map(self, target, factor, offset, x):
        """With z = ax + b standard normal, x is normal with mean −b/a and standard deviation 1/a."""
        forward, _ = scaled_identity_flow(factor, offset)
        mean, deviation = torch.tensor([-offset / factor, 1 / factor], dtype=torch.float64)
        expected = torch.distributions.Normal(mean, deviation).log_prob(x[:, 0])
        with unchanged(x):
            assert_close(target.change_of_variables(log_normal, forward, x), expected)

    @some
    @given(bend=reals(0.3, 1.5), factor=reals(0.5, 2.0), offset=reals(-1.0, 1.0))
    def test_integrates_to_one(self, target, bend, factor, offset):
        """The density of x sums to 1 over a fine grid, however the map bends the line."""
        grid = torch.linspace(-12, 12, 2001, dtype=torch.float64)[:, None]

        def forward(x):
            z = factor * torch.sinh(bend * x) + offset
            return z, (factor * bend * torch.cosh(bend * x)).log().sum(dim=1)

        forward.description = f"forward of z = {factor} sinh({bend} x) + {offset}"
        density = target.change_of_variables(log_normal, forward, grid).exp()
        assert_shape(density, (2001,), what="the result")
        # The trapezoidal rule is exact to many digits for smooth functions that vanish at both ends.
        assert_close(torch.trapezoid(density, grid[:, 0]), torch.tensor(1.0, dtype=torch.float64), atol=1e-6)

    @pytest.mark.hidden
    @few
    @given(x=tensors((4, 2), 0.1, 5.0))
    def test_log_normal(self, target, x):
        """With z = log x standard normal, x is log-normal."""
        expected = torch.distributions.LogNormal(0.0, 1.0).log_prob(x).sum(dim=1)
        assert_close(target.change_of_variables(log_normal, lambda x: (x.log(), -x.log().sum(1)), x), expected)

    @pytest.mark.hidden
    @handful
    @given(seed=seeds())
    def test_integrates_to_one_in_the_plane(self, target, seed):
        """In two dimensions too the density sums to 1 over a grid."""
        forward, inverse = wave_flow(2, seed)
        normal = torch.linspace(-7, 7, 31, dtype=torch.float64)
        reach = inverse(torch.cartesian_prod(normal, normal)).abs().amax(dim=0)  # beyond it is a mass of 1e-11
        side = torch.linspace(-1, 1, 151, dtype=torch.float64)
        area = (side[1] - side[0]) ** 2 * reach.prod()
        density = target.change_of_variables(log_normal, forward, torch.cartesian_prod(side, side) * reach).exp()
        assert_close(density.sum() * area, torch.tensor(1.0, dtype=torch.float64), atol=1e-4)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """It takes any base density and events of any shape, in float32 and float64, and a batch of none."""
        forward, _ = scaled_identity_flow(2.0, 1.0)
        for dtype in (torch.float32, torch.float64):
            for shape in ((0, 2), (1, 3), (2, 1, 2, 2)):
                x = draw_normal(*shape, dtype=dtype)
                result = target.change_of_variables(lambda z: -z.abs().flatten(1).sum(1), forward, x)
                expected = -(2 * x + 1).abs().flatten(1).sum(1) + math.prod(shape[1:]) * math.log(2)
                assert_close(result, expected)


@st.composite
def halves_cases(draw):
    half = draw(st.integers(1, 3))
    return draw(gaussians((draw(st.integers(1, 3)), 2 * half))), network((half,), (half,), draw(seeds()))


@pytest.mark.exercise("additive_coupling", points=2)
class TestAdditiveCoupling:
    @some
    @given(case=halves_cases())
    def test_second_half_passes_first_is_shifted(self, target, case):
        """The second half of the entries is unchanged, the first is shifted by network(second half)."""
        x, net = case
        half = x.shape[1] // 2
        with unchanged(x):
            z, _ = target.additive_coupling(x, net)
        assert_shape(z, x.shape, x.dtype, "z")
        assert_equal(z[:, half:], x[:, half:], "the second half of z")
        assert_close(z[:, :half] - x[:, :half], net(x[:, half:]), what="the shift of the first half")

    @some
    @given(case=halves_cases())
    def test_inverse(self, target, case):
        """The inverse undoes the layer, and the layer undoes the inverse."""
        x, net = case
        z, _ = target.additive_coupling(x, net)
        with unchanged(z):
            assert_close(target.additive_coupling_inverse(z, net), x, what="the inverse of z")
        assert_close(target.additive_coupling(target.additive_coupling_inverse(x, net), net)[0], x)

    @few
    @given(case=halves_cases())
    def test_volume_is_preserved(self, target, case):
        """log_det is 0, and that is also the log-determinant of the Jacobian."""
        x, net = case
        assert_equal(target.additive_coupling(x, net)[1], torch.zeros(x.shape[0], dtype=x.dtype), "log_det")
        by_autograd = log_det_by_autograd(lambda x: target.additive_coupling(x, net)[0], x)
        assert_close(by_autograd, torch.zeros(x.shape[0], dtype=x.dtype), what="log|det| of the Jacobian")

    @pytest.mark.hidden
    def test_shapes(self, target):
        """Six entries, and float32 and float64, are kept; batches of none and one work; an odd number is refused."""
        net = network((3,), (3,), 0)
        for dtype, batch in BATCHES:
            x = draw_normal(batch, 6, dtype=dtype)
            z, log_det = target.additive_coupling(x, net)
            assert_shape(z, (batch, 6), dtype, "z")
            assert_shape(log_det, (batch,), dtype, "log_det")
            assert_close(target.additive_coupling_inverse(z, net), x)
        with raises(ValueError, "for 3 entries, which have no halves"):
            target.additive_coupling(torch.zeros(2, 3), torch.zeros_like)


@pytest.mark.exercise("checkerboard_mask", points=1)
class TestCheckerboardMask:
    @some
    @given(height=st.integers(2, 5), width=st.integers(1, 5), parity=st.integers(0, 1))
    def test_entries(self, target, height, width, parity):
        """The mask is 1 exactly where row + column has the given parity, and of type float32."""
        for columns in (width, width + 1):
            expected = [[float((i + j) % 2 == parity) for j in range(columns)] for i in range(height)]
            mask = target.checkerboard_mask(height, columns, parity)
            assert_equal(mask, torch.tensor(expected, dtype=torch.float32), f"the mask of {height} × {columns}")

    @some
    @given(height=st.integers(1, 5), width=st.integers(1, 5))
    def test_complementary(self, target, height, width):
        """The masks of both parities add up to ones."""
        total = target.checkerboard_mask(height, width, 0) + target.checkerboard_mask(height, width, 1)
        assert_equal(total, torch.ones(height, width))

    @pytest.mark.hidden
    def test_refuses(self, target):
        """A parity other than 0 and 1 is refused."""
        for parity in (2, -1):
            with raises(ValueError, f"for parity {parity}"):
                target.checkerboard_mask(2, 2, parity)


@pytest.mark.exercise("channel_mask", points=1)
class TestChannelMask:
    @some
    @given(half=st.integers(1, 4), parity=st.integers(0, 1))
    def test_entries(self, target, half, parity):
        """Parity 1 is 1 on the first half of the channels, parity 0 on the second; the shape is (C, 1, 1)."""
        expected = [[[float(parity)]]] * half + [[[1.0 - parity]]] * half
        assert_equal(target.channel_mask(2 * half, parity), torch.tensor(expected, dtype=torch.float32))

    @some
    @given(half=st.integers(1, 4))
    def test_complementary(self, target, half):
        """The masks of both parities add up to ones."""
        total = target.channel_mask(2 * half, 0) + target.channel_mask(2 * half, 1)
        assert_equal(total, torch.ones(2 * half, 1, 1))

    @pytest.mark.hidden
    def test_refuses(self, target):
        """An odd number of channels and a parity other than 0 and 1 are refused."""
        for channels, parity in ((3, 0), (1, 1), (4, 2), (4, -1)):
            with raises(ValueError, f"for {channels} channels and parity {parity}"):
                target.channel_mask(channels, parity)


@st.composite
def images(draw, longest=3):
    """Two images of up to three channels whose sides are up to `longest` pairs of pixels."""
    channels = draw(st.integers(1, 3))
    height, width = draw(st.integers(1, longest)), draw(st.integers(1, longest))
    return draw(gaussians((2, channels, 2 * height, 2 * width)))


@pytest.mark.exercise("squeeze", points=2)
class TestSqueeze:
    @some
    @given(x=images())
    def test_every_pixel_finds_its_place(self, target, x):
        """Channel 4c + 2i + j of the result holds row 2h + i, column 2w + j of channel c."""
        batch, channels, height, width = x.shape
        with unchanged(x):
            z = target.squeeze(x)
        assert_shape(z, (batch, 4 * channels, height // 2, width // 2), x.dtype, "z")
        for c in range(channels):
            for i in range(2):
                for j in range(2):
                    what = f"channel {4 * c + 2 * i + j}"
                    assert_equal(z[:, 4 * c + 2 * i + j], x[:, c, i::2, j::2], what)

    @some
    @given(x=images())
    def test_unsqueeze_undoes_squeeze(self, target, x):
        """Unsqueezing gives the image back, pixel by pixel."""
        z = target.squeeze(x)
        with unchanged(z):
            assert_equal(target.unsqueeze(z), x)

    @pytest.mark.hidden
    @some
    @given(x=images())
    def test_is_a_bijection(self, target, x):
        """Unsqueezing puts channels where torch's pixel_shuffle puts them, and squeezing gives them back."""
        z = x.repeat(1, 4, 1, 1) * torch.arange(1.0, 4 * x.shape[1] + 1, dtype=x.dtype)[:, None, None]
        assert_equal(target.unsqueeze(z), F.pixel_shuffle(z, 2))
        assert_equal(target.squeeze(target.unsqueeze(z)), z)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """Types are kept, and sides or channels that cannot be divided are refused."""
        for dtype in (torch.float32, torch.float64, torch.int64):
            assert_shape(target.squeeze(torch.zeros(2, 3, 4, 2, dtype=dtype)), (2, 12, 2, 1), dtype)
            assert_shape(target.unsqueeze(torch.zeros(2, 12, 2, 1, dtype=dtype)), (2, 3, 4, 2), dtype)
            assert_shape(target.squeeze(torch.zeros(1, 1, 2, 2, dtype=dtype)), (1, 4, 1, 1), dtype)
        for shape in ((1, 4, 3, 4), (1, 4, 4, 3), (2, 2, 1, 1)):
            with raises(ValueError, f"to squeeze an image of shape {shape}"):
                target.squeeze(torch.zeros(shape))
        for channels in (2, 6):
            with raises(ValueError, f"to unsqueeze {channels} channels"):
                target.unsqueeze(torch.zeros(1, channels, 2, 2))


@st.composite
def masked_cases(draw):
    """x, a mask of zeros and ones, and two networks, for vectors or images."""
    event = draw(st.sampled_from([(2,), (3,), (2, 2, 2), (1, 2, 3)]))
    if len(event) == 1:
        mask = torch.arange(event[0]) % 2
    elif event[0] == 2 and draw(st.booleans()):
        mask = torch.tensor([1, 0])[:, None, None]
    else:
        mask = torch.arange(event[1])[:, None] + torch.arange(event[2])
        mask = mask % 2
    mask = mask.float()
    if draw(st.booleans()):
        mask = 1 - mask
    x = draw(gaussians((2, *event)))
    seed = draw(seeds())
    return x, mask, network(event, event, seed), network(event, event, seed + 10)


def constant(value):
    """A function that returns one value everywhere."""

    def call(x):
        return torch.full_like(x, value)

    call.description = f"constant {value:g}"
    return call


@pytest.mark.exercise("affine_coupling", points=3)
class TestAffineCoupling:
    @some
    @given(case=masked_cases())
    def test_masked_entries_pass(self, target, case):
        """Where the mask is 1 the entries are exactly unchanged."""
        x, mask, scale, shift = case
        with unchanged(x, mask):
            z, _ = target.affine_coupling(x, mask, scale, shift)
        assert_shape(z, x.shape, x.dtype, "z")
        assert_equal(mask * z, mask * x, "the entries that pass through")

    @some
    @given(case=masked_cases())
    def test_inverse(self, target, case):
        """The inverse undoes the layer, and the layer undoes the inverse."""
        x, *layer = case
        z, _ = target.affine_coupling(x, *layer)
        with unchanged(z):
            assert_close(target.affine_coupling_inverse(z, *layer), x, what="the inverse of z")
        assert_close(target.affine_coupling(target.affine_coupling_inverse(x, *layer), *layer)[0], x)

    @few
    @given(case=masked_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det ∂z/∂x| of the map, for every sample."""
        x, *layer = case
        expected = log_det_by_autograd(lambda x: target.affine_coupling(x, *layer)[0], x)
        assert_close(target.affine_coupling(x, *layer)[1], expected, what="log_det")

    @some
    @given(x=gaussians((2, 4)), s=reals(-2.0, 2.0), t=reals())
    @example(x=draw_normal(2, 4), s=0.7, t=-1.3)
    def test_constant_networks(self, target, x, s, t):
        """With s and t constant, entries under a 0 become x·exp(s) + t, and log_det is s times their number."""
        mask = torch.tensor([0.0, 1.0, 0.0, 0.0])
        z, log_det = target.affine_coupling(x, mask, constant(s), constant(t))
        assert_close(z[:, [0, 2, 3]], x[:, [0, 2, 3]] * math.exp(s) + t, what="the entries under a 0")
        assert_close(log_det, torch.full((2,), 3 * s, dtype=x.dtype), what="log_det")

    @pytest.mark.hidden
    @few
    @given(case=masked_cases())
    def test_networks_see_only_what_passes(self, target, case):
        """The networks are called with the transformed entries set to 0, forwards and backwards."""
        x, mask, scale, shift = case
        seen = []

        def spy(net):
            return lambda inputs: seen.append(inputs.detach().clone()) or net(inputs)

        z, _ = target.affine_coupling(x, mask, spy(scale), spy(shift))
        target.affine_coupling_inverse(z, mask, spy(scale), spy(shift))
        assert_true(len(seen) >= 4, "The layer and its inverse should each ask both networks.")
        for inputs in seen:
            assert_close(inputs, mask * x, what="what a network is called with")

    @pytest.mark.hidden
    @few
    @given(case=masked_cases())
    def test_answers_under_the_mask_are_ignored(self, target, case):
        """What the networks return where the mask is 1 has no effect, however large."""
        x, mask, scale, shift = case
        loud = [lambda inputs, net=net: net(inputs) + 1e4 * mask for net in (scale, shift)]
        z, log_det = target.affine_coupling(x, mask, scale, shift)
        loud_z, loud_log_det = target.affine_coupling(x, mask, *loud)
        assert_close(loud_z, z, what="z with networks that are loud under the mask")
        assert_close(loud_log_det, log_det, what="log_det with networks that are loud under the mask")
        assert_close(target.affine_coupling_inverse(z, mask, *loud), x, what="the inverse")

    @pytest.mark.hidden
    @handful
    @given(case=masked_cases(), seed=seeds())
    def test_gradient(self, target, case, seed):
        """Gradients flow through z and log_det, as finite differences find them."""
        x, *layer = case
        weights = draw_normal(*x.shape, seed=seed)

        def objective(x):
            z, log_det = target.affine_coupling(x, *layer)
            return (weights * z).sum() + (weights.flatten(1)[:, 0] * log_det).sum()

        assert_gradient(objective, x, seed + 1)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """float32 and float64 are kept, and batches of none and one work."""
        for event, mask in (((3,), torch.tensor([1.0, 0.0, 0.0])), ((2, 1, 2), torch.tensor([[[0.0]], [[1.0]]]))):
            for dtype, batch in BATCHES:
                x = draw_normal(batch, *event, dtype=dtype)
                z, log_det = target.affine_coupling(x, mask, constant(0.5), constant(1.0))
                assert_shape(z, x.shape, dtype, "z")
                zeros = int((1 - mask).expand(event).sum())
                assert_close(log_det, torch.full((batch,), 0.5 * zeros, dtype=dtype), what="log_det")
                assert_close(target.affine_coupling_inverse(z, mask, constant(0.5), constant(1.0)), x)


@st.composite
def flow_lists(draw):
    size = draw(st.integers(1, 3))
    x = draw(gaussians((draw(st.integers(1, 3)), size)))
    kinds = draw(st.lists(st.booleans(), min_size=1, max_size=3))
    flows = []
    for wavy in kinds:
        if wavy:
            flows.append(wave_flow(size, draw(seeds())))
        else:
            flows.append(scaled_identity_flow(draw(reals(0.3, 3.0)), draw(reals(1.0, 3.0))))
    return x, [*flows, bent_flow()]


@pytest.mark.exercise("compose", points=2)
class TestCompose:
    @some
    @given(case=flow_lists())
    def test_applies_in_order_and_adds_log_dets(self, target, case):
        """Forwards the flows are applied in order, each to what the one before returned, and the log_dets add up."""
        x, flows = case
        forward, _ = target.compose(flows)
        with unchanged(x):
            z, log_det = forward(x)
        expected, total = x, torch.zeros(x.shape[0], dtype=x.dtype)
        for layer, _ in flows:
            expected, one = layer(expected)
            total = total + one
        assert_close(z, expected, what="z")
        assert_close(log_det, total, what="log_det")

    @some
    @given(case=flow_lists())
    def test_inverse(self, target, case):
        """Going back undoes going forth, whatever the order of the flows."""
        x, flows = case
        forward, inverse = target.compose(flows)
        assert_close(inverse(forward(x)[0]), x, rtol=1e-8, atol=1e-8, what="the inverse of z")
        assert_close(forward(inverse(x))[0], x, rtol=1e-8, atol=1e-8, what="forward of the inverse")

    @handful
    @given(case=flow_lists())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det ∂z/∂x| of the whole chain."""
        x, flows = case
        forward, _ = target.compose(flows)
        expected = log_det_by_autograd(lambda x: forward(x)[0], x)
        assert_close(forward(x)[1], expected, rtol=1e-8, atol=1e-8, what="log_det")

    @pytest.mark.hidden
    @few
    @given(x=gaussians((2, 2, 1, 2)))
    def test_no_flows(self, target, x):
        """Composing nothing gives the identity, with a log_det of 0 for each sample."""
        forward, inverse = target.compose([])
        z, log_det = forward(x)
        assert_equal(z, x, "z")
        assert_equal(log_det, torch.zeros(2, dtype=x.dtype), "log_det")
        assert_equal(inverse(x), x, "the inverse")

    @pytest.mark.hidden
    def test_shapes(self, target):
        """Vectors and images, float32 and float64, batches of none and one; forward can be called again and again."""
        forward, inverse = target.compose([scaled_identity_flow(2.0, 1.0), scaled_identity_flow(-3.0, 0.5)])
        for (dtype, batch), event in zip((*BATCHES, BATCHES[-1]), ((3,), (2,), (1, 2, 2), (3,))):
            x = draw_normal(batch, *event, dtype=dtype)
            z, log_det = forward(x)
            assert_close(z, -6 * x - 2.5, what="z")
            expected = torch.full((batch,), math.prod(event) * math.log(6), dtype=dtype)
            assert_close(log_det, expected, what="log_det")
            assert_close(inverse(z), x, rtol=1e-5, atol=1e-5, what="the inverse")


@st.composite
def coupling_stacks(draw, depth=None, half=None):
    """x and the layers of a `real_nvp`, of the given depth and half-width or random ones."""
    half = half or draw(st.integers(1, 3))
    hidden, seed = draw(st.integers(1, 3)), draw(seeds())
    layers = coupling_layers(half, hidden, depth or draw(st.integers(2, 4)), seed)
    return draw(gaussians((draw(st.integers(1, 3)), 2 * half))), layers


def coupling_layers(half, hidden, depth, seed):
    """Random layers of a `real_nvp` for points of twice `half` entries."""
    shapes = [(hidden, half), (hidden,), (2 * half, hidden), (2 * half,)]
    return [[draw_normal(*shape, seed=seed + 9 * k + i) for i, shape in enumerate(shapes)] for k in range(depth)]


def swap_halves(x):
    """The two halves of the last axis exchanged."""
    return x.roll(x.shape[-1] // 2, dims=-1)


@pytest.mark.exercise("real_nvp", points=3)
class TestRealNVP:
    @some
    @given(case=coupling_stacks(depth=1))
    def test_one_layer(self, target, case):
        """One layer leaves the second half alone and maps the first to x_A·exp(s) + t, with s bounded by tanh."""
        x, [(w1, b1, w2, b2)] = case
        half = x.shape[1] // 2
        with unchanged(x):
            z, log_det = target.real_nvp(x, [(w1, b1, w2, b2)])
        answer = F.linear(F.linear(x[:, half:], w1, b1).tanh(), w2, b2)
        s, t = answer[:, :half].tanh(), answer[:, half:]
        assert_close(z, torch.cat([x[:, :half] * s.exp() + t, x[:, half:]], dim=1), what="z")
        assert_close(log_det, s.sum(dim=1), what="log_det")

    @some
    @given(case=coupling_stacks(depth=2))
    def test_halves_alternate(self, target, case):
        """The second layer does to the swapped halves what a first layer does."""
        x, (first, second) = case
        middle, log_det_1 = target.real_nvp(x, [first])
        swapped, log_det_2 = target.real_nvp(swap_halves(middle), [second])
        z, log_det = target.real_nvp(x, [first, second])
        assert_close(z, swap_halves(swapped), what="z")
        assert_close(log_det, log_det_1 + log_det_2, what="log_det")

    @some
    @given(case=coupling_stacks())
    def test_inverse(self, target, case):
        """The inverse undoes the flow, and the flow undoes the inverse."""
        x, layers = case
        # An odd and an even number of layers.
        for stack in (layers, layers[1:]):
            z, _ = target.real_nvp(x, stack)
            with unchanged(z):
                assert_close(target.real_nvp_inverse(z, stack), x, rtol=1e-8, atol=1e-8, what="the inverse of z")
        back = target.real_nvp(target.real_nvp_inverse(x, layers), layers)[0]
        assert_close(back, x, rtol=1e-8, atol=1e-8, what="forward of the inverse")

    @few
    @given(case=coupling_stacks())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det ∂z/∂x| of the whole stack, for every sample."""
        x, layers = case
        expected = log_det_by_autograd(lambda x: target.real_nvp(x, layers)[0], x)
        assert_close(target.real_nvp(x, layers)[1], expected, rtol=1e-8, atol=1e-8, what="log_det")

    @pytest.mark.hidden
    def test_integrates_to_one(self, target):
        """The density in the plane that the flow defines sums to 1 over a grid."""
        for seed in (108, 378):  # for some others a grid would have to be much finer
            layers = coupling_layers(half=1, hidden=3, depth=3, seed=seed)
            # Each layer moves by at most Σ|W₂| + |b₂| and stretches by at most e: sample to find the place and width.
            points = target.real_nvp_inverse(draw_normal(2000, 2, seed=1), layers)
            reach, centre = (points - points.mean(dim=0)).abs().amax(dim=0) * 1.7, points.mean(dim=0)
            sides = [torch.linspace(-1, 1, 151, dtype=torch.float64) * r + m for r, m in zip(reach, centre)]
            z, log_det = target.real_nvp(torch.cartesian_prod(*sides), layers)
            cell = (sides[0][1] - sides[0][0]) * (sides[1][1] - sides[1][0])
            mass = ((log_normal(z) + log_det).exp() * cell).sum()
            assert_close(mass, torch.tensor(1.0, dtype=torch.float64), atol=0.01, rtol=0, what="the total mass")

    @pytest.mark.hidden
    @handful
    @given(case=coupling_stacks(), seed=seeds())
    def test_gradient(self, target, case, seed):
        """Gradients reach every parameter, through z and through log_det, as finite differences find them."""
        x, layers = case
        weights = draw_normal(*x.shape, seed=seed)
        flat = torch.cat([parameter.flatten() for layer in layers for parameter in layer])

        def objective(flat):
            pieces = iter(flat.split([parameter.numel() for layer in layers for parameter in layer]))
            rebuilt = [[next(pieces).reshape(parameter.shape) for parameter in layer] for layer in layers]
            z, log_det = target.real_nvp(x, rebuilt)
            return (weights * z).sum() + (weights[:, 0] * log_det).sum()

        assert_gradient(objective, flat, seed + 1)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """No layers are the identity; types are kept; batches of none and one work; loud networks are bounded."""
        for dtype, batch in BATCHES:
            loud = [torch.full(shape, 500.0, dtype=dtype) for shape in ((3,), (4, 3), (4,))]
            layers = [[torch.zeros(3, 2, dtype=dtype), *loud]] * 2
            x = draw_normal(batch, 4, dtype=dtype)
            z, log_det = target.real_nvp(x, [])
            assert_equal(z, x, "z without layers")
            assert_equal(log_det, torch.zeros(batch, dtype=dtype), "log_det without layers")
            assert_equal(target.real_nvp_inverse(x, []), x, "the inverse without layers")
            z, log_det = target.real_nvp(x, layers)
            assert_shape(z, (batch, 4), dtype, "z")
            assert_finite(z, "z with loud networks")
            assert_close(log_det, torch.full((batch,), 4.0, dtype=dtype), what="log_det with loud networks")
            assert_shape(target.real_nvp_inverse(z, layers), (batch, 4), dtype, "the inverse")


@st.composite
def planar_cases(draw, invertible=False):
    size = draw(st.integers(1, 4))
    x, u, w = draw(gaussians((draw(st.integers(1, 3)), size))), draw(gaussians(size)), draw(gaussians(size))
    if invertible and w @ u < -0.9:
        u = u - (w @ u + draw(reals(-0.9, 1.0))) * w / (w @ w)
        u = u if w @ u >= -0.9 else -u
    return x, u, w, draw(gaussians(()))


@pytest.mark.exercise("planar_flow", points=2)
class TestPlanarFlow:
    @some
    @given(case=planar_cases())
    def test_moves_along_u(self, target, case):
        """Every point moves along u, by tanh(wᵀx + b)."""
        x, u, w, b = case
        with unchanged(x, u, w, b):
            z, _ = target.planar_flow(x, u, w, b)
        steps = torch.tanh((x * w).sum(dim=1) + b)
        assert_close(z, x + torch.outer(steps, u), what="z")

    @few
    @given(case=planar_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det ∂z/∂x|, also where the determinant is negative."""
        x, *layer = case
        expected = log_det_by_autograd(lambda x: target.planar_flow(x, *layer)[0], x)
        # The determinant may come near 0, where its logarithm is steep.
        assert_close(target.planar_flow(x, *layer)[1], expected, rtol=1e-6, atol=1e-6, what="log_det")

    @some
    @given(along=reals(-4.0, 4.0).filter(lambda a: abs(1 + a) > 0.01))
    def test_at_the_plane(self, target, along):
        """Where wᵀx + b = 0 nothing moves and log_det is log|1 + wᵀu|, also for wᵀu < −1, where space folds over."""
        w = torch.tensor([0.0, 2.0], dtype=torch.float64)
        x = torch.tensor([[5.0, 1.5]], dtype=torch.float64)
        # One of the two lies below −1.
        for product in (along, -2 - along):
            u = torch.tensor([1.0, product / 2], dtype=torch.float64)
            z, log_det = target.planar_flow(x, u, w, torch.tensor(-3.0, dtype=torch.float64))
            assert_close(z, x, what="z")
            assert_close(log_det, torch.tensor([math.log(abs(1 + product))], dtype=torch.float64), what="log_det")

    @some
    @given(case=planar_cases())
    def test_far_from_the_plane(self, target, case):
        """Far from the plane wᵀx + b = 0 the flow only shifts, by u or −u, and log_det is 0."""
        x, u, w, _ = case
        for sign in (1.0, -1.0):
            z, log_det = target.planar_flow(x, u, w, torch.tensor(1000 * sign, dtype=x.dtype))
            assert_close(z, x + sign * u, what="z")
            assert_close(log_det, torch.zeros(x.shape[0], dtype=x.dtype), what="log_det")

    @pytest.mark.hidden
    @few
    @given(case=planar_cases(invertible=True))
    def test_gradient(self, target, case):
        """Gradients with respect to u, w and b flow through z and log_det, as finite differences find them."""
        x, u, w, b = case
        size = len(u)
        weights = draw_normal(*x.shape, seed=3)

        def objective(flat):
            z, log_det = target.planar_flow(x, flat[:size], flat[size:-1], flat[-1])
            return (weights * z).sum() + (weights[:, 0] * log_det).sum()

        flat = torch.cat([u, w, b[None]])
        assert_gradient(objective, flat, 5)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """float32 and float64 are kept, and batches of none and one work."""
        for dtype in (torch.float32, torch.float64):
            for batch in (0, 1, 3):
                u, w = draw_normal(2, dtype=dtype), draw_normal(2, seed=1, dtype=dtype)
                z, log_det = target.planar_flow(torch.zeros(batch, 2, dtype=dtype), u, w, torch.zeros((), dtype=dtype))
                assert_close(z, torch.zeros(batch, 2, dtype=dtype), what="z")
                assert_close(log_det, (1 + w @ u).abs().log().expand(batch), what="log_det")


@pytest.mark.exercise("planar_constraint", points=1)
class TestPlanarConstraint:
    @some
    @given(pair=st.integers(1, 4).flatmap(lambda d: st.tuples(gaussians(d, scale=3.0), gaussians(d))))
    def test_invertible(self, target, pair):
        """The result û satisfies wᵀû ≥ −1; precisely, wᵀû = −1 + log(1 + exp(wᵀu))."""
        u, w = pair
        with unchanged(u, w):
            moved = target.planar_constraint(u, w)
        assert_shape(moved, u.shape, u.dtype)
        assert_true(w @ moved >= -1 - 1e-9, f"wᵀû is {(w @ moved).item():.6g}, which is less than −1.")
        assert_close(w @ moved, (1 + (w @ u).exp()).log() - 1, what="wᵀû")

    @some
    @given(pair=st.integers(1, 4).flatmap(lambda d: st.tuples(gaussians(d), gaussians(d))))
    def test_moves_along_w(self, target, pair):
        """û differs from u only along w: what is perpendicular to w stays."""
        u, w = pair
        unit = w / w.norm()
        moved = target.planar_constraint(u, w)
        assert_close(moved - (moved @ unit) * unit, u - (u @ unit) * unit, what="the part perpendicular to w")

    @few
    @given(pair=st.integers(1, 4).flatmap(lambda d: st.tuples(gaussians(d), gaussians(d))), seed=seeds())
    def test_gradient(self, target, pair, seed):
        """It can be differentiated in u, so that u can be trained freely."""
        u, w = pair
        weights = draw_normal(*u.shape, seed=seed)
        assert_gradient(lambda u: (weights * target.planar_constraint(u, w)).sum(), u, seed + 1)

    @pytest.mark.hidden
    @some
    @given(along=reals(30.0, 2000.0))
    def test_extreme_values(self, target, along):
        """For wᵀu far from 0 the result is finite: wᵀû is wᵀu − 1 far above, −1 far below."""
        w = torch.tensor([1.0, 0.0], dtype=torch.float64)
        for product in (along, along + 1000, -along, -along - 1000):
            u = torch.tensor([product, 2.0], dtype=torch.float64)
            expected = torch.tensor([max(product, 0) - 1, 2.0], dtype=torch.float64)
            assert_close(target.planar_constraint(u, w), expected)
        assert_shape(target.planar_constraint(u.float(), w.float()), (2,), torch.float32)


@pytest.mark.exercise("planar_inverse", points=2)
class TestPlanarInverse:
    @some
    @given(case=planar_cases(invertible=True))
    def test_undoes_the_flow(self, target, case):
        """x comes back from z = x + u tanh(wᵀx + b)."""
        x, u, w, b = case
        z = x + torch.outer(torch.tanh(x @ w + b), u)
        with unchanged(z, u, w, b):
            # The slope is at least 0.1, which costs one digit.
            assert_close(target.planar_inverse(z, u, w, b), x, rtol=1e-8, atol=1e-8)

    @some
    @given(case=planar_cases(invertible=True))
    def test_solves_the_equation(self, target, case):
        """The flow maps the result to z again, for any z."""
        z, u, w, b = case
        x = target.planar_inverse(z, u, w, b)
        assert_close(x + torch.outer(torch.tanh(x @ w + b), u), z, what="the flow of the result")

    @pytest.mark.hidden
    @few
    @given(z=gaussians((3, 2), scale=3.0), length=reals(-1.0, 200.0))
    def test_steep_and_flat(self, target, z, length):
        """It works for wᵀu up to 200 and down to −1, where the flow is flat at the plane."""
        w, b = torch.tensor([1.0, 0.0], dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64)
        for along in (length, 50.0, -1.0):
            u = torch.tensor([along, 1.0], dtype=torch.float64)
            x = target.planar_inverse(z, u, w, b)
            assert_close(x + torch.outer(torch.tanh(x @ w + b), u), z, rtol=1e-8, atol=1e-8)

    @pytest.mark.hidden
    def test_refuses_what_folds(self, target):
        """For wᵀu < −1 there is no inverse, and ValueError is raised."""
        w = torch.tensor([1.0, 1.0], dtype=torch.float64)
        for along in (-1.01, -5.0):
            with raises(ValueError, f"for wᵀu = {along}"):
                target.planar_inverse(torch.zeros(1, 2, dtype=torch.float64), along / 2 * w, w, w[0])

    @pytest.mark.hidden
    def test_shapes(self, target):
        """float32 and float64 are kept, and batches of none and one work."""
        for dtype in (torch.float32, torch.float64):
            u, w = torch.tensor([1.0, 0.5], dtype=dtype), torch.tensor([0.5, 2.0], dtype=dtype)
            b = torch.tensor(0.3, dtype=dtype)
            for batch in (0, 1, 3):
                x = draw_normal(batch, 2, dtype=dtype)
                z = x + torch.tanh(x @ w + b)[:, None] * u
                assert_close(target.planar_inverse(z, u, w, b), x)


@pytest.mark.exercise("actnorm_init", points=1)
class TestActnormInit:
    @some
    @given(x=images(), factor=reals(0.1, 10.0), offset=reals(-5.0, 5.0))
    def test_normalises_every_channel(self, target, x, factor, offset):
        """exp(log_scale)·x + bias has mean 0 and variance 1 in every channel, over batch, height and width."""
        x = factor * x + offset * torch.arange(1.0, x.shape[1] + 1, dtype=x.dtype)[:, None, None]
        with unchanged(x):
            log_scale, bias = target.actnorm_init(x)
        assert_shape(log_scale, (x.shape[1],), x.dtype, "log_scale")
        assert_shape(bias, (x.shape[1],), x.dtype, "bias")
        z = (log_scale.exp()[:, None, None] * x + bias[:, None, None]).transpose(0, 1).flatten(start_dim=1)
        assert_close(z.mean(dim=1), torch.zeros(x.shape[1], dtype=x.dtype), what="the mean of each channel")
        assert_close((z**2).mean(dim=1), torch.ones(x.shape[1], dtype=x.dtype), what="the variance of each channel")

    @pytest.mark.hidden
    @few
    @given(x=images(), value=reals(-5.0, 5.0))
    def test_constant_channel(self, target, x, value):
        """A constant channel counts as having standard deviation 10⁻⁶; the other channels are not affected."""
        flat = torch.cat([x, torch.full_like(x[:, :1], value)], dim=1)
        log_scale, bias = target.actnorm_init(flat)
        alone, bias_alone = target.actnorm_init(x)
        assert_close(log_scale, torch.cat([alone, alone.new_tensor([math.log(1e6)])]), what="log_scale")
        # The mean of equal numbers is right to the last digit, which the factor 1e6 magnifies.
        assert_close(bias, torch.cat([bias_alone, bias_alone.new_tensor([-1e6 * value])]), atol=1e-8, what="bias")

    @pytest.mark.hidden
    def test_scale_of_known_data(self, target):
        """Pixels at μ ± σ give log_scale = −log σ and bias = −μ/σ, in float32 and float64, however few the pixels."""
        for dtype in (torch.float32, torch.float64):
            for shape in ((1, 2, 1, 2), (2, 2, 1, 1), (1, 2, 2, 1), (2, 2, 3, 2)):
                signs = torch.ones(shape[0] * shape[2] * shape[3], dtype=dtype)
                signs[1::2] = -1
                x = 3 + 0.5 * signs.reshape(shape[0], 1, shape[2], shape[3]).expand(shape)
                log_scale, bias = target.actnorm_init(x)
                assert_close(log_scale, torch.full((2,), math.log(2), dtype=dtype), what="log_scale")
                assert_close(bias, torch.full((2,), -6.0, dtype=dtype), what="bias")


@st.composite
def actnorm_cases(draw):
    x = draw(images(longest=1))
    x = x[:, :, : draw(st.integers(1, 2))]
    return x, draw(gaussians(x.shape[1], scale=0.7)), draw(gaussians(x.shape[1]))


@pytest.mark.exercise("actnorm", points=2)
class TestActnorm:
    @some
    @given(case=actnorm_cases())
    def test_one_affine_map_for_each_channel(self, target, case):
        """Channel c becomes exp(log_scale[c])·x + bias[c]."""
        x, log_scale, bias = case
        with unchanged(x, log_scale, bias):
            z, _ = target.actnorm(x, log_scale, bias)
        assert_shape(z, x.shape, x.dtype, "z")
        for c in range(x.shape[1]):
            assert_close(z[:, c], x[:, c] * math.exp(log_scale[c]) + bias[c], what=f"channel {c} of z")

    @few
    @given(case=actnorm_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det ∂z/∂x| of the whole image, for every sample."""
        x, *layer = case
        expected = log_det_by_autograd(lambda x: target.actnorm(x, *layer)[0], x)
        assert_close(target.actnorm(x, *layer)[1], expected, what="log_det")

    @some
    @given(case=actnorm_cases())
    def test_inverse(self, target, case):
        """The inverse undoes the layer, and the layer undoes the inverse."""
        x, *layer = case
        z, _ = target.actnorm(x, *layer)
        with unchanged(z):
            assert_close(target.actnorm_inverse(z, *layer), x, what="the inverse of z")
        assert_close(target.actnorm(target.actnorm_inverse(x, *layer), *layer)[0], x)

    @pytest.mark.hidden
    @few
    @given(case=actnorm_cases())
    def test_gradient(self, target, case):
        """log_det grows by the number of pixels with each log_scale, and gradients flow through z too."""
        x, log_scale, bias = case
        pixels = x.shape[2] * x.shape[3]
        result = gradient(lambda s: target.actnorm(x, s, bias)[1][0], log_scale)
        assert_close(result, torch.full_like(log_scale, pixels), what="∂log_det/∂log_scale")
        result = gradient(lambda s: target.actnorm(x, s, bias)[0].sum(), log_scale)
        assert_close(result, (x.sum(dim=(0, 2, 3)) * log_scale.exp()), what="∂Σz/∂log_scale")

    @pytest.mark.hidden
    def test_shapes(self, target):
        """float32 and float64 are kept, batches of none and one work, as many columns as channels too."""
        for dtype in (torch.float32, torch.float64):
            for batch in (0, 1, 3):
                x = draw_normal(batch, 2, 3, 2, dtype=dtype)
                log_scale, bias = torch.tensor([0.5, -1.0], dtype=dtype), torch.tensor([1.0, 2.0], dtype=dtype)
                z, log_det = target.actnorm(x, log_scale, bias)
                assert_shape(z, (batch, 2, 3, 2), dtype, "z")
                assert_close(log_det, torch.full((batch,), -3.0, dtype=dtype), what="log_det")
                assert_close(target.actnorm_inverse(z, log_scale, bias), x)


@pytest.mark.exercise("lu_parameters", points=2)
class TestLUParameters:
    @some
    @given(weight=gaussians(st.integers(1, 5).map(lambda c: (c, c))))
    @example(weight=draw_normal(3, 3))
    def test_factors_multiply_to_the_matrix(self, target, weight):
        """W = P (lower + I) (upper + diag(sign·exp(log_diagonal)))."""
        with unchanged(weight):
            permutation, lower, upper, sign, log_diagonal = target.lu_parameters(weight)
        eye = torch.eye(len(weight), dtype=weight.dtype)
        product = permutation @ (lower + eye) @ (upper + torch.diag(sign * log_diagonal.exp()))
        assert_close(product, weight, rtol=1e-8, atol=1e-8, what="the product of the factors")

    @some
    @given(weight=gaussians(st.integers(1, 5).map(lambda c: (c, c))))
    def test_kinds_of_factors(self, target, weight):
        """P permutes, lower and upper are strictly triangular, the signs are ±1."""
        size = len(weight)
        permutation, lower, upper, sign, log_diagonal = target.lu_parameters(weight)
        ones = torch.ones(size, dtype=weight.dtype)
        assert_shape(permutation, (size, size), weight.dtype, "the permutation")
        zeros_and_ones = ((permutation == 0) | (permutation == 1)).all()
        assert_true(zeros_and_ones, "The permutation matrix should hold zeros and ones.")
        assert_equal(permutation.sum(dim=0), ones, "the sums of the permutation's columns")
        assert_equal(permutation.sum(dim=1), ones, "the sums of the permutation's rows")
        assert_equal(lower.tril(-1), lower, "lower")
        assert_equal(upper.triu(1), upper, "upper")
        assert_equal(sign.abs(), ones, "the absolute values of sign")
        assert_shape(log_diagonal, (size,), weight.dtype, "log_diagonal")

    @some
    @given(weight=gaussians(st.integers(1, 5).map(lambda c: (c, c))))
    def test_log_determinant(self, target, weight):
        """The entries of log_diagonal add up to log|det W|."""
        log_diagonal = target.lu_parameters(weight)[4]
        assert_close(log_diagonal.sum(), torch.linalg.slogdet(weight).logabsdet, rtol=1e-8, atol=1e-8)

    def test_small_matrices(self, target):
        """A matrix with a tiny determinant is not singular: 10⁻³ times the identity has pivots of 10⁻³."""
        weight = 1e-3 * torch.eye(3, dtype=torch.float64)
        assert_close(target.lu_parameters(weight)[4], torch.full((3,), math.log(1e-3), dtype=torch.float64))

    @pytest.mark.hidden
    def test_permutations(self, target):
        """A cyclic permutation with scaled rows is factorised, in float32 and float64."""
        for dtype in (torch.float32, torch.float64):
            weight = torch.tensor([[0.0, -2.0, 0.0], [0.0, 0.0, 3.0], [0.5, 0.0, 0.0]], dtype=dtype)
            permutation, lower, upper, sign, log_diagonal = target.lu_parameters(weight)
            eye = torch.eye(3, dtype=dtype)
            assert_close(permutation @ (lower + eye) @ (upper + torch.diag(sign * log_diagonal.exp())), weight)

    @pytest.mark.hidden
    def test_refuses(self, target):
        """A singular matrix and one that is not square are refused."""
        for rows in ([[0.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [2.0, 4.0]]):
            with raises(ValueError, f"for the singular matrix {rows}"):
                target.lu_parameters(torch.tensor(rows, dtype=torch.float64))
        for shape in ((2, 3), (3, 2)):
            with raises(ValueError, f"for a matrix of shape {shape}"):
                target.lu_parameters(draw_normal(*shape))


@st.composite
def lu_cases(draw, free=False):
    """Images and the five factors; with `free`, the unused triangles hold numbers too."""
    x = draw(images(longest=1))[:, :, : draw(st.integers(1, 2))]
    channels = x.shape[1]
    order = draw(st.permutations(range(channels)))
    permutation = torch.eye(channels, dtype=x.dtype)[list(order)]
    lower, upper = draw(gaussians((channels, channels))), draw(gaussians((channels, channels)))
    if not free:
        lower, upper = lower.tril(-1), upper.triu(1)
    sign = draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=channels, max_size=channels))
    log_diagonal = draw(gaussians(channels, scale=0.5))
    return x, permutation, lower, upper, torch.tensor(sign, dtype=x.dtype), log_diagonal


@pytest.mark.exercise("invertible_1x1", points=3)
class TestInvertible1x1:
    @some
    @given(case=lu_cases())
    def test_multiplies_every_pixel(self, target, case):
        """Each pixel's vector of channels is multiplied by W = P (lower + I) (upper + diag(sign·exp(log_diagonal)))."""
        x, permutation, lower, upper, sign, log_diagonal = case
        with unchanged(*case):
            z, _ = target.invertible_1x1(*case)
        eye = torch.eye(x.shape[1], dtype=x.dtype)
        weight = permutation @ (lower + eye) @ (upper + torch.diag(sign * log_diagonal.exp()))
        assert_close(z, F.conv2d(x, weight[:, :, None, None]), what="z")

    @few
    @given(case=lu_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det ∂z/∂x| of the whole image, for every sample."""
        x, *layer = case
        expected = log_det_by_autograd(lambda x: target.invertible_1x1(x, *layer)[0], x)
        assert_close(target.invertible_1x1(x, *layer)[1], expected, rtol=1e-8, atol=1e-8, what="log_det")

    @some
    @given(case=lu_cases(free=True))
    def test_inverse(self, target, case):
        """The inverse undoes the layer, and the layer undoes the inverse."""
        x, *layer = case
        z, _ = target.invertible_1x1(x, *layer)
        with unchanged(z, *layer):
            # Factors with entries up to 3 make condition numbers up to about 1e4.
            assert_close(target.invertible_1x1_inverse(z, *layer), x, rtol=1e-7, atol=1e-7, what="the inverse of z")
        back = target.invertible_1x1(target.invertible_1x1_inverse(x, *layer), *layer)[0]
        assert_close(back, x, rtol=1e-7, atol=1e-7, what="forward of the inverse")

    @pytest.mark.hidden
    @some
    @given(case=lu_cases(free=True))
    def test_only_the_strict_triangles_count(self, target, case):
        """What is stored on the diagonals and in the wrong triangles of `lower` and `upper` has no effect."""
        x, permutation, lower, upper, sign, log_diagonal = case
        clean = (permutation, lower.tril(-1), upper.triu(1), sign, log_diagonal)
        z, log_det = target.invertible_1x1(*case)
        clean_z, clean_log_det = target.invertible_1x1(x, *clean)
        assert_close(z, clean_z, what="z")
        assert_close(log_det, clean_log_det, what="log_det")
        undone = target.invertible_1x1_inverse(x, *case[1:])
        assert_close(undone, target.invertible_1x1_inverse(x, *clean), rtol=1e-7, atol=1e-7, what="the inverse")

    @pytest.mark.hidden
    @few
    @given(case=lu_cases())
    def test_gradient(self, target, case):
        """Gradients of z and log_det reach lower, upper and log_diagonal, as finite differences find them."""
        x, permutation, lower, upper, sign, log_diagonal = case
        size = len(sign)
        weights = draw_normal(*x.shape, seed=4)

        def objective(flat):
            low, up, log = flat.split([size * size, size * size, size])
            z, log_det = target.invertible_1x1(
                x, permutation, low.reshape(size, size), up.reshape(size, size), sign, log
            )
            return (weights * z).sum() + (weights[:, 0, 0, 0] * log_det).sum()

        flat = torch.cat([lower.flatten(), upper.flatten(), log_diagonal])
        assert_gradient(objective, flat, 6)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """Three channels go round in a circle; float32 and float64 are kept, and batches of none and one work."""
        for dtype, batch in BATCHES:
            circle, zero = torch.eye(3, dtype=dtype)[[1, 2, 0]], torch.zeros(3, 3, dtype=dtype)
            layer = (circle, zero, zero, -torch.ones(3, dtype=dtype), torch.tensor([0.5, 1.0, 0.0], dtype=dtype))
            x = draw_normal(batch, 3, 3, 1, dtype=dtype)
            z, log_det = target.invertible_1x1(x, *layer)
            expected = torch.stack([-math.exp(1.0) * x[:, 1], -x[:, 2], -math.exp(0.5) * x[:, 0]], dim=1)
            assert_close(z, expected, what="z")
            assert_close(log_det, torch.full((batch,), 4.5, dtype=dtype), what="log_det")
            assert_close(target.invertible_1x1_inverse(z, *layer), x, what="the inverse")


@st.composite
def glow_step_cases(draw):
    # No side is a single pixel: each must count in log_det, in every example.
    half, (height, width) = draw(st.integers(1, 2)), draw(st.sampled_from([(2, 2), (2, 3), (3, 2)]))
    channels = 2 * half
    x = draw(gaussians((2, channels, height, width)))
    # A random rotation with scaled columns is well-conditioned, so that tolerances may be tight.
    weight = torch.linalg.qr(draw(gaussians((channels, channels))))[0] * draw(tensors(channels, 0.5, 2.0))
    net = network((half, height, width), (channels, height, width), draw(seeds()), scale=0.5)
    return x, draw(gaussians(channels, scale=0.5)), draw(gaussians(channels)), weight, net


@pytest.mark.exercise("glow_step", points=3)
class TestGlowStep:
    @some
    @given(case=glow_step_cases())
    def test_three_maps_in_order(self, target, case):
        """A step is actnorm, then the 1×1 convolution, then the affine coupling on the first half of the channels."""
        x, log_scale, bias, weight, net = case
        with unchanged(*case[:-1]):
            z, _ = target.glow_step(*case)
        half = x.shape[1] // 2
        v = F.conv2d(x * log_scale.exp()[:, None, None] + bias[:, None, None], weight[:, :, None, None])
        answer = net(v[:, half:])
        changed = v[:, :half] * answer[:, :half].exp() + answer[:, half:]
        assert_close(z, torch.cat([changed, v[:, half:]], dim=1), what="z")

    @handful
    @given(case=glow_step_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det ∂z/∂x| of the whole step, for every sample."""
        x, *step = case
        expected = log_det_by_autograd(lambda x: target.glow_step(x, *step)[0], x)
        assert_close(target.glow_step(x, *step)[1], expected, rtol=1e-8, atol=1e-8, what="log_det")

    @some
    @given(case=glow_step_cases())
    def test_inverse(self, target, case):
        """The inverse undoes the step, and the step undoes the inverse."""
        x, *step = case
        z, _ = target.glow_step(x, *step)
        with unchanged(z, *step[:-1]):
            assert_close(target.glow_step_inverse(z, *step), x, rtol=1e-8, atol=1e-8, what="the inverse of z")
        back = target.glow_step(target.glow_step_inverse(x, *step), *step)[0]
        assert_close(back, x, rtol=1e-8, atol=1e-8, what="forward of the inverse")

    @pytest.mark.hidden
    @handful
    @given(case=glow_step_cases())
    def test_gradient(self, target, case):
        """Gradients of z and log_det reach every parameter, as finite differences find them."""
        x, log_scale, bias, weight, net = case
        size = len(bias)
        weights = draw_normal(*x.shape, seed=5)

        def objective(flat):
            scale, shift, matrix = flat.split([size, size, size * size])
            z, log_det = target.glow_step(x, scale, shift, matrix.reshape(size, size), net)
            return (weights * z).sum() + (weights[:, 0, 0, 0] * log_det).sum()

        flat = torch.cat([log_scale, bias, weight.flatten()])
        assert_gradient(objective, flat, 7)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """Six channels, and float32 and float64, are kept; batches of none and one work."""
        net = network((3, 2, 3), (6, 2, 3), 0, scale=0.2)
        for dtype, batch in BATCHES:
            weight = torch.diag(torch.tensor([2.0, -1.0, 0.5, 1.0, -2.0, 1.5], dtype=dtype)).roll(1, dims=0)
            step = (torch.full((6,), 0.1, dtype=dtype), torch.ones(6, dtype=dtype), weight, net)
            x = draw_normal(batch, 6, 2, 3, dtype=dtype)
            z, log_det = target.glow_step(x, *step)
            assert_shape(z, x.shape, dtype, "z")
            assert_shape(log_det, (batch,), dtype, "log_det")
            assert_close(target.glow_step_inverse(z, *step), x, what="the inverse")


def channel_flow(channels, seed):
    """A flow of images: a random well-conditioned matrix on the channels, then a shift that grows with the column."""
    scale = draw_normal(channels, seed=seed, scale=0.2).exp()
    weight = torch.linalg.qr(draw_normal(channels, channels, seed=seed + 1))[0] * scale
    shift = draw_normal(channels, seed=seed + 2)
    undo = torch.linalg.inv(weight)

    def forward(x):
        pixels = x.shape[2] * x.shape[3]
        columns = torch.arange(1.0, x.shape[3] + 1).to(x.dtype)
        z = torch.einsum("oc,bchw->bohw", weight.to(x.dtype), x) + shift.to(x.dtype)[:, None, None] * columns
        return z, (pixels * scale.log().sum()).to(x.dtype).expand(x.shape[0]) + 0 * z.flatten(1).sum(1)

    def inverse(z):
        columns = torch.arange(1.0, z.shape[3] + 1).to(z.dtype)
        return torch.einsum("oc,bchw->bohw", undo.to(z.dtype), z - shift.to(z.dtype)[:, None, None] * columns)

    forward.description = f"forward of a random flow of images with {channels} channels"
    inverse.description = f"inverse of a random flow of images with {channels} channels"
    return forward, inverse


def glow_levels(channels, steps, seed):
    """For each level the given number of random flows for its number of channels, the first level's last one bent."""
    levels = []
    for index, count in enumerate(steps):
        channels_here = 4 * channels * 2**index
        flows = [channel_flow(channels_here, seed + 10 * index + k) for k in range(count)]
        levels.append([*flows, bent_flow()] if index == 0 else flows)
    return levels


@st.composite
def glow_cases(draw, most_levels=2):
    steps = draw(st.lists(st.integers(0, 2), min_size=1, max_size=most_levels))
    channels = draw(st.integers(1, 2)) if len(steps) == 1 else 1
    side = 2 ** len(steps)
    x = draw(gaussians((2, channels, side, side)))
    return x, glow_levels(channels, steps, draw(seeds()))


def glow_by_hand(x, levels):
    """The latents of the multi-scale flow, with torch's pixel_unshuffle."""
    latents, log_det = [], torch.zeros(x.shape[0], dtype=x.dtype)
    for index, flows in enumerate(levels):
        x = F.pixel_unshuffle(x, 2)
        for forward, _ in flows:
            x, one = forward(x)
            log_det = log_det + one
        half = x.shape[1] // 2
        if index + 1 < len(levels):
            latents.append(x[:, half:])
            x = x[:, :half]
    return [*latents, x], log_det


TWO_LEVELS = draw_normal(2, 1, 4, 4), glow_levels(1, [2, 1], seed=0)


@pytest.mark.exercise("glow", points=3)
class TestGlow:
    @few
    @given(case=glow_cases(most_levels=3))
    @example(case=TWO_LEVELS)
    def test_levels_and_steps_in_order(self, target, case):
        """Each level squeezes, applies its steps in order, and, but for the last, gives up half of its channels."""
        x, levels = case
        with unchanged(x):
            latents, log_det = target.glow(x, levels)
        expected, total = glow_by_hand(x, levels)
        assert_close(latents, expected, rtol=1e-8, atol=1e-8, what="the latents")
        assert_close(log_det, total, what="log_det")

    @few
    @given(case=glow_cases(most_levels=3))
    @example(case=TWO_LEVELS)
    def test_inverse(self, target, case):
        """The inverse gives the image back from its latents."""
        x, levels = case
        latents, _ = target.glow(x, levels)
        with unchanged(*latents):
            back = target.glow_inverse(latents, levels)
        assert_close(back, x, rtol=1e-7, atol=1e-7, what="the inverse of the latents")

    @handful
    @given(case=glow_cases())
    def test_log_det_is_that_of_the_jacobian(self, target, case):
        """log_det is log|det| of the Jacobian from the image to all latents together, for every sample."""
        x, levels = case

        def flat(x):
            return torch.cat([latent.flatten(start_dim=1) for latent in target.glow(x, levels)[0]], dim=1)

        expected = log_det_by_autograd(flat, x)
        assert_close(target.glow(x, levels)[1], expected, rtol=1e-8, atol=1e-8, what="log_det")

    @pytest.mark.hidden
    @few
    @given(case=glow_cases(), seed=seeds())
    def test_generates(self, target, case, seed):
        """Latents drawn at random come back when the image made of them is encoded."""
        x, levels = case
        latents = [draw_normal(*part.shape, seed=seed + i) for i, part in enumerate(glow_by_hand(x, levels)[0])]
        image = target.glow_inverse(latents, levels)
        assert_shape(image, x.shape, x.dtype, "the image")
        again, _ = target.glow(image, levels)
        assert_close(again, latents, rtol=1e-7, atol=1e-7, what="the latents of the image")

    @pytest.mark.hidden
    def test_shapes(self, target):
        """Oblong images, float32 and float64, a batch of one: the latents have the shapes of the handout."""
        for dtype in (torch.float32, torch.float64):
            for batch, height, width in ((1, 8, 16), (2, 16, 8)):
                x = draw_normal(batch, 1, height, width, dtype=dtype)
                latents, log_det = target.glow(x, [[bent_flow()], [], []])
                shapes = [(batch, c, height // side, width // side) for c, side in ((2, 2), (4, 4), (16, 8))]
                assert_true(len(latents) == 3, f"There should be 3 latents, not {len(latents)}.")
                for index, (latent, shape) in enumerate(zip(latents, shapes)):
                    assert_shape(latent, shape, dtype, f"latent {index}")
                assert_close(log_det, -0.5 * (1 + x**2).log().sum(dim=(1, 2, 3)), what="log_det")
                assert_close(
                    target.glow_inverse(latents, [[bent_flow()], [], []]), x, rtol=1e-4, atol=1e-4, what="the inverse"
                )

    @pytest.mark.hidden
    def test_refuses(self, target):
        """No levels, and sides that cannot be halved in every level, are refused."""

        def same(x):
            return x, torch.zeros(x.shape[0])

        for shape, count in (((4, 4), 0), ((4, 4), 3), ((4, 6), 2), ((6, 4), 2), ((3, 2), 1), ((2, 3), 1)):
            with raises(ValueError, f"for {count} levels and an image of {shape}"):
                target.glow(torch.zeros(1, 1, *shape), [[(same, same)]] * count)


@st.composite
def latent_cases(draw):
    z = draw(gaussians(st.sampled_from([(1, 2), (3, 1), (2, 3), (3, 2, 1, 2)])))
    return z, draw(gaussians(z.shape[0], scale=2.0))


@pytest.mark.exercise("flow_nll", points=1)
class TestFlowNLL:
    @some
    @given(case=latent_cases())
    def test_mean_of_minus_log_density(self, target, case):
        """It is the mean over the batch of −log N(z; 0, I) − log_det."""
        z, log_det = case
        with unchanged(z, log_det):
            assert_close(target.flow_nll(z, log_det), -(log_normal(z) + log_det).mean())

    @some
    @given(sigma=reals(0.1, 5.0), size=st.integers(1, 5))
    def test_at_the_mean_of_a_gaussian(self, target, sigma, size):
        """For data at the mean of N(0, σ²I) in d dimensions it is d·log(σ√(2π))."""
        z = torch.zeros(2, size, dtype=torch.float64)
        log_det = torch.full((2,), -size * math.log(sigma), dtype=torch.float64)
        expected = size * math.log(sigma * math.sqrt(2 * math.pi))
        assert_close(target.flow_nll(z, log_det), torch.tensor(expected, dtype=torch.float64))

    @pytest.mark.hidden
    @few
    @given(case=latent_cases())
    def test_gradient(self, target, case):
        """Its gradients are z/n and −1/n."""
        z, log_det = case
        batch = z.shape[0]
        assert_close(gradient(lambda z: target.flow_nll(z, log_det), z), z / batch, what="∂NLL/∂z")
        result = gradient(lambda log_det: target.flow_nll(z, log_det), log_det)
        assert_close(result, torch.full((batch,), -1 / batch, dtype=z.dtype), what="∂NLL/∂log_det")

    @pytest.mark.hidden
    def test_shapes(self, target):
        """A number of the type of z; a log_det of any other shape than (batch,) is refused."""
        for dtype in (torch.float32, torch.float64):
            assert_shape(target.flow_nll(torch.zeros(1, 2, dtype=dtype), torch.zeros(1, dtype=dtype)), (), dtype)
        for shape in ((3, 1), (1,), (), (2,), (3, 2)):
            with raises(ValueError, f"for 3 samples and a log_det of shape {shape}"):
                target.flow_nll(torch.zeros(3, 2), torch.zeros(shape))


@pytest.mark.exercise("dequantize", points=1)
class TestDequantize:
    @some
    @given(pixels=st.lists(st.integers(0, 255), min_size=1, max_size=6), noise=reals(0.0, 0.999))
    @example(pixels=[0, 7, 255], noise=0.6)
    def test_stays_in_the_pixel_s_interval(self, target, pixels, noise):
        """Pixel k lands in [k/256, (k+1)/256), at the place within that the noise says."""
        values = torch.tensor(pixels)
        noise = torch.full((len(pixels),), noise, dtype=torch.float64)
        with unchanged(values, noise):
            y = target.dequantize(values, noise)
        assert_shape(y, (len(pixels),), torch.float64)
        assert_close(256 * y - values, noise, what="256·y − pixel")

    @some
    @given(bins=st.integers(2, 40), noise=reals(0.0, 0.99))
    def test_all_pixels_fill_the_unit_interval(self, target, bins, noise):
        """The values of all pixels 0 … bins − 1 are evenly spaced in [0, 1)."""
        y = target.dequantize(torch.arange(bins), torch.full((bins,), noise, dtype=torch.float64), bins)
        assert_close(y[0], torch.tensor(noise / bins, dtype=torch.float64), what="the value of pixel 0")
        assert_close(y.diff(), torch.full((bins - 1,), 1 / bins, dtype=torch.float64), what="the spacing")
        assert_true((y >= 0).all() and (y < 1).all(), "The values should lie in [0, 1).")

    @pytest.mark.hidden
    def test_shapes(self, target):
        """Images keep their shape, and the type is that of the noise; no pixels work."""
        for dtype in (torch.float32, torch.float64):
            for shape in ((2, 3, 2, 2), (0, 3), ()):
                pixels = torch.full(shape, 3, dtype=torch.uint8)
                y = target.dequantize(pixels, torch.full(shape, 0.5, dtype=dtype), 4)
                assert_close(y, torch.full(shape, 0.875, dtype=dtype))

    def test_bytes(self, target):
        """Pixels may be bytes with all their 256 values."""
        pixels = torch.arange(256).to(torch.uint8)
        y = target.dequantize(pixels, torch.zeros(256, dtype=torch.float64))
        assert_close(y, torch.arange(256, dtype=torch.float64) / 256)

    @pytest.mark.hidden
    def test_refuses(self, target):
        """A pixel outside 0 … bins − 1 is refused."""
        for pixels, bins in (([0, 256], 256), ([-1, 3], 256), ([8], 8), ([300, 2], 256)):
            with raises(ValueError, f"for pixels {pixels} and {bins} bins"):
                target.dequantize(torch.tensor(pixels), torch.zeros(len(pixels)), bins)


@pytest.mark.exercise("bits_per_dimension", points=1)
class TestBitsPerDimension:
    @some
    @given(bits=st.integers(1, 10), dimensions=st.integers(1, 3072))
    def test_uniform_density(self, target, bits, dimensions):
        """A model that knows nothing, uniform on the unit cube, pays log₂(bins) bits for each dimension."""
        assert_close(target.bits_per_dimension(0.0, dimensions, 2**bits), float(bits))

    @some
    @given(weights=tensors(st.integers(2, 6), 0.05, 1.0), dimensions=st.integers(1, 5))
    def test_entropy(self, target, weights, dimensions):
        """For a density that is constant on each of the bins it is the entropy of their probabilities, in bits."""
        p = weights / weights.sum()
        density = p * len(p)  # bin k has probability p_k and width 1 / len(p)
        nll = -dimensions * (p * density.log()).sum().item()
        entropy = -(p * p.log2()).sum().item()
        assert_close(target.bits_per_dimension(nll, dimensions, len(p)), entropy)

    @pytest.mark.hidden
    @some
    @given(nll=reals(-9000.0, 9000.0), dimensions=st.integers(1, 3072))
    def test_default_is_256_bins(self, target, nll, dimensions):
        """With 256 bins, the default, it is 8 bits plus the NLL in bits for each dimension."""
        assert_close(target.bits_per_dimension(nll, dimensions), 8 + nll / math.log(2) / dimensions)


def moons(count, seed):
    """Two interlocked half circles with noise, of mean about 0."""
    angle = math.pi * torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    side = torch.arange(count) % 2 == 0
    x = torch.where(side, angle.cos(), 1 - angle.cos()) - 0.5
    y = torch.where(side, angle.sin(), 0.5 - angle.sin()) - 0.25
    return torch.stack([x, y], dim=1) + draw_normal(count, 2, seed=seed + 1, scale=0.08)


def coupling_flow(x, parameters):
    """A flow of the plane: affine couplings whose log scale and shift are tanh networks of the other coordinate."""
    log_det = torch.zeros(x.shape[0], dtype=x.dtype)
    for first, bias, second in zip(parameters[::3], parameters[1::3], parameters[2::3]):
        answer = torch.tanh(x[:, 1:] * first + bias) @ second
        log_scale = torch.tanh(answer[:, :1])
        # The coordinates change places, so that the next layer transforms the other one.
        x = torch.cat([x[:, 1:], x[:, :1] * log_scale.exp() + answer[:, 1:]], dim=1)
        log_det = log_det + log_scale[:, 0]
    return x, log_det


def coupling_parameters(layers, hidden, seed):
    """Starting values for `coupling_flow`."""
    parameters = []
    for k in range(layers):
        parameters.append(draw_normal(hidden, seed=seed + 3 * k))
        parameters.append(draw_normal(hidden, seed=seed + 3 * k + 1))
        parameters.append(draw_normal(hidden, 2, seed=seed + 3 * k + 2, scale=0.1))
    return parameters


def affine_flow(x, parameters):
    """z = exp(a)·x + b entry by entry, with parameters a and b of the shape of an event."""
    log_scale, shift = parameters
    return log_scale.exp() * x + shift, log_scale.sum().expand(x.shape[0])


@st.composite
def affine_problems(draw):
    """Data of some width and distance from 0, and parameters of `affine_flow` to start from."""
    size = draw(st.integers(1, 3))
    x = draw(gaussians((20, size))) * draw(tensors(size, 0.5, 2.0)) + draw(tensors(size, -1.0, 1.0))
    return x, [draw(gaussians(size, scale=0.3)), draw(gaussians(size, scale=0.3))]


@pytest.mark.exercise("train_flow", points=3)
class TestTrainFlow:
    def test_finds_the_maximum_likelihood(self, target):
        """An affine flow learns to standardise: at the maximum of the likelihood z has mean 0 and variance 1."""
        width, centre = torch.tensor([[1.3, 0.8], [0.4, -0.3]], dtype=torch.float64)
        x = width * draw_normal(20, 2, seed=3) + centre
        fitted, losses = target.train_flow(x, [torch.zeros_like(width), torch.zeros_like(width)], affine_flow, 30, 0.1)
        z, _ = affine_flow(x, fitted)
        # Thirty steps come within 0.01 of the mean, 0.04 of the variance and 0.002 nats of the best, from 0.3 nats.
        assert_close(z.mean(dim=0), torch.zeros(x.shape[1], dtype=x.dtype), atol=0.1, rtol=0, what="the mean of z")
        assert_close(z.var(dim=0, correction=0), torch.ones_like(z[0]), atol=0.1, rtol=0, what="the variance of z")
        best = x.shape[1] * (1 + math.log(2 * math.pi)) / 2 + x.std(dim=0, correction=0).log().sum().item()
        assert_close(losses[-1], best, atol=1e-2, rtol=0, what="the last loss")

    @few
    @given(problem=affine_problems(), steps=st.sampled_from([1, 0, 2, 3]))  # one step is tried in any case
    def test_what_it_returns(self, target, problem, steps):
        """It returns new tensors without gradients, and the NLL before each step; it leaves its inputs alone."""
        x, start = problem
        with unchanged(x, *start):
            fitted, losses = target.train_flow(x, start, affine_flow, steps, 0.01)
        assert_true(len(fitted) == 2, f"There should be 2 parameters, not {len(fitted)}.")
        for parameter, before in zip(fitted, start):
            assert_shape(parameter, before.shape, before.dtype, "a parameter")
            assert_true(not parameter.requires_grad, "A fitted parameter should not require gradients.")
        assert_true(len(losses) == steps, f"There should be {steps} losses, not {len(losses)}.")
        if steps == 0:
            assert_close(fitted, start, what="the parameters after no step")
        else:
            z, log_det = affine_flow(x, start)
            assert_close(losses[0], -(log_normal(z) + log_det).mean().item(), what="the first loss")

    def test_two_moons(self, target):
        """On two moons the NLL falls below that of the best Gaussian, and the fitted density sums to 1 over a grid."""
        x = moons(96, seed=41)
        # From this start fifteen steps come 0.34 nats below the Gaussian; from others they may not get there.
        start = coupling_parameters(layers=2, hidden=12, seed=41)
        fitted, losses = target.train_flow(x, start, coupling_flow, 15, 0.12)
        gaussian = 1 + math.log(2 * math.pi) + torch.linalg.slogdet(torch.cov(x.T)).logabsdet.item() / 2
        z, log_det = coupling_flow(x, fitted)
        nll = -(log_normal(z) + log_det).mean().item()
        assert_true(nll < gaussian - 0.2, f"The NLL is {nll:.3f} nats, that of a Gaussian {gaussian:.3f}.")
        assert_true(losses[-1] < losses[0], f"The NLL did not fall: {losses[0]:.3f} to {losses[-1]:.3f} nats.")
        side = torch.linspace(-4, 4, 101, dtype=torch.float64)
        z, log_det = coupling_flow(torch.cartesian_prod(side, side), fitted)
        mass = ((log_normal(z) + log_det).exp().sum() * (side[1] - side[0]) ** 2).item()
        assert_close(mass, 1.0, atol=0.03, rtol=0, what="the total mass of the density")

    @pytest.mark.hidden
    @few
    @given(problem=affine_problems(), rate=reals(0.001, 0.2))
    def test_follows_adam(self, target, problem, rate):
        """The losses and parameters are those of Adam on the NLL, step by step."""
        x, start = problem
        fitted, losses = target.train_flow(x, start, affine_flow, 5, rate)
        expected, first, second = list(start), [0.0, 0.0], [0.0, 0.0]
        expected_losses = []
        for t in range(1, 6):
            leaves = [p.clone().requires_grad_() for p in expected]
            z, log_det = affine_flow(x, leaves)
            loss = -(log_normal(z) + log_det).mean()
            expected_losses.append(loss.item())
            for i, slope in enumerate(torch.autograd.grad(loss, leaves)):
                first[i] = 0.9 * first[i] + 0.1 * slope
                second[i] = 0.999 * second[i] + 0.001 * slope**2
                size = (second[i] / (1 - 0.999**t)).sqrt() + 1e-8
                expected[i] = expected[i] - rate * first[i] / (1 - 0.9**t) / size
        # Adam divides by the gradient's size, which magnifies rounding where a gradient is tiny.
        assert_close(losses, expected_losses, rtol=1e-6, atol=1e-6, what="the losses")
        assert_close(fitted, expected, rtol=1e-6, atol=1e-6, what="the parameters")

    @pytest.mark.hidden
    def test_stops_when_the_loss_is_not_finite(self, target):
        """A loss that is infinite or NaN raises ValueError instead of training on."""
        x, start = torch.ones(3, 1, dtype=torch.float64), [torch.ones(1, dtype=torch.float64)]
        for bad in (math.inf, -math.inf, math.nan):
            with raises(ValueError, f"for a log_det of {bad}"):
                target.train_flow(x, start, lambda x, p, bad=bad: (p[0] * x, (p[0] * bad).expand(3)), 2, 0.1)

    @pytest.mark.hidden
    def test_shapes(self, target):
        """Images can be data, and float32 stays float32; parameters that require gradients stay as they are."""
        x = draw_normal(4, 2, 1, 2, dtype=torch.float32)
        start = [torch.zeros(2, 1, 2), torch.zeros(2, 1, 2, requires_grad=True)]
        fitted, losses = target.train_flow(x, start, affine_flow, 2, 0.01)
        assert_close(losses[0], -log_normal(x).mean().item(), rtol=1e-5, what="the first loss")
        for parameter in fitted:
            assert_shape(parameter, (2, 1, 2), torch.float32, "a parameter")
            assert_true(not parameter.requires_grad, "A fitted parameter should not require gradients.")
        assert_true(start[1].requires_grad and start[1].grad is None, "The caller's parameters should not be touched.")
