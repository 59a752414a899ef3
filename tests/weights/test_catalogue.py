"""Networks by name or file, from Python and from the command line."""

import mne
import numpy as np
import pytest

import headwater as hw
from headwater._utils.errors import InputError
from headwater.benchmark.choice import chosen
from headwater.benchmark.piunet import PIUNET
from headwater.networks import NetworkSolver
from headwater.weights import cards, catalogue, load_network, shipped


def test_a_file_becomes_a_solver(piunet, leadfield):
    solver = load_network(piunet)
    assert isinstance(solver, NetworkSolver)
    assert repr(solver).startswith("NetworkSolver(mine ")
    assert solver.fit(leadfield).estimate(1e-6 * np.ones((16, 1))).shape == (leadfield.n_sources, 3, 1)


def test_a_network_of_one_lead_field_refuses_others_and_picks_its_channels(fcn, leadfield):
    solver = load_network(fcn)
    with pytest.raises(InputError, match="channels that the recording lacks"):
        solver.fit(leadfield.pick(leadfield.ch_names[:8]))
    assert solver.fit(leadfield.pick(leadfield.ch_names[::-1])).leadfield_.ch_names == leadfield.ch_names


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="no weights 'nobody'; .*give the path of a .safetensors file"):
        load_network("nobody")
    with pytest.raises(InputError, match="Cannot read the weights"):
        load_network("nobody.safetensors")


def test_shipped_weights_are_listed_by_name(piunet, monkeypatch, run_cli):
    monkeypatch.setattr(catalogue, "shipped", lambda: {"piunet": piunet})
    assert cards()["piunet"].name == "mine"
    assert load_network().name.startswith("mine ")
    said = " ".join(run_cli("list", "weights").split())
    assert "piunet" in said
    assert "any lead field" in said


def test_shipped_weights_can_be_read_and_are_small():
    paths = shipped()
    for name, path in paths.items():
        solver = load_network(name)
        assert all(bool(value.isfinite().all()) for value in solver.network.state_dict().values())
        assert cards()[name].parameters == solver.network.n_parameters
        assert cards()[name].validation
        assert path.stem == name
    assert sum(path.stat().st_size for path in paths.values()) <= 20e6


@pytest.fixture
def recording(tmp_path, leadfield):
    """An average, and its lead field."""
    leadfield.save(tmp_path / "leadfield.npz")
    data = 1e-6 * np.random.default_rng(0).normal(size=(16, 30))
    evoked = mne.EvokedArray(data, leadfield.info, tmin=-0.1, nave=20)
    evoked.save(tmp_path / "tone-ave.fif", verbose="error")
    return tmp_path / "tone-ave.fif"


def test_the_command_line_localises_with_a_file(run_cli, recording, piunet, tmp_path):
    given = ("--forward", tmp_path / "leadfield.npz", "--solver", piunet)
    run_cli("localize", recording, *given, "--out", tmp_path / "out")
    assert "NetworkSolver(mine " in (tmp_path / "out" / "headwater.json").read_text()
    assert "leave out --snr" in run_cli("localize", recording, *given, "--snr", 3, "--out", tmp_path / "b", code=2)
    said = run_cli("localize", recording, "--solver", "nobody", "--out", tmp_path / "c", code=2)
    assert "Unknown --solver 'nobody'; choose one of mne," in said
    assert "or a .safetensors file" in said


def test_benchmarks_take_names_and_files(monkeypatch, piunet, fcn):
    monkeypatch.setattr(catalogue, "shipped", lambda: {"piunet": piunet, "fcn": fcn})
    assert isinstance(PIUNET.solvers["piunet"], NetworkSolver)
    assert "fcn" not in PIUNET.solvers  # it belongs to another lead field than the protocol's
    methods = chosen(PIUNET, ["eloreta", str(fcn)])
    assert list(methods)[:2] == ["eloreta", "fcn"]
    assert isinstance(methods["fcn"].solver, NetworkSolver)
    assert isinstance(hw.load_network("fcn"), NetworkSolver)
