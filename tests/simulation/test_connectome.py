"""Reading connectomes, and making one from distances."""

import bz2
import io
import zipfile

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.simulation.spikes import connectome
from headwater.simulation.spikes.connectome import Connectome, distance_rule_connectome

WEIGHTS = np.array([[0.0, 1.5, 0.0], [1.0, 0.0, 0.25], [0.0, 0.5, 0.0]])
LENGTHS = np.array([[0.0, 10.5, 0.0], [10.5, 0.0, 42.0], [0.0, 42.0, 0.0]])
CENTRES_MM = np.array([[1.0, 2.0, 3.0], [-40.0, 5.0, 6.5], [7.0, 80.0, 9.0]])


def text(matrix):
    stream = io.StringIO()
    np.savetxt(stream, matrix)
    return stream.getvalue().encode()


def binary(matrix):
    stream = io.BytesIO()
    np.save(stream, matrix)
    return stream.getvalue()


CENTRES = "".join(f"r{k} {x} {y} {z}\n" for k, (x, y, z) in enumerate(CENTRES_MM)).encode()
PLAIN = {"weights.txt": text(WEIGHTS), "tract_lengths.txt": text(LENGTHS), "centres.txt": CENTRES}


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "members",
    [
        PLAIN,
        {"a/" + name: content for name, content in PLAIN.items()} | {"info.txt": b'length_unit = "mm"'},
        {name + ".bz2": bz2.compress(content) for name, content in PLAIN.items()},
        {"weights.npy": binary(WEIGHTS), "tract_lengths.npy": binary(LENGTHS), "centres.txt": CENTRES},
    ],
    ids=["text", "subfolder", "bzip2", "numpy"],
)
def test_archive_reads_back(tmp_path, members):
    connectome = Connectome.from_tvb_zip(archive(tmp_path / "c.zip", members))
    np.testing.assert_array_equal(connectome.weights, WEIGHTS)
    np.testing.assert_array_equal(connectome.tract_lengths_mm, LENGTHS)
    np.testing.assert_allclose(connectome.pos, CENTRES_MM * 1e-3)
    assert connectome.names == ("r0", "r1", "r2")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"readme.txt": b"hello"}, "no weights file"),
        ({**PLAIN, "weights.txt": text(WEIGHTS[:2, :2])}, r"3 regions but its weights has the shape \(2, 2\)"),
        (
            {**PLAIN, "weights.txt": text(np.where(WEIGHTS == 1.5, np.nan, WEIGHTS))},
            "weights holds values that are not",
        ),
        ({**PLAIN, "weights.txt": b"not finite"}, "cannot be read"),
        ({**PLAIN, "centres.txt": b"r0 1 2\nr1 1 2 3\nr2 1 2 3\n"}, "cannot be read"),
        ({**PLAIN, "tract_lengths.txt": text(-LENGTHS)}, "no negative tract_lengths_mm"),
    ],
)
def test_foreign_archive_is_refused(tmp_path, members, words):
    with pytest.raises(InputError, match=words):
        Connectome.from_tvb_zip(archive(tmp_path / "c.zip", members))


def test_damaged_and_absent_archives_are_refused(tmp_path):
    whole = archive(tmp_path / "c.zip", PLAIN).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        Connectome.from_tvb_zip(tmp_path / "cut.zip")
    with pytest.raises(InputError, match="no connectome at"):
        Connectome.from_tvb_zip(tmp_path / "absent.zip")


@pytest.mark.parametrize(("n_regions", "first"), [(76, "rA1"), (998, "rLOF")])
def test_virtual_brain_archives(shared_data, n_regions, first):
    connectome = Connectome.from_tvb_zip(shared_data / "tvb" / f"connectivity_{n_regions}.zip")
    assert connectome.n_regions == n_regions
    assert connectome.names[0] == first
    assert 0.03 < np.abs(connectome.pos).max() < 0.12


def sphere(n, radius=0.07):
    pos = np.random.default_rng(0).standard_normal((n, 3))
    return radius * pos / np.linalg.norm(pos, axis=1, keepdims=True)


def test_distance_rule_follows_its_formula():
    pos = sphere(300)
    connectome = distance_rule_connectome(pos, length_constant=0.02, largest_weight=np.inf)
    distance = np.linalg.norm(pos[:, None] - pos, axis=2)
    linked = connectome.weights > 0
    slope, _ = np.polyfit(distance[linked], np.log(connectome.weights[linked]), 1)
    assert slope == pytest.approx(-1 / 0.02)
    assert connectome.weights.sum(axis=1).mean() == pytest.approx(17.5)
    np.testing.assert_allclose(connectome.tract_lengths_mm, 1300 * distance)
    np.testing.assert_array_equal(connectome.weights, connectome.weights.T)
    assert not connectome.weights.diagonal().any()
    # Every region keeps its 36 nearest, and nothing is nearer than what it keeps of its own choice.
    nearest = np.argsort(distance, axis=1)[:, 1:37]
    assert np.take_along_axis(linked, nearest, axis=1).all()
    assert 36 <= linked.sum(axis=1).mean() < 45


def test_distance_rule_limits_weights_of_few_regions():
    assert distance_rule_connectome(sphere(6)).weights.max() == 1.0


@pytest.mark.parametrize(
    ("pos", "options", "words"),
    [
        (sphere(5) * 1e3, {}, "give pos in metres"),
        (sphere(5)[:, :2], {}, "shape"),
        (sphere(5)[:1], {}, "at least two"),
        (np.full((3, 3), np.nan), {}, "not finite"),
        (sphere(5), {"length_constant": 0.0}, "length_constant must be positive"),
        (sphere(5), {"total_input": np.nan}, "total_input must be positive"),
    ],
)
def test_distance_rule_refuses(pos, options, words):
    with pytest.raises(InputError, match=words):
        distance_rule_connectome(pos, **options)


def test_strongest_inputs_count_both_directions():
    connectome = Connectome(WEIGHTS, LENGTHS, CENTRES_MM * 1e-3, ("r0", "r1", "r2"))
    np.testing.assert_array_equal(connectome.strongest_inputs(1, 2), [0, 2])  # 1.5 + 1 against .25 + .5


@pytest.mark.parametrize("packed", ["zip", "bzip2", "npz", "npy"])
def test_archives_that_unpack_to_gigabytes_are_refused_quickly(tmp_path, monkeypatch, packed):
    """By their headers, as far as they have some; a small limit stands for the real one."""
    monkeypatch.setattr(connectome, "MOST_BYTES", 10**5)
    zeros = bytes(10**6)
    inner = io.BytesIO()
    np.savez_compressed(inner, np.zeros(10**6))
    header = binary(WEIGHTS).replace(b"(3, 3)", b"(9**9,)")[:80].replace(b"(9**9,)", b"(999999999, 99)"[:7])
    large = {
        "zip": {"weights.txt": zeros},
        "bzip2": {"weights.txt.bz2": bz2.compress(zeros)},
        "npz": {"weights.npz": inner.getvalue()},
        "npy": {"weights.npy": header},
    }[packed]
    members = {name: content for name, content in PLAIN.items() if name != "weights.txt"} | large
    with pytest.raises(InputError, match="cannot be read as a connectivity archive"):
        Connectome.from_tvb_zip(archive(tmp_path / "c.zip", members))
