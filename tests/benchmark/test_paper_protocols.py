"""The small protocols of papers C, D and E: what each adds to the simulated protocol, on a few samples."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headwater.benchmark.direct_unet import ANY, DIRECT_UNET, cortical_volume, discs
from headwater.benchmark.heads import Setup, true_leadfield
from headwater.benchmark.methods import CONTROLS, Estimator, Fitted
from headwater.benchmark.protocol import Case, Settings
from headwater.benchmark.simulated import Extent, Simulated
from headwater.benchmark.spikes import SPIKES, OnMontage, patches
from headwater.benchmark.subcortical import PLACES, SUBCORTICAL, VALIDATION, clusters
from headwater.metrics import active_volume_error
from headwater.metrics.table import METRICS
from headwater.simulation.distributions import Constant
from headwater.simulation.simulator import simulate
from headwater.simulation.temporal.clips import Clips
from headwater.solvers import SLORETA
from headwater.solvers.evaluation import activity, comparable, estimate_samples
from headwater.training.bundled import FOLDER, bundled_recipes
from headwater.training.recipe import Recipe, find_preset

N = 6
CORTEX = Setup("easycap-M10", "cortex", "ico3", ico=3)


def tiny(protocol: Simulated, setup: Setup, cases: tuple[Case, ...], **changes) -> Simulated:
    extent = Extent(setup=setup, n=N, n_training=2, seeds=(1,), cases=cases)
    return replace(protocol, sizes={"quick": extent}, **changes)


@pytest.fixture
def sloreta() -> Fitted:
    return Fitted(SLORETA())


def test_direct_unet_scores_the_volume_that_the_metric_gives(sloreta) -> None:
    case = Case(name="one", title="one", tuned_on="40 dB", setting=discs(ANY, 40))
    protocol = tiny(DIRECT_UNET, CORTEX, (case,))
    scored = protocol.score(sloreta, case, 1, Settings())
    exam = protocol.exam(case, 1, Settings())
    leadfield, samples = exam.pair.model, exam.samples
    solver = SLORETA().fit(leadfield)
    x_est = estimate_samples(solver, samples, in_noise_units=True)
    x_true, x_est = comparable(activity(samples), x_est, leadfield)
    expected = active_volume_error(
        x_true, x_est, pos=leadfield.pos, source_volume=cortical_volume() / leadfield.n_sources
    )
    np.testing.assert_allclose(scored.values["active_volume_error"], expected, rtol=1e-9)
    silence = METRICS["accuracy"].function(x_true, np.zeros_like(x_true), pos=leadfield.pos)
    np.testing.assert_allclose(scored.values["accuracy_gain"], scored.values["accuracy"] - silence, atol=1e-12)
    assert set(protocol.measures) == set(scored.values)


def test_direct_unet_controls_show_the_balance_of_the_classes() -> None:
    case = Case(name="one", title="one", tuned_on="40 dB", setting=discs(Constant(5), 40))
    protocol = tiny(DIRECT_UNET, CORTEX, (case,))
    perfect = protocol.score(CONTROLS["Perfect"], case, 1, Settings()).values
    chance = protocol.score(CONTROLS["Random"], case, 1, Settings()).values
    share = simulate(true_leadfield(CORTEX, 1), case.setting, N, 1).coefficients.mean(1).numpy()
    np.testing.assert_allclose(perfect["accuracy_gain"], share, rtol=1e-6)
    assert not perfect["active_volume_error"].any()
    assert chance["precision"].mean() == pytest.approx(share.mean(), rel=0.3)
    assert chance["accuracy"].mean() == pytest.approx(0.5, abs=0.05)


def test_grey_matter_is_as_large_as_a_brain_s() -> None:
    assert 2e-4 < cortical_volume() < 8e-4  # m^3


def test_spikes_of_training_tuning_and_test_are_from_different_simulations() -> None:
    tested = {case.setting.preset.courses.seed for extent in SPIKES.sizes.values() for case in extent.cases}
    tuned = {preset.courses.seed for preset in SPIKES.training_presets.values()}
    recipes = [(path, Recipe.read(path)) for path in bundled_recipes().values()]
    courses = {path.stem: find_preset(recipe.preset, FOLDER).courses for path, recipe in recipes}
    trained = {name: one.seed for name, one in courses.items() if isinstance(one, Clips)}
    assert trained.keys() >= {"cnn-transformer", "deepsif", "gru-dual-path"}
    assert len(tested) == len(tuned) == 1
    assert tested.isdisjoint(tuned)
    assert (tested | tuned).isdisjoint(trained.values())


def test_spikes_are_seen_by_the_electrodes_of_the_case(sloreta, tmp_path: Path) -> None:
    np.save(tmp_path / "clips.npy", np.exp(-0.5 * ((np.arange(40) - 20) / 4.0) ** 2)[None])
    courses = Clips(str(tmp_path / "clips.npy"), sfreq=250.0)
    preset = replace(patches(Constant(1), Constant(20.0)), courses=courses, n_times=40)
    counts = {"biosemi16": 16, "biosemi32": 32}
    cases = tuple(
        Case(name=montage, title=montage, tuned_on=montage, setting=OnMontage(montage, preset)) for montage in counts
    )
    protocol = tiny(SPIKES, CORTEX, cases, training_presets=dict.fromkeys(counts, preset))
    settings = Settings(inverse_crime=True)
    seen = []

    class Noting(Fitted):
        def estimator(self, exam) -> Estimator:
            seen.append(exam.pair.model.n_channels)
            return super().estimator(exam)

    for case in cases:
        assert protocol.training(case.tuned_on, settings).leadfield.n_channels == counts[case.tuned_on]
        found = protocol.score(Noting(SLORETA()), case, 1, settings).values
        chance = protocol.score(CONTROLS["Random"], case, 1, settings).values
        assert set(found) == set(protocol.measures)
        assert found["localization_error"].mean() < 0.7 * chance["localization_error"].mean()
        assert found["time_course_correlation"].mean() > 0.8
    assert seen == list(counts.values())


def test_subcortical_clusters_lie_where_the_case_says(sloreta) -> None:
    setup = Setup("easycap-M10", "mixed", "ico3", ico=3, deviation=VALIDATION)
    cases = {
        place: Case(name=place, title=place, tuned_on="20 dB", setting=clusters(20, share))
        for place, share in PLACES.items()
    }
    protocol = tiny(SUBCORTICAL, setup, tuple(cases.values()))
    leadfield = true_leadfield(setup, 1)
    n_cortical = sum(hemisphere["nuse"] for hemisphere in leadfield.src[:2])
    for place, case in cases.items():
        centers = simulate(leadfield, case.setting, N, 1).truth.centers
        assert ((centers < n_cortical) == (place == "cortical")).all()
        found = protocol.score(sloreta, case, 1, Settings()).values
        chance = protocol.score(CONTROLS["Random"], case, 1, Settings()).values
        assert found["localization_error"].mean() < 0.6 * chance["localization_error"].mean()
        assert found["auprc"].mean() > 3 * chance["auprc"].mean()
    crime = protocol.score(sloreta, cases["cortical"], 1, Settings(inverse_crime=True)).values
    assert not np.allclose(crime["auprc"], protocol.score(sloreta, cases["cortical"], 1, Settings()).values["auprc"])
