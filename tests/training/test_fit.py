"""The loop: a run that was interrupted ends as one that was not; schedules, early stopping, quiet."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from headwater._utils.errors import InputError
from headwater.forward.pair import LeadFieldPair
from headwater.simulation.presets import PIUNET
from headwater.training.checkpoints import last_checkpoint
from headwater.training.fit import Conduct, fit
from headwater.training.losses import CurrentL1
from headwater.training.losses.base import Loss
from headwater.training.module import Trainee
from headwater.training.pairs import TrainingPair
from headwater.training.schedule import Plateau, Schedule
from headwater.training.validation import Validation

SCHEDULE = {"learning_rate": 1e-2, "warmup": 2, "ema": 0.5}
WINDOWS = replace(PIUNET, name="windows", n_times=5)


class Interrupting(Loss):
    """Somebody presses Ctrl-C while a step is worked on."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def __call__(self, prediction, samples, bound):
        self.calls += 1
        if self.calls == self.at:
            signal.raise_signal(signal.SIGINT)
        return CurrentL1()(prediction, samples, bound)


@pytest.fixture
def train(leadfield, small, tmp_path):
    """Train the tiny network; return it and what Lightning was given."""

    def run(
        out: str = "run",
        steps: int = 6,
        loss: Loss | None = None,
        schedule: dict | None = None,
        *,
        resume: bool = False,
        seed: int = 0,
        validation: Validation | None = None,
        **conduct: object,
    ):
        pairs = [TrainingPair.inverse_crime(leadfield), TrainingPair.inverse_crime(leadfield, weight=2.0)]
        plan = Schedule(steps=steps, **{**SCHEDULE, **(schedule or {})})
        trainee = Trainee(
            small(), pairs, PIUNET, loss or CurrentL1(), plan, batch_size=4, seed=seed, validation=validation
        )
        return fit(trainee, out=tmp_path / out, conduct=Conduct(**conduct), resume=resume)

    return run


def state(folder: Path) -> dict:
    """The last checkpoint, without pickled classes."""
    return torch.load(last_checkpoint(folder), weights_only=True)


def same(one: object, other: object) -> bool:
    """Whether two nested states are the same to the last bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


@pytest.mark.parametrize("batch", [1, 3])
def test_an_interrupted_run_ends_as_one_that_was_not(train, tmp_path, batch):
    whole = train("whole")
    with pytest.raises(KeyboardInterrupt):
        train("parts", loss=Interrupting(batch))
    assert state(tmp_path / "parts")["global_step"] == batch  # the step was finished
    resumed = train("parts", resume=True)
    one, other = state(tmp_path / "whole"), state(tmp_path / "parts")
    assert one["global_step"] == 6
    assert same(resumed.network.state_dict(), whole.network.state_dict())
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "global_step"):
        assert same(one[part], other[part]), part


def test_averaged_weights_follow_slowly(train):
    trainee = train(steps=1)
    before, after = trainee.network.state_dict(), trainee.averaged.state_dict()
    assert same(before, after)  # the first average is the weights themselves
    trainee = train("more", steps=4)
    assert not same(trainee.network.state_dict(), trainee.averaged.state_dict())


def test_a_finished_run_goes_on_with_more_steps(train, tmp_path):
    train(steps=2)
    assert state(tmp_path / "run")["global_step"] == 2
    train(steps=5, resume=True)
    assert state(tmp_path / "run")["global_step"] == 5
    logs = sorted(path.parent.name for path in (tmp_path / "run").glob("log*/metrics.csv"))
    assert logs == ["log", "log-2"]  # the first part's log is kept


def test_samples_depend_on_seed_and_step(train):
    first, again, other = train("a", steps=2), train("b", steps=2), train("c", steps=2, seed=1)
    assert same(first.network.state_dict(), again.network.state_dict())
    assert not same(first.network.state_dict(), other.network.state_dict())


@pytest.fixture
def validation(leadfield) -> Validation:
    return Validation(LeadFieldPair.inverse_crime(leadfield), {"bells": PIUNET}, n=4, metrics=("nmse",), seed=3)


class Fixed(Validation):
    """Never gets better."""

    def scores(self, network, device):
        return {"bells nmse": 1.0}


def test_training_stops_early_where_nothing_improves(train, leadfield, tmp_path):
    stuck = Fixed(LeadFieldPair.inverse_crime(leadfield), {"bells": PIUNET}, n=1, metrics=("nmse",), seed=3)
    train(steps=20, validation=stuck, validate_every=2, patience=3)
    assert state(tmp_path / "run")["global_step"] == 8


def test_the_rate_drops_on_plateaus_and_remembers_them(train, leadfield, tmp_path):
    stuck = Fixed(LeadFieldPair.inverse_crime(leadfield), {"bells": PIUNET}, n=1, metrics=("nmse",), seed=3)
    plan = {"kind": "plateau", "patience": 1, "drop": 0.1}
    train(steps=7, schedule=plan, validation=stuck, validate_every=1)
    kept = state(tmp_path / "run")
    assert kept["plateau"]["share"] == pytest.approx(1e-2)
    assert kept["optimizer_states"][0]["param_groups"][0]["lr"] == pytest.approx(1e-4)
    trainee = train(steps=8, schedule=plan, validation=stuck, validate_every=1, resume=True)
    assert trainee.plateau.share == pytest.approx(1e-2)


def test_plateaus_wait_and_end():
    plan = Schedule(steps=9, kind="plateau", patience=1, drop=0.5, final=0.2)
    plateau = Plateau()
    shares = []
    for score in (3.0, 2.0, 2.5, 2.0, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6):
        plateau.see(score, plan)
        shares.append(plateau.share)
    assert shares == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]


def test_the_rate_grows_and_decays():
    plan = Schedule(steps=110, warmup=10, final=0.1)
    assert [plan.share(step) for step in (0, 4, 9, 10, 60, 110, 200)] == pytest.approx([0.1, 0.5, 1, 1, 0.55, 0.1, 0.1])


def test_it_says_what_it_does_and_nothing_else(train, validation, capsys):
    train(steps=4, validation=validation, validate_every=2)
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.strip().splitlines()
    assert lines[0].startswith("Training PIUNet (")
    assert "'PIUNET', 2 pairs of lead fields: 4 steps of 4 samples on " in lines[0]
    eloreta = f"(eLORETA {validation.baseline['bells nmse']:.3g})".replace("0.", ".")
    assert [line.split(": ")[0] for line in lines[1:]] == ["step 2", "step 4"]
    assert all("bells nmse " in line and line.endswith(eloreta) for line in lines[1:])


def test_what_cannot_be_trained_is_refused(train, monkeypatch):
    with pytest.raises(InputError, match="no checkpoint in .*run; leave out `resume`"):
        train(resume=True)
    with pytest.raises(InputError, match="Patience and plateaus need a validation"):
        train(patience=2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="16-mixed needs a GPU"):
        train(precision="16-mixed")
    with pytest.raises(InputError, match="Schedule.kind: it should be 'cosine' or 'plateau', and is 'linear'"):
        Schedule(steps=1, kind="linear")


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["16-mixed", "bf16-mixed"])
def test_mixed_precision_trains_on_a_gpu(train, precision):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    assert all(value.isfinite().all() for value in train(precision=precision).network.state_dict().values())


class Watching(Loss):
    """Note how long the samples are."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def __call__(self, prediction, samples, bound):
        self.lengths.append(samples.y.shape[2])
        return CurrentL1()(prediction, samples, bound)


def test_a_pair_may_have_samples_of_its_own(leadfield, small, tmp_path):
    pairs = [TrainingPair.inverse_crime(leadfield), TrainingPair(LeadFieldPair.inverse_crime(leadfield), 1.0, WINDOWS)]
    loss = Watching()
    trainee = Trainee(small(), pairs, PIUNET, loss, Schedule(steps=8, **SCHEDULE), batch_size=2, seed=0)
    trainee.rehearse()
    assert set(loss.lengths) == {1, 5}
    fit(trainee, out=tmp_path / "run", conduct=Conduct())
    assert set(loss.lengths[2:]) == {1, 5}
