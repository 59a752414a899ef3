import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
import zarr

from headwater._utils.errors import InputError
from headwater.simulation import simulator as simulator_module
from headwater.simulation.noise import FromCovariance
from headwater.simulation.presets import MULTI_SOURCE, PIUNET, SUBCORTICAL
from headwater.simulation.simulator import Simulator, simulate
from headwater.simulation.store import layout, read_samples, write_samples, writing

SIZES = {
    "PIUNET": (PIUNET, "volume", 150),
    "MULTI_SOURCE": (MULTI_SOURCE, "cortex", 40),
    "SUBCORTICAL": (SUBCORTICAL, "mixed", 300),
}


@pytest.fixture(params=SIZES)
def case(request, monkeypatch):
    """A preset, its lead field and a number of samples that needs several shards, the last one incomplete."""
    preset, name, n = SIZES[request.param]
    monkeypatch.setattr(writing, "SHARD_BYTES", 2**10)
    monkeypatch.setattr(simulator_module, "DENSE_CHUNK", 2**18)
    monkeypatch.setattr(simulator_module, "SPARSE_CHUNK", 64)
    return preset, request.getfixturevalue(name), n


def _same(read, made):
    assert torch.equal(read.y, made.y)
    assert torch.equal(read.x, made.x)
    assert torch.equal(read.coefficients, made.coefficients)
    assert read.sfreq == made.sfreq
    assert type(read.currents) is type(made.currents)
    for name in layout.TRUTH:
        assert torch.equal(getattr(read.truth, name), getattr(made.truth, name))
        assert getattr(read.truth, name).dtype == getattr(made.truth, name).dtype


def test_what_is_read_is_what_simulate_gives(case, tmp_path):
    preset, leadfield, n = case
    write_samples(tmp_path / "a.zarr", leadfield, preset, n, seed=2)
    made = simulate(leadfield, preset, n, seed=2)
    _same(read_samples(tmp_path / "a.zarr"), made)
    _same(read_samples(tmp_path / "a.zarr", n // 3, n - 2), made[n // 3 : n - 2])
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    assert group["checksums"].shape[0] > 1
    assert group.attrs["ch_names"] == leadfield.ch_names


def test_an_interrupted_run_goes_on(case, tmp_path, monkeypatch):
    preset, leadfield, n = case
    calls = []
    chunk = Simulator.chunk

    def failing(self, seed, index):
        calls.append(index)
        if len(calls) > limit:
            raise KeyboardInterrupt
        return chunk(self, seed, index)

    monkeypatch.setattr(Simulator, "chunk", failing)
    limit = 3
    with pytest.raises(KeyboardInterrupt):
        write_samples(tmp_path / "a.zarr", leadfield, preset, n, seed=2)
    with pytest.raises(InputError, match="interrupted"):
        read_samples(tmp_path / "a.zarr")
    finished = int(zarr.open_group(tmp_path / "a.zarr", mode="r")["checksums"][:].any(axis=1).sum())
    assert finished >= 1
    limit, before = 10**6, len(calls)
    write_samples(tmp_path / "a.zarr", leadfield, preset, n, seed=2)
    redone = calls[before:]
    size = zarr.open_group(tmp_path / "a.zarr", mode="r").attrs
    assert min(redone) == finished * size["shard_size"] // size["chunk_size"]
    _same(read_samples(tmp_path / "a.zarr"), simulate(leadfield, preset, n, seed=2))


def test_processes_give_the_same_samples(mixed, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "SHARD_BYTES", 2**16)
    write_samples(tmp_path / "a.zarr", mixed, SUBCORTICAL, 1500, seed=4, workers=2)
    _same(read_samples(tmp_path / "a.zarr"), simulate(mixed, SUBCORTICAL, 1500, seed=4))


def test_a_cluster_gives_the_same_samples(mixed, tmp_path, monkeypatch):
    distributed = pytest.importorskip("dask.distributed")
    monkeypatch.setattr(writing, "SHARD_BYTES", 2**16)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="inproc"
    ) as cluster:
        write_samples(tmp_path / "a.zarr", mixed, SUBCORTICAL, 1500, seed=4, cluster=cluster.scheduler_address)
    _same(read_samples(tmp_path / "a.zarr"), simulate(mixed, SUBCORTICAL, 1500, seed=4))


def test_other_settings_are_not_mixed_in(mixed, tmp_path):
    path = tmp_path / "a.zarr"
    write_samples(path, mixed, SUBCORTICAL, 20, seed=4)
    write_samples(path, mixed, SUBCORTICAL, 20, seed=4)  # complete already
    for change, named in (
        ({"seed": 5}, "seed"),
        ({"n": 21}, r"\(n\)"),
        ({"preset": replace(SUBCORTICAL, name="other")}, "preset"),
        ({"leadfield": mixed.pick(mixed.ch_names[:9])}, "ch_names, leadfield"),
    ):
        arguments = {"leadfield": mixed, "preset": SUBCORTICAL, "n": 20, "seed": 4} | change
        with pytest.raises(InputError, match=named):
            write_samples(path, **arguments)
    write_samples(path, mixed, SUBCORTICAL, 21, seed=5, overwrite=True)
    assert len(read_samples(path)) == 21


def test_nonsense_is_refused(mixed, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    unwritable = replace(SUBCORTICAL, noise=FromCovariance(np.eye(30)))
    for make, named in (
        (lambda: write_samples(tmp_path / "notes.txt", mixed, SUBCORTICAL, 2), "not a Zarr group"),
        (lambda: write_samples(tmp_path, mixed, SUBCORTICAL, 2, overwrite=True), "not a Zarr group"),
        (lambda: write_samples(tmp_path / "b", mixed, SUBCORTICAL, 0), "n is 0"),
        (lambda: write_samples(tmp_path / "b", mixed, SUBCORTICAL, 2, workers=0), "workers"),
        (lambda: write_samples(tmp_path / "b", mixed, unwritable, 2), "file"),
        (lambda: read_samples(tmp_path / "none"), "not a Zarr group"),
    ):
        with pytest.raises(InputError, match=named):
            make()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    write_samples(tmp_path / "c", mixed, SUBCORTICAL, 5)
    with pytest.raises(InputError, match="none lie between"):
        read_samples(tmp_path / "c", 5, 9)


@pytest.mark.parametrize("damage", ["missing", "flipped", "truncated", "exchanged"])
def test_a_damaged_part_is_noticed_and_repaired(mixed, tmp_path, monkeypatch, damage):
    """A missing chunk would read as zeros, and two chunks that have changed places as each other's samples."""
    monkeypatch.setattr(writing, "SHARD_BYTES", 2**10)
    path = tmp_path / "a.zarr"
    write_samples(path, mixed, SUBCORTICAL, 600, seed=2)
    first, second, *_ = sorted(file for file in (path / "y" / "c").rglob("*") if file.is_file())
    content = bytearray(second.read_bytes())
    if damage == "missing":
        second.unlink()
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
        second.write_bytes(content)
    elif damage == "truncated":
        second.write_bytes(content[: len(content) // 2])
    else:
        second.write_bytes(first.read_bytes())
        first.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.zarr is damaged \(.*repairs it\.$"):
        read_samples(path)
    if damage != "exchanged":
        assert len(read_samples(path, 0, 200)) == 200  # of the first part, which is whole
    write_samples(path, mixed, SUBCORTICAL, 600, seed=2)
    _same(read_samples(path), simulate(mixed, SUBCORTICAL, 600, seed=2))


def test_no_file_is_lost_or_changed_in_silence(mixed, tmp_path):
    """Of values and of metadata: the samples are read as they were written, or the fault is named in one sentence."""
    whole, path = tmp_path / "whole.zarr", tmp_path / "a.zarr"
    write_samples(whole, mixed, SUBCORTICAL, 5, seed=2)
    made = simulate(mixed, SUBCORTICAL, 5, seed=2)
    files = sorted(file for file in whole.rglob("*") if file.is_file())
    messages: list[str] = []
    for file in files:
        content = file.read_bytes()
        for changed in (None, b"", content[: len(content) // 2], b"\xff\xfe{", b"{}"):
            shutil.copytree(whole, path)
            target = path / file.relative_to(whole)
            target.unlink() if changed is None else target.write_bytes(changed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Zarr warns of files that it does not know
                try:
                    _same(read_samples(path), made)
                except InputError as error:
                    messages.append(str(error))
            shutil.rmtree(path)
    assert len(messages) > 4 * len(files)
    for message in messages:
        assert str(path) in message
        assert "\n" not in message


def test_samples_of_an_earlier_version_are_read(mixed, tmp_path):
    """Without checksums and without the noise level, which is then unknown."""
    path = tmp_path / "a.zarr"
    write_samples(path, mixed, SUBCORTICAL, 5, seed=2)
    group = zarr.open_group(path, mode="r+")
    settings = {name: value for name, value in group.attrs.items() if name not in ("arrays", "checksum")}
    group.attrs.put(settings | {"format": layout.WITHOUT_CHECKSUMS})
    for name in ("checksums", "noise_rms"):
        del group[name]
    group.create_array("done", data=np.array([True]))
    read, made = read_samples(path), simulate(mixed, SUBCORTICAL, 5, seed=2)
    assert torch.equal(read.y, made.y)
    assert torch.equal(read.truth.snr_db, made.truth.snr_db)
    assert read.truth.noise_rms.isnan().all()


def test_more_than_the_disk_holds_is_refused_at_once(mixed, tmp_path):
    with pytest.raises(InputError, match="GB free; ask for fewer samples"):
        write_samples(tmp_path / "a.zarr", mixed, SUBCORTICAL, 10**12)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_appears_in_the_meantime_is_left_alone(mixed, tmp_path, monkeypatch, overwrite):
    """Another process may write to the same path while the group is being prepared."""
    create, path = writing._create, tmp_path / "a.zarr"

    def slow(folder, settings):
        create(folder, settings)
        path.mkdir()
        (path / "theirs.txt").write_text("theirs")

    monkeypatch.setattr(writing, "_create", slow)
    with pytest.raises(InputError, match=r"a\.zarr"):
        write_samples(path, mixed, SUBCORTICAL, 5, overwrite=overwrite)
    assert [file.name for file in path.iterdir()] == ["theirs.txt"]
    assert [found.name for found in tmp_path.iterdir()] == ["a.zarr"]
