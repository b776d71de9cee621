"""How Hypothesis runs laws: few examples, no clock, no memory between runs, and every random generator seeded."""

import torch
from hypothesis import HealthCheck, Phase, register_random, settings
from hypothesis.internal.conjecture import providers


class TorchRandom:
    """Torch's generator, in the shape in which Hypothesis reseeds generators before each example.

    Only the processor's: `torch.manual_seed` also queues a call, with a stack trace, for every kind of accelerator.
    """

    def seed(self, seed: int) -> None:
        torch.default_generator.manual_seed(seed)

    def getstate(self) -> torch.Tensor:
        return torch.default_generator.get_state()

    def setstate(self, state: torch.Tensor) -> None:
        torch.default_generator.set_state(state)


# Hypothesis holds registered generators weakly, so this one needs a name that lasts.
_torch_random = TorchRandom()


def draw_no_constants_of_modules() -> None:
    """Keep what Hypothesis draws from depending on which modules are imported, and from where.

    It mixes constants into its draws that it finds in the source of modules outside site-packages: in a student's
    folder, or where this package is installed in place. The same seed would give other inputs there than in grading.
    There is no setting for it; tests/test_laws.py notices if a later version does it another way.
    """
    if hasattr(providers, "_get_local_constants"):
        nothing = providers.Constants()
        providers._get_local_constants = lambda: nothing
        providers.CONSTANTS_CACHE.cache.clear()


def load_profile(shrink: bool = True) -> None:
    """Make the settings of laws the default for every law defined or run from now on.

    Without `shrink` a law that fails says so at once, with whatever input it failed on: for staff, who want to know
    that it fails and not why. The verdicts are the same.
    """
    register_random(_torch_random)
    draw_no_constants_of_modules()
    settings.register_profile(
        "laws",
        max_examples=30,
        deadline=None,  # a slow machine must not change a verdict
        database=None,  # nor may an earlier run
        # The explain phase prints file paths.
        phases=(Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    settings.load_profile("laws")
