"""CNN-Transformer: its size, images of any montage, positions in time, no pooling, both normalisations."""

import mne
import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.networks.cnn_transformer import CNNTransformer, sinusoidal_positions
from headwater.networks.inputs.topomap import INTERPOLATIONS


def leadfield_of(montage: str, ch_type: str = "eeg") -> LeadField:
    """Six sources in two regions, seen at random."""
    rng = np.random.default_rng(0)
    positions = mne.channels.make_standard_montage(montage)
    info = mne.create_info(positions.ch_names, 100.0, "eeg").set_montage(positions)
    info = info if ch_type == "eeg" else info.set_channel_types(dict.fromkeys(info.ch_names, ch_type), verbose="error")
    normals = rng.normal(size=(6, 3))
    return LeadField.from_arrays(
        rng.normal(size=(len(info.ch_names), 6)), 0.05 * normals, info=info, normals=normals, regions=[*"aabbbb"]
    )


def small(**config) -> CNNTransformer:
    sizes = {"n_regions": 2, "shape": (5, 6), "channels": (3, 4), "d_model": 8, "feedforward": 12, "n_layers": 2}
    return CNNTransformer(**{**sizes, **config})


@pytest.mark.parametrize("pre_norm", [False, True])
def test_size_is_that_of_its_layers(pre_norm):
    d, f = 8, 12
    spatial = 9 * (1 * 3 + 3 * 4) + 2 * (3 + 4) + 4 * 30 * d + d  # kernels, normalisations, flattened image
    attention = 4 * (d * d + d)
    layer = attention + (d * f + f) + (f * d + d) + 2 * 2 * d
    last = 2 * d if pre_norm else 0
    assert small(pre_norm=pre_norm).n_parameters == spatial + 2 * layer + last + d * 2 + 2


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_one_network_takes_every_montage(interpolation):
    network = small(interpolation=interpolation).eval()
    for montage in ("biosemi16", "biosemi32", "biosemi64", "easycap-M1"):
        leadfield = leadfield_of(montage)
        assert network.bind(leadfield)(torch.randn(2, leadfield.n_channels, 7)).shape == (2, 2, 7)


def test_images_show_what_lies_where():
    leadfield = leadfield_of("biosemi64")
    bound = small(shape=(7, 9)).bind(leadfield)
    front = torch.tensor([channel["loc"][1] for channel in leadfield.info["chs"]]).float()
    image = (bound.inputs @ front).reshape(7, 9)
    assert (image[:5, 4] > image[1:6, 4]).all()  # the last row lies below the back of the head, where it narrows


def test_planar_gradiometers_need_images_of_their_own():
    leadfield = leadfield_of("biosemi16", "grad")
    for index, channel in enumerate(leadfield.info["chs"]):  # pairs that share a place
        channel["loc"][:3] = leadfield.info["chs"][index - index % 2]["loc"][:3]
    network = CNNTransformer.for_leadfield(leadfield, shape=(5, 6), channels=(3,), d_model=8)
    assert network.n_images == 2
    assert network.bind(leadfield)(torch.randn(2, 16, 7)).shape == (2, 2, 7)
    with pytest.raises(InputError, match="2 images of sensors instead of 1"):
        small().bind(leadfield)


def test_positions_turn_by_the_same_angle_every_step():
    positions = sinusoidal_positions(50, 8).unflatten(1, (4, 2))
    assert torch.allclose(positions.norm(dim=2), torch.ones(50, 4))
    assert torch.equal(positions[0], torch.tensor([[0.0, 1.0]] * 4))
    steps = (positions[1:] * positions[:-1]).sum(2)
    assert torch.allclose(steps, torch.cos(10_000.0 ** (-torch.arange(4) / 4)).expand(49, 4), atol=1e-5)


@pytest.mark.parametrize("pre_norm", [False, True])
def test_every_time_counts_and_order_does(pre_norm):
    torch.manual_seed(0)
    network = small(pre_norm=pre_norm).eval()
    z = torch.randn(1, 30, 9)
    changed = z.clone()
    changed[:, :, 4] += 1.0
    assert not torch.isclose(network(changed), network(z), rtol=0, atol=1e-7).all(1).any()
    assert not torch.allclose(network(z.flip(2)).flip(2), network(z), atol=1e-3)


def test_features_keep_the_resolution_of_the_image():
    features = small(shape=(16, 12)).spatial[:2](torch.randn(3, 1, 16, 12))
    assert features.shape == (3, 4, 16, 12)


def test_configurations_that_cannot_be_are_refused():
    for config, words in [
        ({"kernel": 4}, "must be odd"),
        ({"d_model": 10}, "multiple of n_heads"),
        ({"interpolation": "nearest"}, "bilinear, bicubic, rbf"),
    ]:
        with pytest.raises(InputError, match=words):
            small(**config)
