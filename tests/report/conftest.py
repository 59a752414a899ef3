"""Small localisations of every kind: a round head with two round hemispheres, and one active source."""

from __future__ import annotations

from collections.abc import Callable

import mne
import numpy as np
import pytest
from scipy.spatial import ConvexHull

from headwater.forward.leadfield import LeadField
from headwater.head.anatomy import Cortex, Surface
from headwater.head.model import Head
from headwater.localization import Localization
from headwater.localization.noise import Noise
from headwater.localization.peaks import find_peaks, peaks_table
from headwater.localization.prepare import Prepared
from headwater.localization.trust_findings import assess
from headwater.solvers import SLORETA

MRI_HEAD_T = mne.transforms.Transform(
    "mri", "head", mne.transforms.translation(0.002, -0.01, 0.04) @ mne.transforms.rotation(0.1, 0.0, 0.05)
)
REGION = "a<b>-lh"


def ball(radius: float, centre: tuple[float, float, float] = (0, 0, 0), n: int = 400) -> Surface:
    """Closed sphere with vertices on a Fibonacci spiral."""
    step = np.arange(n) + 0.5
    polar, turn = np.arccos(1 - 2 * step / n), np.pi * (1 + 5**0.5) * step
    unit = np.column_stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)])
    hull = ConvexHull(unit)
    tris = hull.simplices.copy()
    corners = unit[tris]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inward = (normals * corners[:, 0]).sum(axis=1) < 0
    tris[inward] = tris[inward][:, ::-1]
    return Surface(radius * unit + np.asarray(centre), tris)


def round_head(*, with_cortex: bool = True) -> Head:
    sides = (-0.033, 0.033)
    layers = [tuple(ball(radius, (x, 0, 0)) for x in sides) for radius in (0.027, 0.03, 0.04)]
    cortex = Cortex(*layers, region_ids=(np.full(400, -1),) * 2, region_names=()) if with_cortex else None
    return Head(
        name="somebody <i>",
        inner_skull=ball(0.07),
        outer_skull=None,
        scalp=ball(0.085),
        cortex=cortex,
        structures=None,
        fiducials={},
        mri_head_t=MRI_HEAD_T,
        mri_mni_t=None,
    )


def surface_space(surface: Surface, side: int) -> dict:
    rr = mne.transforms.apply_trans(MRI_HEAD_T, surface.rr)
    vertno = np.arange(0, len(rr), 2)
    inuse = np.zeros(len(rr), int)
    inuse[vertno] = 1
    centre = rr.mean(axis=0)
    nn = (rr - centre) / np.linalg.norm(rr - centre, axis=1, keepdims=True)
    return {
        "type": "surf", "id": 101 + side, "coord_frame": 4, "np": len(rr), "ntri": len(surface.tris), "rr": rr,
        "nn": nn, "tris": surface.tris, "nuse": len(vertno), "inuse": inuse, "vertno": vertno, "nuse_tri": 0,
        "use_tris": None,
    }  # fmt: skip


def volume_space(spacing: float = 0.012) -> dict:
    side = np.arange(-5, 6) * spacing
    grid = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    rr = mne.transforms.apply_trans(MRI_HEAD_T, grid[np.linalg.norm(grid, axis=1) < 0.06])
    n = len(rr)
    return {
        "type": "vol", "id": -1, "np": n, "ntri": 0, "coord_frame": 4, "rr": rr, "nn": np.tile([0.0, 0, 1], (n, 1)),
        "tris": None, "nuse": n, "inuse": np.ones(n, int), "vertno": np.arange(n),
    }  # fmt: skip


def sensor_info(sensors: str) -> mne.Info:
    """EEG electrodes and synthetic magnetometers around the head."""
    upper = ball(0.09, n=90).rr
    upper = upper[upper[:, 2] > -0.01] + MRI_HEAD_T["trans"][:3, 3]
    kinds = {"eeg": ["eeg"], "meg": ["mag"], "both": ["eeg", "mag"]}[sensors]
    names = [f"{kind}{number:02d}" for kind in kinds for number in range(len(upper))]
    info = mne.create_info(names, 200.0, [kind for kind in kinds for _ in upper])
    for channel, place in zip(info["chs"], np.tile(upper, (len(kinds), 1)), strict=True):
        channel["loc"][:3] = place
        channel["coord_frame"] = 4 if channel["ch_name"].startswith("eeg") else 1
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head")
    return info


def gain_of(info: mne.Info, pos: np.ndarray) -> np.ndarray:
    """Potential (EEG) and field (MEG, along the outward normal) of dipoles in an unbounded conductor."""
    place = np.array([channel["loc"][:3] for channel in info["chs"]])
    away = place[:, np.newaxis] - pos
    far = np.linalg.norm(away, axis=2, keepdims=True) ** 3
    normal = place / np.linalg.norm(place, axis=1, keepdims=True)
    electric = away / far / (4 * np.pi * 0.3)
    magnetic = 1e-7 * np.cross(away, normal[:, np.newaxis]) / far
    is_eeg = np.array(info.get_channel_types()) == "eeg"
    return np.where(is_eeg[:, np.newaxis, np.newaxis], electric, magnetic)


MakeLocalization = Callable[..., Localization]


def _make(
    space: str = "volume",
    *,
    head: str = "cortex",
    sensors: str = "eeg",
    n_times: int = 21,
    source: int | None = None,
    silent: bool = False,
) -> Localization:
    """Localise one source; ``head`` is "cortex", "no cortex" or "none"."""
    anatomy = round_head(with_cortex=head != "no cortex")
    white = round_head().cortex.white  # type: ignore[union-attr]
    spaces = [surface_space(white[side], side) for side in (0, 1)] if space in ("cortex", "mixed") else []
    spaces += [volume_space()] if space in ("volume", "mixed") else []
    src = mne.SourceSpaces(spaces)
    pos = np.concatenate([s["rr"][s["vertno"]] for s in src])
    info = sensor_info(sensors)
    gain = gain_of(info, pos)
    normals = np.concatenate([s["nn"][s["vertno"]] * (s["type"] == "surf") for s in src])
    leadfield = LeadField(
        gain=gain, pos=pos, normals=normals, info=info, src=src, region_ids=np.full(len(pos), -1), region_names=(),
        grid=None, adjacency=None, subject="somebody", assumptions={},
    )  # fmt: skip
    # A lateral source of the left hemisphere, unless told otherwise.
    wanted = mne.transforms.apply_trans(MRI_HEAD_T, [-0.052, 0.004, 0.01])
    active = int(np.linalg.norm(pos - wanted, axis=1).argmin()) if source is None else source
    times = (np.arange(n_times) - n_times // 4) / info["sfreq"]
    course = np.exp(-0.5 * ((times - times[n_times // 2]) / 0.02) ** 2)
    noise = np.where(np.array(info.get_channel_types()) == "eeg", 1e-7, 5e-15)
    signal = 20e-9 * gain[:, active] @ [0.6, 0.0, 0.8]
    rng = np.random.default_rng(0)
    data = signal[:, np.newaxis] * course + noise[:, np.newaxis] * rng.standard_normal((len(noise), n_times)) / 5
    evoked = mne.EvokedArray(data, info, tmin=times[0], nave=25, comment="Right <script>alert(1)</script>")
    if "eeg" in evoked:
        evoked.set_eeg_reference(projection=True, verbose="error").apply_proj(verbose="error")
    noise_cov = mne.Covariance(noise**2, info["ch_names"], [], [], nfree=100)
    solver = SLORETA().fit(leadfield, noise_cov)
    magnitude = np.linalg.norm(solver.estimate(evoked.data), axis=1)
    sources, samples = find_peaks(magnitude, pos)
    if silent:
        sources, samples = sources[:0], samples[:0]
    frame = "head" if head == "none" else "mri"
    peak_pos = pos[sources]
    if frame == "mri":
        peak_pos = mne.transforms.apply_trans(mne.transforms.invert_transform(MRI_HEAD_T), peak_pos)
    table = peaks_table(
        evoked.times[samples], 1e3 * peak_pos, frame, [REGION] * len(sources), magnitude[sources, samples], "F"
    )
    noise = Noise(noise_cov, "estimated from the baseline", n_effective=400.0, measured=True)
    prepared = Prepared(evoked, evoked, None, leadfield, noise, anatomy, {})
    first = (int(sources[0]), int(samples[0])) if len(sources) else None
    return Localization(
        stc=solver.apply(evoked),
        magnitude=magnitude,
        unit="F",
        peaks=table,
        peak_sources=sources,
        evoked=evoked,
        whole=evoked,
        leadfield=leadfield,
        head=None if head == "none" else anatomy,
        solver=solver,
        noise_cov=noise_cov,
        assumptions={"Head": "three <shells>", "Noise covariance": "estimated from the baseline"},
        trust=assess(prepared, solver, magnitude, first),
        eloreta=table.iloc[:1],
    )


@pytest.fixture(scope="session")
def make_localization() -> MakeLocalization:
    """Give the function that makes a localisation; see `_make`."""
    return _make
