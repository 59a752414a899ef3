import mne
import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.simulation.distributions import Constant, Uniform
from headwater.simulation.noise import FromCovariance, PerSensorType, Recorded, White
from headwater.simulation.noise.sensors import SensorArray

TYPES = ("eeg",) * 8 + ("mag",) * 5 + ("grad",) * 6
NAMES = tuple(f"{kind}{index}" for index, kind in enumerate(TYPES))
SCALE = np.array([{"eeg": 1e-6, "mag": 1e-13, "grad": 3e-12}[kind] for kind in TYPES])
EEG = np.array(TYPES) == "eeg"


def _sensors(*, average_reference=True, sfreq=200.0):
    return SensorArray(NAMES, TYPES, sfreq, average_reference, torch.device("cpu"))


def _covariance(seed=0):
    rng = np.random.default_rng(seed)
    mixing = SCALE[:, None] * rng.standard_normal((len(TYPES), 40))
    return mixing @ mixing.T / 40


def _reference():
    matrix = np.eye(len(TYPES))
    matrix[np.ix_(EEG, EEG)] -= 1 / EEG.sum()
    return matrix


def _signal(n, n_times, seed=3):
    drawn = torch.randn((n, len(TYPES), n_times), generator=torch.Generator().manual_seed(seed))
    return drawn * torch.as_tensor(SCALE, dtype=torch.float32)[:, None]


def _recording(n_times=20_000):
    """Noise with a slow envelope, so that quiet and loud segments differ; each channel has an offset."""
    rng = np.random.default_rng(5)
    data = np.linalg.cholesky(_covariance(1)) @ rng.standard_normal((len(TYPES), n_times))
    return data * (1 + 0.5 * np.sin(np.arange(n_times) / 300)) + 5 * SCALE[:, None]


def _measured_db(signal, noise, kind):
    """SNR by the definition, computed in double precision apart from the package."""
    rows = np.array(TYPES) == kind
    power = [((_reference() @ data.double().numpy())[:, rows] ** 2).mean((1, 2)) for data in (signal, noise)]
    return power


MODELS = {
    "white": White(7.0),
    "covariance": FromCovariance(_covariance(), 7.0),
    "recorded": Recorded(_recording(), 7.0),
    "per type": PerSensorType(
        eeg=White(7.0), mag=Recorded(_recording()[8:13], 7.0), grad=FromCovariance(_covariance()[13:, 13:], 7.0)
    ),
}


@pytest.mark.parametrize("average_reference", [True, False])
@pytest.mark.parametrize("model", MODELS)
def test_snr_is_as_requested(model, average_reference):
    signal = _signal(2500, 40)
    noise, snr_db, rms = (
        MODELS[model].bind(_sensors(average_reference=average_reference)).draw(signal, torch.Generator().manual_seed(0))
    )
    assert (snr_db == 7.0).all()
    assert snr_db.shape == (2500, 3)
    for column, kind in enumerate(("eeg", "mag", "grad")):
        signal_power, noise_power = _measured_db(signal, noise, kind)
        assert np.mean(noise_power / rms[:, column].double().numpy() ** 2) == pytest.approx(1.0, abs=0.025)
        assert 10 * np.log10(1 / np.mean(noise_power / signal_power)) == pytest.approx(7.0, abs=0.1)


def test_drawn_snr_is_reported_and_holds_for_every_sample():
    signal = _signal(400, 400)
    noise, snr_db, _ = White(Uniform(-10, 20)).bind(_sensors()).draw(signal, torch.Generator().manual_seed(1))
    signal_power, noise_power = _measured_db(signal, noise, "eeg")
    np.testing.assert_allclose(10 * np.log10(signal_power / noise_power), snr_db[:, 0], atol=0.6)
    assert snr_db.min() < -8
    assert snr_db.max() > 18


def test_sigma_is_equation_6():
    """sigma_noise = sigma_signal / sqrt(10^(SNR / 10)), for sensors without a reference."""
    sensors = SensorArray(NAMES[8:13], TYPES[8:13], 200.0, True, torch.device("cpu"))
    signal = _signal(1, 50)[:, 8:13].expand(4000, -1, -1)
    noise, _, _ = White(12.0).bind(sensors).draw(signal, torch.Generator().manual_seed(1))
    sigma = signal[0].double().square().mean().sqrt() / np.sqrt(10**1.2)
    assert noise.double().std().item() == pytest.approx(sigma.item(), rel=0.005)


@pytest.mark.parametrize("average_reference", [True, False])
def test_noise_has_exactly_the_covariance(average_reference):
    n = 40_000
    bound = FromCovariance(_covariance()).bind(_sensors(average_reference=average_reference))
    noise, snr_db, rms = bound.draw(_signal(n, 5), torch.Generator().manual_seed(2))
    reference = _reference() if average_reference else np.eye(len(TYPES))
    expected = reference @ _covariance() @ reference.T
    whitened = noise.double().transpose(1, 2).reshape(-1, len(TYPES)).numpy() / SCALE
    found = whitened.T @ whitened / len(whitened)
    expected = expected / np.outer(SCALE, SCALE)
    # The standard error of entry (i, j) of a sample covariance is sqrt((C_ii C_jj + C_ij^2) / n).
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / len(whitened))
    assert (np.abs(found - expected) < 5 * error + 1e-6).all()
    signal_power, _ = _measured_db(_signal(n, 5), noise, "mag")
    np.testing.assert_allclose(
        snr_db[:, 1], 10 * np.log10(signal_power / np.diag(_covariance())[8:13].mean()), atol=1e-3
    )
    np.testing.assert_allclose(rms[:, 1], np.sqrt(np.diag(_covariance())[8:13].mean()), rtol=1e-5)


def test_white_noise_has_the_covariance_of_referenced_white_noise():
    sensors = SensorArray(NAMES[:8], TYPES[:8], 200.0, True, torch.device("cpu"))
    signal = _signal(1, 1)[:, :8].expand(200_000, -1, -1)
    noise, _, _ = White(0.0).bind(sensors).draw(signal, torch.Generator().manual_seed(3))
    found = np.cov(noise[..., 0].double().numpy().T)
    found /= np.trace(found)
    np.testing.assert_allclose(found, _reference()[:8, :8] / 7, atol=0.002)


def test_recorded_segments_are_those_of_the_recording():
    recording = _recording(300)
    sensors = _sensors(average_reference=False)
    noise, _, _ = Recorded(recording, snr_db=None).bind(sensors).draw(_signal(50, 40), torch.Generator().manual_seed(0))
    centered = recording - recording.mean(1, keepdims=True)
    starts = set()
    for segment in noise.double().numpy():
        errors = [np.abs((segment - centered[:, k : k + 40]) / SCALE[:, None]).max() for k in range(261)]
        assert min(errors) < 1e-5
        starts.add(int(np.argmin(errors)))
    assert len(starts) > 30


def test_mne_objects_are_matched_by_name(tmp_path):
    order = np.random.default_rng(0).permutation(len(NAMES))
    shuffled = [NAMES[k] for k in order]
    cov = mne.Covariance(_covariance()[np.ix_(order, order)], shuffled, [], [], 100, verbose="error")
    cov.save(tmp_path / "noise-cov.fif")
    info = mne.create_info(shuffled, 200.0, [TYPES[k] for k in order])
    raw = mne.io.RawArray(_recording()[order], info, verbose="error")
    signal = _signal(10, 20)
    for given, array in (
        (FromCovariance(cov, 3.0), FromCovariance(_covariance(), 3.0)),
        (FromCovariance(str(tmp_path / "noise-cov.fif"), 3.0), FromCovariance(_covariance(), 3.0)),
        (Recorded(raw, 3.0), Recorded(_recording(), 3.0)),
    ):
        drawn = [model.bind(_sensors()).draw(signal, torch.Generator().manual_seed(4))[0] for model in (given, array)]
        scaled = [(one / torch.as_tensor(SCALE)[:, None]).double() for one in drawn]
        torch.testing.assert_close(*scaled, rtol=0, atol=1e-3)
    with pytest.raises(InputError, match=r"FromCovariance\.covariance lacks the channels grad18"):
        FromCovariance(cov.copy().pick_channels(list(NAMES[:-1])), 3.0).bind(_sensors())


def test_recordings_are_resampled():
    info = mne.create_info(list(NAMES), 400.0, list(TYPES))
    raw = mne.io.RawArray(_recording(4000), info, verbose="error")
    bound = Recorded(raw, 3.0).bind(_sensors(sfreq=200.0))
    noise, _, _ = bound.draw(_signal(4, 2000), torch.Generator().manual_seed(4))
    assert noise.shape == (4, len(TYPES), 2000)
    with pytest.raises(InputError, match=r"Recorded\.recording has 2000 time points, fewer than the 2001"):
        bound.draw(_signal(4, 2001), torch.Generator().manual_seed(4))


def test_no_noise_and_no_signal():
    signal = _signal(3, 4)
    noise, snr_db, rms = White(Constant(np.inf)).bind(_sensors()).draw(signal, torch.Generator().manual_seed(0))
    assert not noise.any()
    assert not rms.any()
    assert torch.isinf(snr_db).all()
    noise, _, _ = White(5.0).bind(_sensors()).draw(torch.zeros_like(signal), torch.Generator().manual_seed(0))
    assert not noise.any()


def test_nonsense_is_refused():
    for make, named in (
        (lambda: White(float("nan")), r"White\.snr_db"),
        (lambda: White("loud"), r"White\.snr_db"),
        (lambda: PerSensorType(eeg=3), r"PerSensorType\.eeg"),
        (lambda: PerSensorType(eeg=White()).bind(_sensors()), r"PerSensorType\.mag"),
        (lambda: FromCovariance(np.eye(3)).bind(_sensors()), r"FromCovariance\.covariance has shape \(3, 3\)"),
        (lambda: FromCovariance(-np.eye(len(TYPES))).bind(_sensors()), "negative eigenvalues"),
        (lambda: FromCovariance(np.zeros((len(TYPES),) * 2), 3.0).bind(_sensors()), "is zero on the"),
        (lambda: Recorded(np.ones((2, 100))).bind(_sensors()), r"Recorded\.recording has shape \(2, 100\)"),
        (lambda: SensorArray(("a",), ("eeg",), 1.0, True, torch.device("cpu")), "A single EEG channel"),
        (lambda: SensorArray(("a",), ("stim",), 1.0, True, torch.device("cpu")), "stim"),
    ):
        with pytest.raises(InputError, match=named):
            make()


def test_one_factor_for_all_types_keeps_their_ratio():
    noise = FromCovariance(_covariance(), Constant(7.0), together=True).bind(_sensors())
    signal = _signal(2500, 40)
    drawn = noise.draw(signal, torch.Generator().manual_seed(0))
    ratio = drawn.rms / drawn.rms[:, :1]
    torch.testing.assert_close(ratio, ratio[:1].expand_as(ratio))
    per_type = torch.tensor([len([one for one in TYPES if one == kind]) for kind in ("eeg", "mag", "grad")])
    joint = (10 ** (drawn.snr_db / 10) @ per_type.float()) / per_type.sum()
    torch.testing.assert_close(joint, torch.full_like(joint, 10**0.7), rtol=1e-4, atol=0)
    for index, kind in enumerate(("eeg", "mag", "grad")):
        power_of_signal, power_of_noise = _measured_db(signal, drawn.data, kind)
        stated = 10 ** (drawn.snr_db[:, index].double().numpy() / 10)
        assert np.median(power_of_signal / power_of_noise / stated) == pytest.approx(1, abs=0.02)
