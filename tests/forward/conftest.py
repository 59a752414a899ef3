"""Small forward solutions of every kind, made with MNE-Python's sphere model."""

from pathlib import Path

import mne
import numpy as np
import pytest
from mne.io.constants import FIFF

from headwater.forward.spaces import hemisphere_space, make_sources
from headwater.forward.subdivision import coarser_tris
from headwater.head.anatomy import Cortex, LabelVolume, Surface
from headwater.head.model import Head

BALL = mne.make_sphere_model(r0=(0.0, 0.0, 0.04), head_radius=0.092, verbose="error")


def ico_surface(grade: int, radius: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Surface:
    """Icosahedral sphere, its vertices nested: the first ones are those of the coarser grade."""
    path = Path(mne.__file__).parent / "data" / "icos.fif.gz"
    sphere = mne.read_bem_surfaces(path, s_id=9000 + grade, verbose="error")
    return Surface(rr=radius * sphere["rr"] + np.array(centre), tris=sphere["tris"])


@pytest.fixture(scope="session")
def eeg_meg_info() -> mne.Info:
    """32 electrodes and 20 magnetometers around the ball, in head coordinates."""
    montage = mne.channels.make_standard_montage("biosemi32")
    eeg = mne.create_info(montage.ch_names, 1.0, "eeg").set_montage(montage, verbose="error")
    for channel in eeg["chs"]:
        direction = channel["loc"][:3] - BALL["r0"]
        channel["loc"][:3] = BALL["r0"] + 0.092 * direction / np.linalg.norm(direction)
    meg = mne.create_info([f"MEG {k:03d}" for k in range(20)], 1.0, "mag")
    generator = np.random.default_rng(0)
    for channel in meg["chs"]:
        normal = generator.normal(size=3) * [1, 1, 0.3]
        normal /= np.linalg.norm(normal)
        e_x = np.cross(normal, [0.3, 0.4, 0.86])
        e_x /= np.linalg.norm(e_x)
        channel["loc"][:] = np.r_[BALL["r0"] + 0.12 * normal, e_x, np.cross(normal, e_x), normal]
        channel["coil_type"] = FIFF.FIFFV_COIL_VV_MAG_T3
        channel["coord_frame"] = FIFF.FIFFV_COORD_DEVICE
    eeg["dev_head_t"] = meg["dev_head_t"] = mne.transforms.Transform("meg", "head")
    return mne._fiff.meas_info._merge_info([eeg, meg])


@pytest.fixture(scope="session")
def mri_head_t() -> mne.transforms.Transform:
    turn = mne.transforms.rotation(0.1, -0.05, 0.2)
    return mne.transforms.Transform("mri", "head", turn @ mne.transforms.translation(0.002, 0.005, 0.04))


@pytest.fixture(scope="session")
def ball_head(mri_head_t) -> Head:
    """A head of concentric spheres (80, 86 and 92 mm), with two small hemispheres and one nucleus."""
    centre = tuple(mne.transforms.apply_trans(np.linalg.inv(mri_head_t["trans"]), BALL["r0"]))
    white = tuple(ico_surface(3, 0.025, (centre[0] + 0.03 * side, centre[1], centre[2])) for side in (-1, 1))
    regions = tuple((surface.rr[:, 2] > centre[2]).astype(int) + 2 * side for side, surface in enumerate(white))
    labels = np.zeros((20, 20, 20), int)
    labels[8:12, 8:12, 8:12] = 1
    affine = np.diag([0.005, 0.005, 0.005, 1.0])
    affine[:3, 3] = np.array(centre) - 0.0475
    return Head(
        name="ball",
        inner_skull=ico_surface(2, 0.080, centre),
        outer_skull=ico_surface(2, 0.086, centre),
        scalp=ico_surface(2, 0.092, centre),
        cortex=Cortex(white, white, white, regions, ("lower-lh", "upper-lh", "lower-rh", "upper-rh")),
        structures=LabelVolume(labels, affine, ("Nucleus",)),
        fiducials={},
        mri_head_t=mri_head_t,
        mri_mni_t=None,
    )


@pytest.fixture(scope="session")
def surface_src(ball_head) -> mne.SourceSpaces:
    """Two small hemispheres, decimated from ico3 to ico1, with patch statistics."""
    spaces = []
    for side, white in enumerate(ball_head.cortex.white):
        tris = coarser_tris(white.tris, 42)
        spaces.append(hemisphere_space(white, side, "ball", vertices=np.arange(42), use_tris=tris))
    src = mne.SourceSpaces(spaces, {"working_dir": "", "command_line": ""})
    return mne.add_source_space_distances(src, dist_limit=0, verbose="error")


@pytest.fixture(scope="session")
def volume_src(ball_head) -> mne.SourceSpaces:
    return make_sources(ball_head, "volume", spacing=15.0)


@pytest.fixture(scope="session")
def forwards(eeg_meg_info, mri_head_t, surface_src, volume_src) -> dict[str, mne.Forward]:
    """Free forward solutions along x, y, z: on a surface, in a volume, of both, and at discrete points."""
    points = {"rr": np.array([[0.0, 0.0, 0.02], [0.03, 0.01, 0.0]]), "nn": np.array([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]])}
    sources = {
        "surface": surface_src,
        "volume": volume_src,
        "mixed": surface_src + volume_src,
        "discrete": mne.setup_volume_source_space("ball", pos=points, verbose="error"),
    }
    return {
        kind: mne.make_forward_solution(eeg_meg_info, mri_head_t, src, BALL, mindist=5.0, verbose="error")
        for kind, src in sources.items()
    }
