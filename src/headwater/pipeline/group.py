"""The group: averages of the subjects' estimates on common positions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke
from mne.transforms import apply_trans
from scipy.spatial import ConvexHull, cKDTree

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_folder, refuse_unowned
from headwater.head.template import template_head
from headwater.pipeline.pages import Section, page, png
from headwater.pipeline.subject import MAPS, MARKER, REPORT
from headwater.report import regions
from headwater.report.colors import HIDDEN_BELOW

NEIGHBOURS = 4
FACES = (("From the left", 1, 2, -1, "AP"), ("From behind", 0, 2, 1, "LR"), ("From above", 0, 1, 1, "LR"))


@dataclass(frozen=True, eq=False)
class SubjectMap:
    """The estimate of one subject: amplitude (n_sources, n_times), times in s, positions in MNI305 in metres."""

    name: str
    amplitude: np.ndarray
    times: np.ndarray
    pos_mni: np.ndarray
    regions: np.ndarray

    @property
    def peak_mm(self) -> np.ndarray:
        """Where the estimate is strongest."""
        source = self.amplitude.max(axis=1).argmax()
        return np.asarray(1e3 * self.pos_mni[source])

    def on(self, pos: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Interpolate to other positions (inverse distances) and times; the largest value is 1."""
        distance, near = cKDTree(self.pos_mni).query(pos, k=NEIGHBOURS)
        weight = 1.0 / np.maximum(distance, 1e-6)
        weight /= weight.sum(axis=1, keepdims=True)
        moved = np.einsum("pk,pkt->pt", weight, self.amplitude[near], optimize=True)
        columns = np.abs(self.times[:, np.newaxis] - times).argmin(axis=0)
        return np.asarray(moved[:, columns] / moved.max())


@dataclass(frozen=True)
class GroupPeak:
    """Where the average of the group is strongest.

    Attributes
    ----------
    condition : str
    n_subjects : int
    time_s : float
    x_mm, y_mm, z_mm : float
        In MNI305.
    region : str
    share : float
        Mean over subjects of their amplitude there and then, relative to the largest of each.
    spread_mm : float
        Median distance of the subjects' own peaks from it.
    """

    condition: str
    n_subjects: int
    time_s: float
    x_mm: float
    y_mm: float
    z_mm: float
    region: str
    share: float
    spread_mm: float


def read_maps(folders: Sequence[Path], out: Path) -> dict[str, list[SubjectMap]]:
    """Read the estimates of all subjects, by condition; heads without MNI coordinates cannot be averaged."""
    found: dict[str, list[SubjectMap]] = {}
    for folder in folders:
        with np.load(folder / MAPS, allow_pickle=False) as arrays:
            for index in range(sum(name.endswith("_name") for name in arrays.files)):
                fields = (arrays[f"{index}_{field}"] for field in ("amplitude", "times", "pos_mni", "regions"))
                one = SubjectMap("_".join(folder.relative_to(out).parts), *fields)
                if len(one.pos_mni):
                    found.setdefault(str(arrays[f"{index}_name"]), []).append(one)
    return found


def average(condition: str, maps: Sequence[SubjectMap]) -> tuple[GroupPeak, np.ndarray]:
    """Average normalised estimates on the positions of the first subject.

    Returns
    -------
    peak : GroupPeak
    mean : array of shape (n_sources,)
        At the time of the peak.
    """
    first = maps[0]
    start, stop = max(one.times[0] for one in maps), min(one.times[-1] for one in maps)
    times = first.times[(first.times >= start - 1e-6) & (first.times <= stop + 1e-6)]
    if not len(times):
        raise InputError(f"The windows of the subjects in condition {condition!r} do not overlap.")
    mean = np.mean([one.on(first.pos_mni, times) for one in maps], axis=0)
    source, time = np.unravel_index(mean.argmax(), mean.shape)
    place = 1e3 * first.pos_mni[source]
    spread = float(np.median([np.linalg.norm(one.peak_mm - place) for one in maps]))
    x, y, z = (float(one) for one in place)
    peak = GroupPeak(
        condition, len(maps), float(times[time]), x, y, z, str(first.regions[source]), float(mean.max()), spread
    )
    return peak, mean[:, time]


def write_group(folders: Sequence[Path], out: Path) -> list[GroupPeak]:
    """Write the group's page and numbers to ``out/group``, replacing those of an earlier call."""
    peaks, sections = [], []
    for condition, maps in read_maps(folders, out).items():
        peak, mean = average(condition, maps)
        peaks.append(peak)
        sections.append(_section(peak, mean, maps))
    if not sections:
        sections = [Section("No average", said="No subject has coordinates in MNI305, so nothing was averaged.")]
    content = {
        "subjects": ["_".join(one.relative_to(out).parts) for one in folders],
        "peaks": [asdict(p) for p in peaks],
    }
    with atomic_folder(out / "group", overwrite=True, check=_refuse_foreign) as folder:
        (folder / MARKER).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        (folder / REPORT).write_text(page(f"Group of {len(folders)}", sections), encoding="utf-8")
    return peaks


def _refuse_foreign(folder: Path) -> None:
    refuse_unowned(folder, MARKER, overwrite=True)


def _section(peak: GroupPeak, mean: np.ndarray, maps: Sequence[SubjectMap]) -> Section:
    place = np.array([peak.x_mm, peak.y_mm, peak.z_mm])
    rows = []
    for one in maps:
        x, y, z = one.peak_mm
        distance = np.linalg.norm(one.peak_mm - place)
        rows.append((one.name, f"{x:.0f}", f"{y:.0f}", f"{z:.0f}", f"{distance:.0f} mm"))
    region = f": {regions.plain(peak.region)}" if peak.region else ""
    said = (
        f"The average of {peak.n_subjects} subjects is strongest {1e3 * peak.time_s:.0f} ms after time zero at x = "
        f"{peak.x_mm:.0f}, y = {peak.y_mm:.0f}, z = {peak.z_mm:.0f} mm (MNI305){region}."
    )
    return Section(
        f"Condition {peak.condition}",
        said=said,
        picture=png(_figure(maps[0].pos_mni, mean, place, maps)),
        alt=f"Average of condition {peak.condition} from three sides. {said}",
        head=("subject", "x", "y", "z (mm)", "from the group's peak"),
        rows=rows,
        links=[f"../{one.name.replace('_', '/')}/{REPORT}" for one in maps],
        note="Each subject's estimate counts relative to its own maximum; crosses: peaks of the subjects; ring: peak "
        "of the group. An average says where subjects agree; it is no statistical test.",
    )


def _figure(pos_mni: np.ndarray, mean: np.ndarray, place: np.ndarray, maps: Sequence[SubjectMap]) -> Figure:
    """Draw the average from the left, from behind and from above, in the same scale."""
    head = template_head()
    skull = 1e3 * head.to_mni(apply_trans(head.mri_head_t, head.inner_skull.rr))
    peaks, pos_mm = np.array([one.peak_mm for one in maps]), 1e3 * pos_mni
    drawn = mean.argsort()  # the strongest lie on top
    drawn = drawn[mean[drawn] >= HIDDEN_BELOW * mean.max()]
    radius = 0.5 * float(np.median(cKDTree(pos_mm).query(pos_mm, k=2)[0][:, 1]))
    colors = Normalize(0, float(mean.max()))
    widths = [np.ptp(skull[:, right]) for _, right, *_ in FACES]
    halo = [withStroke(linewidth=3, foreground="white")]
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    for axes, (title, right, up, sign, sides) in zip(figure.subplots(1, 3, width_ratios=widths), FACES, strict=True):
        outline = skull[ConvexHull(skull[:, [right, up]]).vertices]
        axes.fill(sign * outline[:, right], outline[:, up], facecolor="#f5f7f9", edgecolor="#5b6670")
        balls = [Circle((sign * pos_mm[one, right], pos_mm[one, up]), radius) for one in drawn]
        axes.add_collection(PatchCollection(balls, facecolor=colormaps["YlOrRd"](colors(mean[drawn]))))
        axes.plot(sign * peaks[:, right], peaks[:, up], "x", color="#0b5fa5", path_effects=halo)
        axes.plot(sign * place[right], place[up], "o", mfc="none", mec="black", ms=15, path_effects=halo)
        for at, letter in zip((-0.02, 1.02), sides, strict=True):  # front and back, or left and right
            axes.text(at, 0.5, letter, transform=axes.transAxes, ha="center", va="center", weight="bold", color="0.3")
        axes.set(title=title, aspect="equal", xticks=[], yticks=[])
        axes.set_frame_on(False)
    shown = ScalarMappable(colors, "YlOrRd")
    figure.colorbar(shown, ax=figure.axes, shrink=0.7, label="mean relative amplitude")
    return figure
