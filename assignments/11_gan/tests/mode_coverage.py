"""The laws of mode_coverage, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, gaussians, reals, unchanged

OK_FORMAT = False
name = "mode_coverage"
points = [1, 0, 0]
all_or_nothing = True


few = settings(max_examples=6)  # every example is generic, and a wrong answer is wrong for nearly all of them


def vector(*entries):
    """A vector in double precision."""
    return torch.tensor(entries, dtype=torch.float64)


@st.composite
def clouds(draw):
    """Samples, modes and a radius in one to three dimensions."""
    d = draw(st.integers(1, 3))
    samples, modes = draw(gaussians((draw(st.integers(4, 12)), d))), draw(gaussians((draw(st.integers(2, 5)), d), 2.0))
    return samples, modes, draw(reals(0.3, 2.5))


@pytest.mark.exercise("mode_coverage", points=1)
class TestModeCoverage:
    @few
    @given(cloud=clouds())
    @example(cloud=(vector(0.7, 2.2, 3.0)[:, None], vector(0.0, 2.0)[:, None], 0.6))
    def test_value(self, target, cloud):
        """A mode is covered if it is the nearest one of a sample within the radius; the share counts such samples."""
        samples, modes, radius = cloud
        nearest = [min((math.dist(s, m), i) for i, m in enumerate(modes.tolist())) for s in samples.tolist()]
        good = [i for distance, i in nearest if distance <= radius]
        with unchanged(samples, modes):
            covered, share = target.mode_coverage(samples, modes, radius)
        assert_equal(covered, len(set(good)), what="the number of modes")
        assert_close(share, len(good) / len(samples), rtol=1e-6, what="the share of good samples")

    @few
    @given(modes=st.integers(2, 8), copies=st.integers(1, 5))
    def test_collapse(self, target, modes, copies):
        """Samples of a single mode are all good and cover one mode; a sample at each covers all."""
        centres = torch.arange(modes, dtype=torch.float64)[:, None] * vector(3.0, 0.0)
        assert_equal(target.mode_coverage(centres[1:2].repeat(copies, 1), centres, 0.5)[0], 1)
        assert_close(target.mode_coverage(centres[1:2].repeat(copies, 1), centres, 0.5)[1], 1.0)
        covered, share = target.mode_coverage(centres.repeat(copies, 1), centres, 0.5)
        assert_equal(covered, modes)
        assert_close(share, 1.0)

    def test_nothing(self, target):
        """Samples far from every mode cover none, and no samples at all give (0, 0.0)."""
        modes = vector(0.0, 0.0, 1.0, 1.0).reshape(2, 2)
        for samples in (modes + 50, modes[:0]):
            covered, share = target.mode_coverage(samples, modes, 0.5)
            assert_equal(covered, 0)
            assert_close(share, 0.0)


@test_case(name="mode_coverage - test_value", hidden=False)
def law_1(env):
    check_law(TestModeCoverage, "test_value", env)


@test_case(name="mode_coverage - test_collapse", hidden=False)
def law_2(env):
    check_law(TestModeCoverage, "test_collapse", env)


@test_case(name="mode_coverage - test_nothing", hidden=False)
def law_3(env):
    check_law(TestModeCoverage, "test_nothing", env)
