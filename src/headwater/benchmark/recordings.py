"""Real recordings with a known answer, from their files to MNE-Python's objects.

Their folder is that of the reference data of the project: ``mne-sample``, ``spharapy-sep`` and ``deepsif`` with the
files of their authors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mne
import numpy as np
from mne.transforms import apply_trans
from scipy.io import loadmat

from headwater.forward.leadfield import LeadField
from headwater.head.model import Head
from headwater.head.template import template_head

# A signal that is known except for its scale is given that of a strong EEG.
TYPICAL_EEG = 1e-4  # V

# Left auditory cortex (MNI -50, -20, 8) of the sample subject in its head coordinates.
LEFT_AUDITORY_HEAD = np.array([-0.0533, 0.0202, 0.0626])  # m

# Hand area of the left primary somatosensory cortex, MNI305.
LEFT_HAND_MNI = np.array([-0.042, -0.026, 0.054])  # m

# First cortical response to stimulation of the arm.
N20 = (0.022, 0.026)  # s

SAMPLE_EVOKED = "sample_right-auditory_right-visual-ave.fif"
BAD_SAMPLE_EEG = "EEG 053"
SEP_OUTLIERS = ("L6L", "R3F")
WITHOUT_PLACE = ("Nz", "TP11", "TP12")  # electrodes that the 10-05 system does not place


@dataclass(frozen=True, eq=False)
class Answered:
    """What was recorded, and where the activity is known to be.

    Attributes
    ----------
    segments : list of mne.Evoked | mne.io.BaseRaw
        Each is localised separately.
    truth : array of shape (n_points, 3)
        Where the activity is: a point, or all of an area; head coordinates, in metres.
    options : dict
        For `headwater.analyze`.
    over_time : bool
        Whether activity is averaged over the whole window (a seizure), or taken at the time point of the peak.
    mni : array of shape (n_points, 3) | None
        The same place in MNI305, in metres, where it is to be found in the head that the recording is localised in.
    """

    segments: list[Any]
    truth: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)
    over_time: bool = False
    mni: np.ndarray | None = None

    def points(self, head: Head | None) -> np.ndarray:
        """Return the known place in a head whose place in MNI305 is known, or where it is without a head."""
        return self.truth if self.mni is None or head is None else head.from_mni(self.mni)


def right_visual(data: Path, sensors: str, spacing: float | None = None) -> Answered:
    """Response to the right visual field: left primary visual cortex.

    Parameters
    ----------
    data : Path
    sensors : str
        ``"eeg"`` or ``"meg"``.
    spacing : float | None
        Of sources in the volume of the template, in mm. None: on the subject's cortex.
    """
    label = mne.read_label(data / "mne-sample" / "lh.V1.label", subject="sample")
    head_mri_t = mne.read_trans(data / "mne-sample" / "sample_audvis_trunc-trans.fif")
    truth = apply_trans(np.linalg.inv(head_mri_t["trans"]), label.pos)
    return _sample(data, "Right visual", (0.08, 0.13), sensors, truth, spacing)


def right_auditory(data: Path, sensors: str, spacing: float | None = None) -> Answered:
    """Response to the right ear: left auditory cortex first; parameters as of `right_visual`."""
    return _sample(data, "Right Auditory", (0.07, 0.11), sensors, LEFT_AUDITORY_HEAD[np.newaxis], spacing)


def _sample(
    data: Path, condition: str, window: tuple[float, float], sensors: str, truth: np.ndarray, spacing: float | None
) -> Answered:
    folder = data / "mne-sample"
    evokeds = mne.read_evokeds(folder / SAMPLE_EVOKED, verbose="error")
    options: dict[str, Any] = {"spacing": spacing}
    if spacing is None:
        forward = folder / "derived_sample_ico3-320bem-meg-eeg-fwd.fif"
        options = {"forward": mne.read_forward_solution(forward, verbose="error")}
    options |= {
        "noise_cov": mne.read_cov(folder / "sample_audvis_trunc-cov.fif", verbose="error"),
        "condition": condition,
        "tmin": window[0],
        "tmax": window[1],
        "sensors": sensors,
        "regularize": False,
        "bads": (BAD_SAMPLE_EEG,) if sensors == "eeg" else (),
        "lowpass": 40.0,
        "find_bads": False,
    }
    return Answered([evokeds], truth, options)


def median_nerve_evoked(data: Path) -> mne.EvokedArray:
    """Somatosensory evoked potential after stimulation of the right median nerve, 256 electrodes."""
    folder = data / "spharapy-sep"
    vertices = np.loadtxt(folder / "eeg_256_channels_vert.csv", delimiter=",") / 1e3
    microvolts = np.loadtxt(folder / "eeg_256_channels_sep_data.csv", delimiter=",")
    labels = (folder / "eeg_256_channels_label.csv").read_text().split()
    # The order of the labels does not match that of the vertices and the data; channels are named by row.
    names = [f"E{row:03d}" for row in range(len(vertices))]
    info = mne.create_info(names, 2048.0, "eeg")
    positions = dict(zip(names, np.column_stack([-vertices[:, 1], vertices[:, 0], vertices[:, 2]]), strict=True))
    info.set_montage(mne.channels.make_dig_montage(positions, coord_frame="head"))
    info["bads"] = [names[labels.index(label)] for label in SEP_OUTLIERS]
    return mne.EvokedArray(microvolts * 1e-6, info, tmin=-0.05, nave=6000, comment="median nerve")


def median_nerve(data: Path, time: float, spacing: float) -> Answered:
    """Response of the hand area at one latency.

    As in the clinic, a high-pass separates the cortical response from slower activity; without it, distributed
    solvers put the strongest source at 20 ms deep in the head.
    """
    options = {"tmin": time - 0.0005, "tmax": time + 0.0005, "highpass": 30.0, "spacing": spacing, "find_bads": False}
    return Answered([median_nerve_evoked(data)], template_head().from_mni(LEFT_HAND_MNI)[np.newaxis], options)


def arm_evoked(data: Path, person: str) -> mne.EvokedArray:
    """Somatosensory evoked potential after stimulation of the right arm, with measured electrode positions."""
    with np.load(data / "fecnn-sep" / f"{person}_sep.npz") as found:
        times, volts, names = found["times_s"], found["data_V"], [str(name) for name in found["labels"]]
        positions = dict(zip(names, found["pos_head_m"], strict=True))
    info = mne.create_info(names, 1 / float(np.median(np.diff(times))), "eeg")
    info.set_montage(mne.channels.make_dig_montage(positions, coord_frame="head"))
    return mne.EvokedArray(volts, info, tmin=float(times[0]), comment="right arm")


def right_arm(data: Path, person: str, spacing: float) -> Answered:
    """First cortical response of the hand area, high-pass filtered as in `median_nerve`."""
    options = {"tmin": N20[0], "tmax": N20[1], "highpass": 30.0, "spacing": spacing, "find_bads": False}
    return Answered([arm_evoked(data, person)], template_head().from_mni(LEFT_HAND_MNI)[np.newaxis], options)


def seizure_leadfield(data: Path) -> tuple[LeadField, np.ndarray]:
    """Lead field of the seizure's 994 cortical regions, and which of them were resected."""
    electrodes = _load(data, "anatomy/electrode_75.mat")["eloc75"]
    # The file has x to the front and y to the left.
    positions = {e["labels"]: np.array([-e["Y"], e["X"], e["Z"]], float) / 1e3 for e in electrodes}
    info = mne.create_info(list(positions), 500.0, "eeg")
    info.set_montage(mne.channels.make_dig_montage(positions, coord_frame="head"))
    cortex = _load(data, "anatomy/fs_cortex_20k.mat")
    region_of_vertex = _load(data, "anatomy/fs_cortex_20k_region_mapping.mat")["rm"]
    size = np.bincount(region_of_vertex)
    mean = [np.bincount(region_of_vertex, column) / size for column in (*cortex["pos"].T, *cortex["ori"].T)]
    pos, normals = np.column_stack(mean[:3]) / 1e3, np.column_stack(mean[3:])
    gain = _load(data, "anatomy/leadfield_75_20k.mat")["fwd"]
    leadfield = LeadField.from_arrays(gain, pos, normals=normals, info=info, subject="fsaverage5")
    resected = np.zeros(len(pos), bool)
    resected[_load(data, "ictal/examples/P2/anatomy/projected_resection_to_fs_cortex.mat")["resection_region"]] = True
    return leadfield, resected


def seizure(data: Path, spacing: float | None = None) -> Answered:
    """Three seconds of a seizure whose focus was resected, with success: right anterior temporal.

    Parameters
    ----------
    data : Path
    spacing : float | None
        Of sources in the volume of the template, in mm. None: in the 994 regions that the data come with.
    """
    leadfield, resected = seizure_leadfield(data)
    segments = []
    for number in (1, 2, 3):
        recorded = _load(data, f"ictal/examples/P2/sz_data/data{number}.mat")["data"].T * TYPICAL_EEG
        segments.append(mne.io.RawArray(recorded, leadfield.info.copy(), verbose="error"))
    band = {"highpass": 1.0, "lowpass": 30.0, "find_bads": False}
    if spacing is None:
        return Answered(segments, leadfield.pos[resected], {"forward": leadfield, **band}, over_time=True)
    for segment in segments:  # their positions are not those of the template; names place them
        segment.set_montage(None)
    # The regions are those of fsaverage, in the frame of its MRI, which is the template's.
    truth = template_head().to_head(leadfield.pos[resected])
    return Answered(segments, truth, {"spacing": spacing, "bads": WITHOUT_PLACE, **band}, over_time=True)


def _load(data: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = loadmat(data / "deepsif" / name, simplify_cells=True)
    return content
