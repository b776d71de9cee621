"""The laws of EarlyStopping, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_close, assert_equal, raises

OK_FORMAT = False
name = "EarlyStopping"
points = [2, 0, 0, 0, 0]
all_or_nothing = True


SOME = settings(max_examples=15)


@st.composite
def validations(draw):
    """A patience, an interval between checks, and a validation loss for every epoch, many of them equal."""
    losses = draw(st.lists(st.integers(0, 6).map(lambda value: value / 2), min_size=8, max_size=20))
    return draw(st.integers(1, 3)), draw(st.integers(1, 3)), losses


def stopped_by_hand(patience, every, losses):
    """The epoch at which to stop (or None), and the best loss and epoch until then, by looking at the whole history."""
    for epoch in range(1, len(losses) + 1):
        checks = [(losses[e - 1], e) for e in range(every, epoch + 1, every)]
        if not checks:
            continue
        best = min(checks)  # of equal losses the first
        if sum(e > best[1] for _, e in checks) >= patience:
            return epoch, best
    return None, (min(checks) if checks else (math.inf, None))


def at_epoch(epoch):
    """Weights that tell the epoch that they are from."""
    return [torch.full((2,), float(epoch), dtype=torch.float64), torch.tensor([[-float(epoch)]], dtype=torch.float64)]


@pytest.mark.exercise("EarlyStopping", points=2)
class TestEarlyStopping:
    @SOME
    @given(case=validations())
    def test_history(self, target, case):
        """It stops once `patience` checks have passed since the best one, and knows its loss, epoch and weights."""
        patience, every, losses = case
        stop, (best_loss, best_epoch) = stopped_by_hand(patience, every, losses)
        stopper = target.EarlyStopping(patience, every)
        for epoch, loss in enumerate(losses[:stop], start=1):
            assert_equal(
                stopper.update(epoch, loss, at_epoch(epoch)), epoch == stop, what=f"the answer in epoch {epoch}"
            )
        assert_close(stopper.best_loss, best_loss, what="best_loss")
        assert_equal(stopper.best_epoch, best_epoch, what="best_epoch")
        if best_epoch is not None:
            assert_close(stopper.best_weights, at_epoch(best_epoch), what="best_weights")

    def test_patience(self, target):
        """It stops exactly after p checks without improvement, equal losses and oscillation above the best included."""
        for patience, losses in (
            (1, [3.0, 2.0, 2.0]),
            (3, [5.0, 6.0, 5.5, 5.2]),
            (2, [3.0, 4.0, 2.0, 2.5, 1.0, 1.5, 1.0]),
        ):
            stopper = target.EarlyStopping(patience)
            answers = [stopper.update(epoch, loss, at_epoch(epoch)) for epoch, loss in enumerate(losses, start=1)]
            assert_equal(
                answers, [False] * (len(losses) - 1) + [True], what=f"the list of answers (patience {patience})"
            )

    def test_interval(self, target):
        """With every=3 only epochs 3, 6, 9, \u2026 are looked at, whatever happens between them."""
        stopper = target.EarlyStopping(2, every=3)
        losses = [0.1, 0.1, 5.0, 0.1, 9.0, 4.0, 0.1, 0.1, 4.5, 9.0, 0.1, 4.2]
        answers = [stopper.update(epoch, loss, at_epoch(epoch)) for epoch, loss in enumerate(losses, start=1)]
        assert_equal(answers, [False] * 11 + [True], what="the list of answers")
        assert_close(stopper.best_loss, 4.0, what="best_loss")
        assert_equal(stopper.best_epoch, 6, what="best_epoch")
        assert_close(stopper.best_weights, at_epoch(6), what="best_weights")

    def test_start_and_errors(self, target):
        """Before the first check nothing is best; a patience or an interval below 1 is a ValueError."""
        stopper = target.EarlyStopping(1, 2)
        assert_equal(stopper.update(1, 3.0, at_epoch(1)), False, what="the answer")
        assert_close(stopper.best_loss, math.inf, what="best_loss")
        assert_equal(stopper.best_epoch, None, what="best_epoch")
        assert_equal(stopper.best_weights, None, what="best_weights")
        for patience, every in ((0, 1), (1, 0), (-1, 1)):
            with raises(ValueError, f"for patience = {patience} and every = {every}"):
                target.EarlyStopping(patience, every)

    def test_changed_in_place(self, target):
        """The best weights stay what they were when the given ones change in place afterwards."""
        weights = at_epoch(1)
        stopper = target.EarlyStopping(5)
        stopper.update(1, 1.0, weights)
        for part in weights:
            part += 10
        stopper.update(2, 2.0, weights)
        assert_close(stopper.best_weights, at_epoch(1), what="best_weights")


@test_case(name="EarlyStopping - test_history", hidden=False)
def law_1(env):
    check_law(TestEarlyStopping, "test_history", env)


@test_case(name="EarlyStopping - test_patience", hidden=False)
def law_2(env):
    check_law(TestEarlyStopping, "test_patience", env)


@test_case(name="EarlyStopping - test_interval", hidden=False)
def law_3(env):
    check_law(TestEarlyStopping, "test_interval", env)


@test_case(name="EarlyStopping - test_start_and_errors", hidden=False)
def law_4(env):
    check_law(TestEarlyStopping, "test_start_and_errors", env)


@test_case(name="EarlyStopping - test_changed_in_place", hidden=False)
def law_5(env):
    check_law(TestEarlyStopping, "test_changed_in_place", env)
