import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.simulation import presets
from headwater.simulation.distributions import Constant, Integers, Normal, Uniform
from headwater.simulation.noise import FromCovariance, PerSensorType, Recorded, White
from headwater.simulation.preset_files import preset_from_yaml, preset_to_yaml, read_preset, write_preset
from headwater.simulation.presets import DIRECT_UNET, MULTI_SOURCE, PIUNET, PRESETS, SPIKES, SUBCORTICAL, Preset
from headwater.simulation.spatial import RadialPatches
from headwater.simulation.spatial.placement import AlongPath, Anywhere, AtDistance
from headwater.simulation.temporal import Autoregressive, Correlated, PowerLaw, TakingTurns
from headwater.simulation.temporal.clips import Clips

OWN = Preset(
    name="meine Quellen: 5 %",
    sources=RadialPatches(n_sources=3, diameter_mm=20, where=Anywhere(("upper",)), further=AlongPath(12.5)),
    courses=TakingTurns(Correlated(PowerLaw(Uniform(0.5, 1.5)), 0.5), fade_s=0.01),
    noise=PerSensorType(eeg=FromCovariance("a-cov.fif", 3.0), mag=Recorded("rest_raw.fif", None), grad=White(2)),
    n_times=100,
    sfreq=250.0,
)


@pytest.mark.parametrize("preset", [*PRESETS.values(), OWN, replace(OWN, courses=Autoregressive((0.5, -0.1)))])
def test_yaml_gives_the_same_preset_back(preset, tmp_path):
    write_preset(preset, tmp_path / "preset.yaml")
    found = read_preset(tmp_path / "preset.yaml")
    assert preset_to_yaml(found) == preset_to_yaml(preset)
    if preset not in (OWN, SPIKES) and not isinstance(preset.noise, PerSensorType):
        assert found == preset
    assert read_preset(tmp_path / "preset.yaml").sources == preset.sources


def test_presets_are_the_papers_settings():
    assert list(PRESETS) == ["PIUNET", "MULTI_SOURCE", "SPIKES", "DIRECT_UNET", "SUBCORTICAL"]
    assert all(getattr(presets, name) is preset and preset.name == name for name, preset in PRESETS.items())
    assert PIUNET.sources.n_sources == Integers(1, 20)
    assert PIUNET.sources.sigma_mm == Uniform(10, 80)
    assert PIUNET.sources.amplitude_nam == Normal(0, 1)
    assert PIUNET.noise.snr_db == Uniform(0, 30)
    assert (MULTI_SOURCE.n_times, MULTI_SOURCE.sfreq, MULTI_SOURCE.background.boost) == (50, 250, 10)
    assert (SPIKES.n_times, SPIKES.noise.snr_db) == (500, Uniform(5, 20))
    assert SUBCORTICAL.noise.snr_db == Constant(20)
    assert SUBCORTICAL.sources.ring_amplitudes == (1, 0.95, 0.9, 0.85)
    assert SUBCORTICAL.sources.where.cortical_share == pytest.approx(100 / 450)
    assert DIRECT_UNET.n_times == 1


PAGE = Path(__file__).resolve().parents[2] / "docs" / "simulate.md"


def test_the_page_tells_the_truth(cortex):
    """Run what the page shows, but for its first lines, which need a head."""
    shown = re.findall(r"```(python|yaml)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    names = {"hw": SimpleNamespace(presets=presets)}
    for language, text in shown[1:]:
        if "make_spike_library" in text:
            exec(text.splitlines()[0], names)  # the rest takes hours
        elif language == "python":
            exec(text, names)  # the project's own page
        else:
            assert preset_from_yaml(text).sources == names["focal"].sources
    ramp = replace(PIUNET, sources=RadialPatches(n_sources=1), courses=names["Ramp"](), n_times=11, noise=White(np.inf))
    samples = names["simulate"](cortex, ramp, 3)
    np.testing.assert_allclose(samples.y / samples.y[:, :, -1:], np.linspace(0, 1, 11) * np.ones((3, 20, 1)), atol=1e-5)
    auditory = replace(names["auditory"], noise=White(10))
    elsewhere = replace(auditory.sources, where=Anywhere(("upper", "lower")))
    assert names["simulate"](cortex, replace(auditory, sources=elsewhere), 3).truth.n_sources.tolist() == [2, 2, 2]
    every = {name for name in re.findall(r"`([A-Z]\w+)`", PAGE.read_text(encoding="utf-8")) if name[1].islower()}
    assert not {name for name in every - {"Preset", "None"} if name not in names}


def test_a_file_may_leave_defaults_out():
    preset = preset_from_yaml(
        """
        !Preset
        name: two small bells
        sources: !GaussianBells
          n_sources: 2
          sigma_mm: !Uniform {low: 5, high: 10}
          further: !AtDistance {low_mm: 40}
        noise: !White {snr_db: 10}
        """
    )
    assert preset.sources.n_sources == Constant(2)
    assert preset.sources.further == AtDistance(40)
    assert preset.noise == White(10)
    assert preset.n_times == 1


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            "!Preset {name: a, sources: !GaussianBells {}, snr: 3}",
            "line 1: Preset has no field snr; its fields are name",
        ),
        ("!Preset\nname: a\nsources: !GaussianBells\n  width: 3", "line 3: GaussianBells has no field width"),
        ("!Preset {name: a, sources: !Bells {}}", "line 1:.*Bells.*known objects are Preset"),
        ("!Preset {name: a, sources: !GaussianBells {sigma_mm: 0}}", r"GaussianBells\.sigma_mm"),
        ("!Preset {name: a, sources: !GaussianBells {sigma_mm: wide}}", r"GaussianBells\.sigma_mm"),
        ("!Preset {name: a, sources: !GaussianBells {sigma_mm: !Uniform {low: 3}}}", "high"),
        ("!Preset {name: a}", "sources"),
        ("!Preset {name: a, sources: !GaussianBells 3}", "write !GaussianBells {field: value}"),
        ("!Preset {name: a, sources: [", "not YAML"),
        ("name: a", "begin with !Preset"),
        ("!!python/object/apply:os.system ['true']", "python/object"),
        ("", "begin with !Preset"),
        ("!Preset", "line 1: Preset needs the field name, sources"),
        ("!Preset\n", "line 1: Preset needs the field name, sources"),
        (
            "!Preset {name: a, sources: !GaussianBells , noise: !FromCovariance }",
            "line 1: FromCovariance needs the field cov",
        ),
        (
            "!Preset {name: a, sources: !GaussianBells {sigma_mm: !Uniform }}",
            "line 1: Uniform needs the field low, high",
        ),
        ("!Preset {name: a, sources: !GaussianBells , n_times: -3}", r"Preset\.n_times can be -3"),
        ("!Preset {name: a, sources: !GaussianBells , n_times: .inf}", r"Preset\.n_times is inf"),
        ("!Preset {name: a, sources: !GaussianBells , sfreq: .nan}", r"Preset\.sfreq is nan"),
        ("!Preset {name: a, sources: !GaussianBells , sfreq: 1e300}", r"Preset\.sfreq is '?1e"),
        ("!Preset {name: a, sources: !GaussianBells , sfreq: 1.0e+300}", r"Preset\.sfreq is 1e\+300"),
        (f"!Preset {{name: a, sources: !GaussianBells , sfreq: {'9' * 400}}}", r"Preset\.sfreq is inf"),
        (f"!Preset {{name: a, sources: !GaussianBells , sfreq: {'9' * 5000}}}", "cannot be read"),
        (
            "!Preset {name: a, sources: !GaussianBells {n_sources: !Integers {low: 1, high: 1.0e+25}}}",
            r"Integers\.high",
        ),
        ("!Preset {name: a, sources: !GaussianBells {normalized: maybe}}", r"GaussianBells\.normalized is 'maybe'"),
        (
            "!Preset {name: a, sources: !GaussianBells {where: !Anywhere {regions: Left}}}",
            r"Anywhere\.regions is 'Left'",
        ),
        ("!Preset {name: a, sources: !GaussianBells {where: !EachRegion {regions: 3}}}", r"EachRegion\.regions is 3"),
        ("!Preset {name: a, sources: !RingClusters {ring_amplitudes: 3}}", "line 1: a field of RingClusters"),
        ("!Preset {name: a, sources: !RingClusters {ring_amplitudes: [.nan, 1]}}", r"RingClusters\.ring_amplitudes"),
        ("!Preset {name: a, sources: !RadialPatches , courses: !Autoregressive {coefficients: [a]}}", "Autoregressive"),
        ("[" * 5000, "cannot be read|not YAML"),
        ("#" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_nonsense_is_refused(text, named, tmp_path):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=f"(?s)a.yaml.*{named}"):
        read_preset(tmp_path / "a.yaml")


def test_files_in_another_encoding_are_refused(tmp_path):
    for content in ("name: Müller".encode("latin-1"), "!Preset".encode("utf-16"), b"\x80\x81"):
        (tmp_path / "a.yaml").write_bytes(content)
        with pytest.raises(InputError, match=r"a\.yaml is not a text file in UTF-8; save it as UTF-8\.$"):
            read_preset(tmp_path / "a.yaml")


def test_what_a_file_cannot_hold_is_said(tmp_path):
    for preset in (replace(PIUNET, noise=FromCovariance(np.eye(3))), replace(SPIKES, courses=Clips(np.ones((2, 9))))):
        with pytest.raises(InputError, match="save the data to a file"):
            write_preset(preset, tmp_path / "a.yaml")
    with pytest.raises(InputError, match="Cannot read"):
        read_preset(tmp_path / "none.yaml")

    class Own(RadialPatches):
        """A pattern of somebody else's."""

    with pytest.raises(InputError, match="class outside headwater|holds data"):
        write_preset(replace(PIUNET, sources=Own()), tmp_path / "a.yaml")
