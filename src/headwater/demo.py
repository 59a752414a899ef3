"""Two simulated responses on another head than the solvers', localised, with the errors in millimetres."""

from __future__ import annotations

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
from headwater.localization import Localization, analyze
from headwater.report.results import refuse_foreign, write_results
from headwater.solvers import SOLVERS
from headwater.weights.catalogue import DEFAULT, load_network

MONTAGE = "easycap-M10"
SAMPLING_RATE = 500.0
N_TRIALS = 100
# The solvers that a first look should compare, and the one whose reports are written.
COMPARED_SOLVERS = ("mne", "dspm", "sloreta", "eloreta", "lcmv", "rap-music", DEFAULT)
REPORTED_SOLVER = DEFAULT


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
    errors_mm = pd.DataFrame(
        index=pd.Index(COMPARED_SOLVERS, name="solver"), columns=[r.name for r in RESPONSES], dtype=float
    )
    reported: dict[str, Localization] = {}
    for solver in track(COMPARED_SOLVERS, "Localising", total=len(COMPARED_SOLVERS)):
        for response, evoked in zip(RESPONSES, evokeds, strict=True):
            found = localize_response(evoked, response, leadfield, template, solver)
            peak_mm = found.peaks.loc[0, ["x_mm", "y_mm", "z_mm"]].to_numpy(float)
            errors_mm.loc[solver, response.name] = np.linalg.norm(peak_mm - centres[response.name])
            if solver == REPORTED_SOLVER:
                reported[response.name] = found
    for name, found in reported.items():
        write_results(found, out / name, command=command, overwrite=overwrite)
    with atomic_file(recording) as path:
        mne.write_evokeds(path, evokeds, overwrite=True, verbose="ERROR")
    return errors_mm


def localize_response(
    evoked: mne.Evoked, response: Response, leadfield: LeadField, head: Head, solver: str
) -> Localization:
    """Localise one response around its latency, as a user would."""
    return analyze(
        evoked,
        load_network() if solver == DEFAULT else SOLVERS[solver](),
        head=head,
        forward=leadfield,
        tmin=response.latency - 4 * response.duration,
        tmax=response.latency + 4 * response.duration,
    )


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
