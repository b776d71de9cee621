"""How Hypothesis runs laws: few examples, no clock, no memory between runs, and every random generator seeded."""

import torch
from hypothesis import HealthCheck, Phase, register_random, settings


class TorchRandom:
    """Torch's generator, in the shape in which Hypothesis reseeds generators before each example."""

    def seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    def getstate(self) -> torch.Tensor:
        return torch.get_rng_state()

    def setstate(self, state: torch.Tensor) -> None:
        torch.set_rng_state(state)


# Hypothesis holds registered generators weakly, so this one needs a name that lasts.
_torch_random = TorchRandom()


def load_profile() -> None:
    """Make the settings of laws the default for every law defined or run from now on."""
    register_random(_torch_random)
    settings.register_profile(
        "laws",
        max_examples=30,
        deadline=None,  # a slow machine must not change a verdict
        database=None,  # nor may an earlier run
        phases=(Phase.explicit, Phase.generate, Phase.shrink),  # the explain phase prints file paths
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    settings.load_profile("laws")
