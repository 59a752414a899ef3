"""Making, resuming and drawing from a library of spikes."""

import shutil
import warnings
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.simulation.spikes import SpikeRules, default
from headwater.simulation.spikes import generation as spike_generation
from headwater.simulation.spikes.brains import PUBLISHED_SETTINGS, Setting
from headwater.simulation.spikes.connectome import distance_rule_connectome
from headwater.simulation.spikes.generation import LibraryPlan, make_spike_library
from headwater.simulation.spikes.spike_library import SpikeLibrary
from headwater.simulation.temporal.clips import Clips

RULES = SpikeRules(transient=400, clip=120, margin=20, ends=40, edge=20)
PLAN = LibraryPlan(
    n_clips=5,
    n_neighbors=3,
    settings=(Setting(target_mu=0.006),),
    duration=3.0,
    budget=18.0,
    rules=RULES,
    seed=3,
)


def connectome(n=20):
    pos = np.random.default_rng(4).standard_normal((n, 3))
    return distance_rule_connectome(0.07 * pos / np.linalg.norm(pos, axis=1, keepdims=True))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("spikes") / "library"
    return path, make_spike_library(path, connectome(), plan=PLAN)


def assert_same(one, other):
    for name in ("regions", "members", "counts", "found", "peaks", "attempts", "clips"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_every_region_has_its_clips(made):
    _, library = made
    assert library.shortfall == {}
    assert library.clips.shape == (20, 5, 4, 120)
    assert library.clips.dtype == np.float16
    assert library.sfreq == 250.0
    spikes = library.clips[:, :, 0].astype(float)
    at_peak = np.take_along_axis(spikes, library.peaks[:, :, None], axis=2)[:, :, 0]
    assert (at_peak >= 7.99).all()
    assert (library.peaks >= 20).all()
    assert (library.peaks < 100).all()
    assert (library.clips[:, :, 1:] < 8.0).all()  # the background is quiet by the rules
    assert len(np.unique(spikes.reshape(100, -1), axis=0)) == 100  # no clip twice


def test_neighbours_are_the_strongest(made):
    _, library = made
    weights = connectome().weights
    for region, *neighbours in library.members:
        assert weights[region, neighbours].min() >= np.sort(weights[region])[-3]


class _NoExecutor(Executor):
    """Refuses all work."""

    def submit(self, fn, /, *args, **kwargs):
        raise AssertionError("nothing should be left to do")


def test_interrupted_generation_goes_on_to_the_same_result(made, tmp_path, monkeypatch):
    path = tmp_path / "library"
    run, done = spike_generation._run, []

    def interrupted(task):
        if done:
            raise KeyboardInterrupt
        done.append(task)
        return run(task)

    with monkeypatch.context() as patch:
        patch.setattr(spike_generation, "_run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_spike_library(path, connectome(), plan=PLAN)
    partial = SpikeLibrary.open(path)
    assert 0 < partial.counts.sum() < 100
    assert_same(make_spike_library(path, connectome(), plan=PLAN), made[1])


def test_finished_library_is_not_made_again(made):
    path, library = made
    assert_same(make_spike_library(path, connectome(), plan=PLAN, executor=_NoExecutor()), library)


def test_workers_and_company_do_not_matter(made, tmp_path):
    _, library = made
    with ThreadPoolExecutor(2) as executor:
        some = make_spike_library(tmp_path / "some", connectome(), regions=[17, 2, 9], plan=PLAN, executor=executor)
    assert some.regions.tolist() == [2, 9, 17]
    np.testing.assert_array_equal(some.clips, library.clips[[2, 9, 17]])
    np.testing.assert_array_equal(some.found, library.found[[2, 9, 17]])


def test_another_seed_gives_other_spikes(made, tmp_path):
    plan = LibraryPlan(**{**PLAN.__dict__, "seed": 4, "n_clips": 1})
    other = make_spike_library(tmp_path / "other", connectome(), regions=[2], plan=plan)
    assert (other.clips[0, 0] != made[1].clips[2, 0]).any()


def test_weak_regions_are_driven_harder():
    plan = LibraryPlan(n_clips=20, duration=50.0, budget=200.0, settings=PUBLISHED_SETTINGS)
    mus = [plan.setting(np.array(found)).target_mu for found in ([], [5], [4], [4, 9], [4, 9, 0])]
    assert mus == pytest.approx([0.0, 0.0, 0.002, 0.002, 0.004])
    assert [plan.setting(np.zeros(k)).mu for k in range(4)] == [0.087, 0.08, 0.083, 0.087]


def test_shortfall_is_said(tmp_path):
    plan = LibraryPlan(n_clips=9, n_neighbors=1, duration=3.0, budget=3.0, boost=0.0, rules=RULES)
    with pytest.warns(UserWarning, match="of 2 regions have fewer than 9 clips .* raise the plan's budget"):
        library = make_spike_library(tmp_path / "weak", connectome(), regions=[0, 1], plan=plan)
    assert library.shortfall == {region: 9 - count for region, count in zip((0, 1), library.counts, strict=True)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SpikeLibrary.open(tmp_path / "weak")


def test_draw_takes_clips_of_the_region(made):
    _, library = made
    regions = np.repeat([4, 11], 200)
    clips, members = library.draw(regions, np.random.default_rng(0))
    again, _ = library.draw(regions, np.random.default_rng(0))
    np.testing.assert_array_equal(clips, again)
    np.testing.assert_array_equal(members[:, 0], regions)
    assert clips.dtype == np.float32
    for region in (4, 11):
        drawn = np.unique(clips[regions == region], axis=0)
        np.testing.assert_array_equal(drawn, np.unique(library.clips[region].astype(np.float32), axis=0))


def test_a_library_gives_sources_the_spikes_of_their_regions(made):
    path, library = made
    courses = Clips(path, by_source=True)
    drawn = courses.draw(torch.tensor([[7, 3]]).repeat(50, 1), 120, library.sfreq, torch.Generator().manual_seed(1))
    for k, region in enumerate((7, 3)):
        spikes = library.clips[region, :, 0].astype(np.float32)
        spikes -= spikes.mean(axis=1, keepdims=True)
        spikes /= np.abs(spikes).max(axis=1, keepdims=True)
        distance = np.abs(drawn[:, k].numpy()[:, None] - spikes).max(axis=2)
        assert distance.min(axis=1).max() < 1e-5
        assert len(set(distance.argmin(axis=1))) == 5
    with pytest.raises(InputError, match="no clip of region 20"):
        courses.draw(torch.tensor([[20]]), 120, library.sfreq, torch.Generator())
    with pytest.raises(InputError, match="120 time points, fewer than the 121"):
        courses.draw(torch.tensor([[7]]), 121, library.sfreq, torch.Generator())


def test_absent_regions_are_named(made):
    with pytest.raises(InputError, match="no clip of region 20"):
        made[1].draw([3, 20], np.random.default_rng(0))


def test_other_plans_and_foreign_folders_are_refused(made, tmp_path):
    path, _ = made
    with pytest.raises(InputError, match=r"different settings \(seed\); choose another folder"):
        make_spike_library(path, connectome(), plan=LibraryPlan(**{**PLAN.__dict__, "seed": 4}))
    with pytest.raises(InputError, match=r"different settings \(connectome, regions"):
        make_spike_library(path, connectome(21), plan=PLAN)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="something other than a library"):
        make_spike_library(tmp_path, connectome(), plan=PLAN)
    with pytest.raises(InputError, match="something other than a library"):
        make_spike_library(tmp_path / "letter.txt", connectome(), plan=PLAN)
    with pytest.raises(InputError, match="not a library"):
        SpikeLibrary.open(tmp_path)


@pytest.mark.parametrize("regions", [[], [20], [-1]])
def test_regions_outside_the_connectome_are_refused(tmp_path, regions):
    with pytest.raises(InputError, match="0 to 19"):
        make_spike_library(tmp_path / "library", connectome(), regions=regions, plan=PLAN)


@pytest.mark.parametrize("change", [{"n_clips": 0}, {"settings": ()}, {"duration": 0.5}, {"budget": np.nan}])
def test_impossible_plans_are_refused(change):
    with pytest.raises(InputError):
        LibraryPlan(**change)


@pytest.mark.parametrize("name", ["plan.json", "index.npz", "clips.npy"])
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "foreign"])
def test_a_damaged_library_is_one_sentence(made, tmp_path, name, damage):
    path = tmp_path / "library"
    shutil.copytree(made[0], path)
    content = (path / name).read_bytes()
    if damage == "missing":
        (path / name).unlink()
    else:
        (path / name).write_bytes(
            {"empty": b"", "truncated": content[: len(content) // 2], "foreign": b"PK\xff"}[damage]
        )
    for use in (SpikeLibrary.open, lambda path: Clips(path).pool):
        with pytest.raises(InputError, match=r"library is not a library of spikes, or a damaged one \([^\n]*$"):
            use(path)
    if name == "index.npz" and damage != "missing":
        with pytest.raises(InputError, match="not a library of spikes, or a damaged one"):
            make_spike_library(path, connectome(), plan=PLAN)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"text"])
def test_a_damaged_file_of_clips_is_one_sentence(tmp_path, content):
    (tmp_path / "clips.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"Clips\.spikes: cannot read .*clips\.npy as a \.npy file"):
        _ = Clips(tmp_path / "clips.npy").pool


def test_damaged_spikes_in_the_cache_are_simulated_again(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_CACHE", str(tmp_path))
    clips = np.random.default_rng(0).standard_normal((3, 500)).astype(np.float16)
    monkeypatch.setattr(default, "_simulate", lambda plan: {"clips": clips})
    default.default_spikes()
    (kept,) = tmp_path.glob("spikes-*.npz")
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    for damaged in (content, content[:200], b""):
        kept.write_bytes(damaged)
        np.testing.assert_array_equal(default.default_spikes()[0], clips)


def test_default_spikes_of_another_seed_are_other_spikes(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_CACHE", str(tmp_path))
    monkeypatch.setattr(default, "PLAN", replace(PLAN, n_neighbors=0))
    monkeypatch.setattr(default, "N_REGIONS", 20)
    monkeypatch.setattr(default, "N_TARGETS", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few clips are enough
        one, other = (default.default_spikes(seed)[0].astype(float) for seed in (0, 1))
    assert min(len(one), len(other)) > 0
    one, other = (clips - clips.mean(1, keepdims=True) for clips in (one, other))
    similar = np.corrcoef(one, other)[: len(one), len(one) :]
    assert similar.max() < 0.999
    np.testing.assert_array_equal(default.default_spikes(0)[0], Clips(seed=0).pool.clips)
    np.testing.assert_array_equal(default.default_spikes(1)[0], Clips(seed=1).pool.clips)
