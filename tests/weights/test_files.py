"""Weights on disk: what is saved is what is read, and nothing that was changed, cut or made up gets in."""

import hashlib
import json
import math
import pickle
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

import headwater as hw
from headwater._utils.errors import InputError
from headwater.networks import PIUNet, RelevanceNet
from headwater.solvers.posterior.calibration import Calibration
from headwater.weights import cards, read_network, save_network
from headwater.weights.files import with_calibration


def replace(path: Path, content: bytes, **changes: object) -> None:
    """Exchange the weights, and make the card agree, as somebody would who means harm."""
    path.write_bytes(content)
    card = json.loads(path.with_suffix(".json").read_text())
    card |= {"sha256": hashlib.sha256(content).hexdigest(), "card_sha256": "", **changes}
    path.with_suffix(".json").write_text(json.dumps(card))


def test_what_is_read_is_what_was_saved(piunet, tmp_path):
    network, card = read_network(piunet)
    assert isinstance(network, PIUNet)
    assert not network.training
    assert network.config["bells_mm"] == (20.0,)  # lists of JSON are tuples again
    saved = save_network(network, tmp_path / "again.safetensors", card)
    assert saved.sha256 == card.sha256
    other = read_network(tmp_path / "again.safetensors")[0]
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in network.state_dict().items())
    assert not list(tmp_path.glob(".part-*"))


def test_weights_are_stored_with_half_the_bits_and_read_with_all(piunet, leadfield, tmp_path):
    network, card = read_network(piunet)
    save_network(network, tmp_path / "half.safetensors", card, half=True)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * piunet.stat().st_size
    again, _ = read_network(tmp_path / "half.safetensors")
    assert all(value.dtype == network.state_dict()[name].dtype for name, value in again.state_dict().items())
    y = 1e-6 * torch.randn(2, 16, 1)
    whole, half = (one.bind(leadfield)(y) for one in (network, again))
    assert not torch.equal(whole, half)
    torch.testing.assert_close(half, whole, rtol=0.02, atol=0.02 * float(whole.detach().abs().max()))


def test_weights_too_large_for_half_the_bits_are_refused(piunet, tmp_path):
    network, card = read_network(piunet)
    torch.nn.init.constant_(network.unet.head.weight, 1e6)
    with pytest.raises(InputError, match="not finite"):
        save_network(network, tmp_path / "half.safetensors", card, half=True)


def test_the_same_estimates_come_out(piunet, leadfield):
    network, _ = read_network(piunet)
    y = 1e-6 * torch.randn(2, 16, 1)
    again, _ = read_network(piunet)
    assert torch.equal(network.bind(leadfield)(y), again.bind(leadfield)(y))


@pytest.mark.parametrize("damage", [lambda c: c[:-7], lambda c: c[:-1] + bytes([c[-1] ^ 1]), lambda c: c + b"\0"])
def test_truncated_and_tampered_weights_are_refused(piunet, damage):
    piunet.write_bytes(damage(piunet.read_bytes()))
    with pytest.raises(InputError, match="checksum differs.*download it again"):
        read_network(piunet)


def test_missing_files_are_named(piunet, tmp_path):
    with pytest.raises(InputError, match="Cannot read the weights .*nowhere.safetensors"):
        read_network(tmp_path / "nowhere.safetensors")
    piunet.with_suffix(".json").unlink()
    with pytest.raises(InputError, match="have no card: .*piunet.json"):
        read_network(piunet)


def test_other_kinds_of_files_are_refused(tmp_path, piunet):
    with pytest.raises(InputError, match="a .safetensors file with a card .*, unlike model.pt"):
        read_network(tmp_path / "model.pt")
    network, card = read_network(piunet)
    with pytest.raises(InputError, match="unlike model.pt"):
        save_network(network, tmp_path / "model.pt", card)


class Harm:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_nothing_is_unpickled(piunet, tmp_path):
    harm = tmp_path / "harm"
    torch.save(Harm(harm), tmp_path / "weights.pt")
    for content in (pickle.dumps(Harm(harm)), (tmp_path / "weights.pt").read_bytes()):
        replace(piunet, content)
        with pytest.raises(InputError, match="do not fit the network 'piunet'"):
            read_network(piunet)
    assert not harm.exists()


def test_weights_of_another_shape_kind_or_type_are_refused(piunet, fcn):
    weights = load_file(piunet)
    name = "unet.lift.weight"
    for changed in (
        {**weights, name: weights[name][:1].clone()},
        {**weights, name: weights[name].to(torch.int32)},
        {one: value for one, value in weights.items() if one != name},
        load_file(fcn),
    ):
        replace(piunet, save(changed))
        with pytest.raises(InputError, match="do not fit the network 'piunet' of this version"):
            read_network(piunet)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"network": "unheard-of"},
            "a network 'unheard-of', which this version of headwater does not have; update headwater",
        ),
        ({"config": {"chanels": 4}}, "cannot be made: PIUNet has no chanels; .*download weights and card again"),
        ({"config": {"start": "lasso"}}, "cannot start from 'lasso'"),
        ({"config": {"depth": 0}}, "PIUNet.depth: it should be greater than or equal to 1, and is 0; download"),
        ({"config": {"depth": 10**9}}, "PIUNet.depth: it should be less than or equal to 12, and is 1000000000"),
        ({"config": {"channels": "many"}}, "PIUNet.channels: it should be a valid integer"),
        ({"config": {"bells_mm": [[1.0]]}}, "PIUNet.bells_mm.0: it should be a valid number, and is"),
        ({"config": {"lambda2": [None]}}, "PIUNet.lambda2.0: it should be a valid number"),
        ({"config": {"channels": 4, "depth": 2, "patch": 2, "heads": 7}}, "heads is 7; it must divide"),
        (
            {"config": {"channels": 60_000, "depth": 9, "patch": 8}},
            "cannot be made: it is much larger than the weights",
        ),
        ({"config": {"channels": 4, "blocks": 64}}, "cannot be made: it is much larger than the weights"),
        ({"steps": "many"}, "is not the card of a headwater network"),
        ({"further": 1}, "is not the card of a headwater network"),
    ],
)
def test_wrong_cards_are_refused_at_once(piunet, changes, message):
    replace(piunet, piunet.read_bytes(), **changes)
    start = time.monotonic()
    with pytest.raises(InputError, match=message):
        read_network(piunet)
    assert time.monotonic() - start < 2.0


@pytest.mark.parametrize(("given", "changed"), [('"lambda2": [\n   0.05', '"lambda2": [\n   0.45'), ("mine", "mimne")])
def test_damaged_cards_are_noticed(piunet, given, changed):
    path = piunet.with_suffix(".json")
    text = path.read_text()
    assert given in text
    path.write_text(text.replace(given, changed))
    with pytest.raises(InputError, match="card .* was changed .its checksum differs.; download weights and card again"):
        read_network(piunet)


def test_weights_that_are_not_finite_are_neither_written_nor_read(piunet):
    network, card = read_network(piunet)
    weights = network.state_dict()
    next(iter(weights.values())).view(-1)[0] = torch.nan
    before = piunet.read_bytes()
    with pytest.raises(InputError, match="not finite and were not written"):
        save_network(network, piunet, card)
    assert piunet.read_bytes() == before
    replace(piunet, save({name: value.contiguous() for name, value in weights.items()}))
    with pytest.raises(InputError, match="do not fit"):
        read_network(piunet)


def test_scores_that_are_not_numbers_can_be_read_again(piunet):
    network, card = read_network(piunet)
    save_network(network, piunet, card.model_copy(update={"validation": {"nmse": math.nan}}))
    assert math.isnan(read_network(piunet)[1].validation["nmse"])


def test_bundled_cards_have_checksums():
    assert all(card.card_sha256 for card in cards().values())


def test_a_card_that_is_no_json_is_refused(piunet):
    piunet.with_suffix(".json").write_text("{")
    with pytest.raises(InputError, match="is not the card"):
        read_network(piunet)


def test_a_calibration_goes_to_the_card_and_the_weights_stay(tmp_path):
    path = tmp_path / "relevance.safetensors"
    network = RelevanceNet(channels=4, depth=2, heads=2, updates=1, voxel_mm=25.0, widths_mm=(25.0,))
    card = cards()["piunet"].model_copy(
        update={"network": "relevance", "config": network.config, "leadfield": None, "card_sha256": ""}
    )
    save_network(network, path, card)
    before = path.read_bytes()
    calibration = Calibration(
        temperature=(0.1,), share=(-1.0,), floor=(-3.0,), snr_db=(0.0, 40.0), diffuse_db=(-20.0, 0.0),
        limits_db=(), added_mm=(4.0,), added_others_mm=9.0, n_recordings=60, heads=(1,), command="a test",
    )  # fmt: skip
    with_calibration(path, calibration)
    assert path.read_bytes() == before
    assert hw.load_network(path).posterior_calibration() == calibration
