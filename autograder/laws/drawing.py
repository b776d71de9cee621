"""The inputs of a law: drawn by Hypothesis while the law is run, or ahead of time and kept.

To draw them is most of the work of a law that passes, and with one seed every submission meets the same ones: a judge
that grades a class draws them once.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass

import hypothesis
import numpy as np
import torch

from autograder.laws.collect import Law


@dataclass(frozen=True)
class Input:
    """What a law meets once: its claim, the inputs by name, and where the random generators stand."""

    claim: Callable
    values: dict
    random_state: tuple


def law_seed(seed: int, law: Law) -> int:
    """The seed of one law's inputs, from the course's seed and the law's name."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{law.key}".encode()).digest()[:4], "big")


def for_each_input(law: Law, seed: int, once: Callable[[Callable, dict], None]) -> None:
    """Call `once(claim, inputs)` for every input that the course's `seed` gives.

    `claim(target=…, **inputs)` is what the law says of a target; the random generators stand where the law's seed
    puts them. A law without inputs is called once. What `once` raises has Hypothesis search for smaller inputs.
    """
    seed = law_seed(seed, law)
    _seed_generators(seed)
    method = law.bound()
    if not law.takes_inputs:
        once(method, {})
        return
    hypothesis.seed(seed)(method.__func__)
    handle = method.hypothesis
    inner = handle.inner_test

    explicit = hasattr(method, "hypothesis_explicit_examples")

    def given(*args, target, **inputs):
        # An @example is the same object every time, which a law or a target may change.
        once(functools.partial(inner, *args), copy.deepcopy(inputs) if explicit else inputs)

    handle.inner_test = given
    try:
        method(target=None)
    finally:
        handle.inner_test = inner


def draw_inputs(law: Law, seed: int) -> tuple[Input, ...]:
    """All inputs that `run_law` would let a target meet that passes; none for a law that takes no inputs."""
    drawn: list[Input] = []

    def once(claim: Callable, values: dict) -> None:
        state = random_state()
        if drawn and _same_state(state, drawn[-1].random_state):
            state = drawn[-1].random_state  # kept once: it is some kilobytes, and mostly the same
        drawn.append(Input(claim, values, state))

    if law.takes_inputs:
        for_each_input(law, seed, once)
    return tuple(drawn)


def drew_nothing(law: Law, seed: int) -> bool:
    """Whether a law that has just been run took no inputs and nothing from the random generators.

    Then neither it nor its target can tell one seed from another.
    """
    if law.takes_inputs:
        return False
    state = random_state()
    _seed_generators(law_seed(seed, law))
    return _same_state(state, random_state())


def _seed_generators(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)


def random_state() -> tuple:
    """Where the random generators of this process stand: Python's, NumPy's, torch's."""
    return random.getstate(), np.random.get_state(), torch.default_generator.get_state()


def set_random_state(state: tuple) -> None:
    """Put the random generators back where `random_state` found them."""
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.default_generator.set_state(state[2])


def _same_state(one: tuple, other: tuple) -> bool:
    numpy_same = all(np.array_equal(a, b) for a, b in zip(one[1], other[1], strict=True))
    return numpy_same and one[0] == other[0] and torch.equal(one[2], other[2])
