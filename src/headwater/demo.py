"""Two simulated responses on another head than the solvers', localised, with the errors in millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater._utils.progress import track
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.head.model import Head
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.localization.finish import finish, peaks_only
from headwater.localization.prepare import Prepared, prepare
from headwater.report.results import refuse_foreign, write_results
from headwater.solvers import SOLVERS
from headwater.weights.catalogue import DEFAULT, load_network

MONTAGE = "easycap-M10"
SAMPLING_RATE = 500.0
N_TRIALS = 100
# What a first look should compare the bundled network with; the reports are the network's.
COMPARED_SOLVERS = ("mne", "dspm", "sloreta", "eloreta", "lcmv", "rap-music")


@dataclass(frozen=True)
class Response:
    """A patch of cortex that answers a stimulus.

    Attributes
    ----------
    name : str
    region : str
        The patch grows around the vertex of this region that is nearest to ``mni_mm``.
    mni_mm : tuple of float
        MNI305.
    latency, duration : float
        Of the Gaussian time course: its centre and standard deviation, in s.
    """

    name: str
    region: str
    mni_mm: tuple[float, float, float]
    latency: float
    duration: float

    @property
    def window(self) -> tuple[float, float]:
        """The interval around the response that a user would localise, in s."""
        return self.latency - 4 * self.duration, self.latency + 4 * self.duration


RESPONSES = (
    Response("visual", "pericalcarine-lh", (-8.0, -88.0, 2.0), latency=0.100, duration=0.012),
    Response("somatosensory", "postcentral-lh", (-42.0, -26.0, 54.0), latency=0.050, duration=0.010),
)

PATCH_RADIUS = 0.010  # m
PATCH_MOMENT = 50e-9  # A m, of the whole patch: a clear evoked response
BACKGROUND_MOMENT = 0.5e-9  # A m, standard deviation of every other cortical source in a single trial
SENSOR_NOISE = 2e-6  # V, standard deviation in a single trial


def run_demo(out: Path | str, *, seed: int = 0, overwrite: bool = False, command: str | None = None) -> pd.DataFrame:
    """Simulate, localise with several solvers, and write a report for each response.

    Parameters
    ----------
    out : path-like
        Folder to make, with ``demo-ave.fif`` and one results folder a response.
    seed : int
        Of the other head, the electrode positions and the noise.
    overwrite : bool
        Replace an earlier demo.
    command : str | None
        Shown in the reports.

    Returns
    -------
    errors_mm : pandas.DataFrame of shape (n_solvers, n_responses)
        Distance from the strongest peak of the estimate to the centre of the simulated patch.
    """
    out = Path(out)
    recording = out / "demo-ave.fif"
    if recording.exists() and not overwrite:
        raise InputError(f"{recording} already exists; choose another `out` or set `overwrite=True` to replace it.")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, not a folder, and is left alone; choose another `out`.")
    for response in RESPONSES:
        refuse_foreign(out / response.name, overwrite=overwrite)
    template = template_head()
    info = montage_info(template, MONTAGE, sfreq=SAMPLING_RATE)
    evokeds, centres = simulate_responses(template.varied(seed=seed), seed)
    leadfield = make_leadfield(template, info)
    windows = [
        prepare(evoked, head=template, forward=leadfield, tmin=response.window[0], tmax=response.window[1])
        for response, evoked in zip(RESPONSES, evokeds, strict=True)
    ]
    reported = [finish(prepared, load_network()) for prepared in windows]
    errors_mm = compare(windows, [found.peaks for found in reported], centres)
    for response, found in zip(RESPONSES, reported, strict=True):
        write_results(found, out / response.name, command=command, overwrite=overwrite)
    with atomic_file(recording) as path:
        mne.write_evokeds(path, evokeds, overwrite=True, verbose="ERROR")
    return errors_mm


def compare(
    windows: Sequence[Prepared], network_peaks: Sequence[pd.DataFrame], centres: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Return the error of the strongest peak of each solver in mm; only the network's are given."""
    errors_mm = pd.DataFrame(
        index=pd.Index([*COMPARED_SOLVERS, DEFAULT], name="solver"), columns=list(centres), dtype=float
    )
    for solver in track(COMPARED_SOLVERS, "Comparing", total=len(COMPARED_SOLVERS)):
        errors_mm.loc[solver] = [
            error_mm(peaks_only(prepared, SOLVERS[solver]()), centre)
            for prepared, centre in zip(windows, centres.values(), strict=True)
        ]
    errors_mm.loc[DEFAULT] = [error_mm(*pair) for pair in zip(network_peaks, centres.values(), strict=True)]
    return errors_mm


def error_mm(peaks: pd.DataFrame, centre: np.ndarray) -> float:
    """Distance of the strongest peak from the centre of a patch, both in MNI305 and mm."""
    return float(np.linalg.norm(peaks.loc[0, ["x_mm", "y_mm", "z_mm"]].to_numpy(float) - centre))


def simulate_responses(head: Head, seed: int) -> tuple[list[mne.Evoked], dict[str, np.ndarray]]:
    """Simulate the averages of both conditions on one head.

    Returns
    -------
    evokeds : list of mne.Evoked
        With the *nominal* electrode positions of no head at all: names only, as many recordings come.
    centres : dict of str to array of shape (3,)
        Centre of each patch in MNI305, mm.
    """
    rng = np.random.default_rng(seed)
    info = montage_info(head, MONTAGE, sfreq=SAMPLING_RATE)
    leadfield = make_leadfield(head, info, "cortex", orient="fixed")
    mni_mm = head.to_mni(leadfield.pos) * 1e3
    times = np.arange(round(-0.2 * SAMPLING_RATE), round(0.4 * SAMPLING_RATE)) / SAMPLING_RATE
    evokeds, centres = [], {}
    for response in RESPONSES:
        patch, centre = grow_patch(leadfield, mni_mm, response)
        course = np.exp(-0.5 * ((times - response.latency) / response.duration) ** 2)
        signal = leadfield.matrix[:, patch].mean(axis=1, keepdims=True) * PATCH_MOMENT * course
        # The average of independent trials: the noise of one trial over the root of their number.
        background = BACKGROUND_MOMENT * rng.standard_normal((leadfield.n_sources, len(times)))
        noise = leadfield.matrix @ background + SENSOR_NOISE * rng.standard_normal(signal.shape)
        nominal = montage_info(template_head(), MONTAGE, sfreq=SAMPLING_RATE)
        evokeds.append(
            mne.EvokedArray(
                signal + noise / np.sqrt(N_TRIALS), nominal, tmin=times[0], comment=response.name, nave=N_TRIALS
            )
        )
        centres[response.name] = mni_mm[centre]
    return evokeds, centres


def grow_patch(leadfield: LeadField, mni_mm: np.ndarray, response: Response) -> tuple[np.ndarray, int]:
    """Find the sources within ``PATCH_RADIUS`` of the region's vertex nearest to the response, and that vertex."""
    region = np.flatnonzero(leadfield.region_ids == leadfield.region_names.index(response.region))
    centre = int(region[np.linalg.norm(mni_mm[region] - response.mni_mm, axis=1).argmin()])
    near = np.linalg.norm(leadfield.pos - leadfield.pos[centre], axis=1) <= PATCH_RADIUS
    return region[near[region]], centre
