"""A method is what it is, not what it prints."""

from dataclasses import dataclass

import numpy as np
import pytest

from headwater.benchmark.choice import chosen
from headwater.benchmark.methods import Fitted
from headwater.benchmark.protocols import PROTOCOLS
from headwater.benchmark.simulated import Simulated
from headwater.forward.make import make_leadfield
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.networks import Morphed, NetworkSolver
from headwater.solvers import MinimumNorm


class Alike(MinimumNorm):
    """Prints as any other of its kind, as networks with other weights do."""

    def __init__(self, *, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def estimate(self, data: np.ndarray) -> np.ndarray:
        return self.weight * super().estimate(data)

    def __repr__(self) -> str:
        return "Alike()"


def test_solvers_that_print_alike_are_not_confused() -> None:
    head = template_head()
    info = montage_info(head, "biosemi16")
    leadfield = make_leadfield(head, info, "volume", spacing=30.0, method="sphere")
    first, second = Fitted(Alike(weight=1.0)), Fitted(Alike(weight=2.0))
    assert repr(first.solver) == repr(second.solver)
    data = leadfield.matrix[:, :1]
    estimates = [method.fitted(leadfield, None)[0].estimate(data) for method in (first, second)]
    np.testing.assert_allclose(estimates[1], 2 * estimates[0])
    assert first.fitted(leadfield, None)[0] is first.fitted(leadfield, None)[0]
    tuned = first.with_parameters({"weight": 3.0})
    np.testing.assert_allclose(tuned.fitted(leadfield, None)[0].estimate(data), 3 * estimates[0])


def test_bundled_networks_of_one_lead_field_are_chosen_by_name() -> None:
    protocol = PROTOCOLS["direct-unet"]
    assert "direct-unet" not in protocol.solvers  # it does not take any lead field
    methods = chosen(protocol, ["direct-unet", "morphed:direct-unet", "eloreta"])
    assert list(methods)[:3] == ["direct-unet", "direct-unet-morphed", "eloreta"]
    assert isinstance(methods["direct-unet"].solver, NetworkSolver)
    assert isinstance(methods["direct-unet-morphed"].solver, Morphed)


def test_overrides_that_a_dataclass_would_ignore_are_refused() -> None:
    with pytest.raises(TypeError, match="overrides about without a type annotation"):

        class Ignored(Simulated):
            about = "never shown"

    @dataclass(frozen=True, eq=False)
    class Shown(Simulated):
        about: str = "shown"

    assert Shown(name="a", title="b", sizes={}, training_presets={}, metrics=()).about == "shown"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("subcortical", "electrodes moved by 2 mm"),
        ("direct-unet", "Round patches of the cortex"),
        ("known-head", "Solvers know the shape of the head"),
        ("piunet", "another head than the one that solvers assume"),
        ("speed", "Times depend on the machine"),
    ],
)
def test_each_protocol_states_its_own_provenance(name: str, words: str) -> None:
    assert words in PROTOCOLS[name].about
