"""How far real heads are from the template, compared with the heads of `Head.varied`.

``python benchmarks/bench_heads.py`` compares the same sources (by MNI coordinates) and the same 10-05 electrodes on the
template and on other heads, with three-layer boundary elements (ico 3) and conductivities of .3, .006 and .3 S/m except
where they are varied. RDM and MAG are those of single dipoles along the axes of MNI305. The localisation error is that
of a dipole scan on the template, without noise: the distance in MNI305 from the place of a dipole of random orientation
in the other head to the source that explains its field best.

Real heads are read at ``../shared/data``: one person (meshes, MRI not normalised), MNE-Python's sample subject (own
BEM surfaces, Talairach transform), the New York head (segmentation) and SPM's template (meshes); the last two are
averages in MNI152. Varied heads know exactly where MNI305 is in them; the rows "normalised" find it by the shape of
the inner skull, as for the person.
"""

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import mne
import numpy as np
from record import recorded

from headwater.benchmark.heads import NewYork
from headwater.forward.bem import electrode_rows
from headwater.forward.layers import head_layers
from headwater.forward.potential import eeg_gain
from headwater.forward.spaces import volume_space
from headwater.head.anatomy import Conductivities
from headwater.head.geometry import NearestPoint, enclosed_volume
from headwater.head.meshes import head_from_meshes
from headwater.head.model import Head
from headwater.head.registration import MNI152_TO_MNI305, mni_of_inner_skull
from headwater.head.sensors import montage_info
from headwater.head.subject import head_from_subject
from headwater.head.template import template_head

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MONTAGE = "biosemi64"
ICO = 3
SPACING = 12.0  # mm, of the sources whose fields are compared
SCAN = 7.0  # mm, of the sources among which a dipole is sought
MINDIST = 0.005  # metres from the inner skull of every head
N_DIPOLES = 400
SEEDS = range(1, 9)
SWITCHES = ("geometry", "electrodes", "conductivity", "thickness", "thin_places", "segmentation")
NOTHING = dict.fromkeys(SWITCHES, 0.0)
EVERYTHING = dict.fromkeys(SWITCHES, 1.0)
WIDE = {**EVERYTHING, "conductivity": 0.0, "geometry": 2.0, "electrodes": 2.0}


def person() -> Head:
    """Read the person of Wakeman and Henson 2015."""
    return head_from_meshes(DATA / "wakeman-henson-head" / "hbf_samplehead_3shell_wh.mat", name="Wakeman-Henson")


def spm() -> Head:
    """Read SPM's template."""
    meshes = [DATA / "spm-template" / f"{layer}_2562.surf.gii" for layer in ("iskull", "oskull", "scalp")]
    return head_from_meshes(meshes, mri_mni_t=MNI152_TO_MNI305, name="SPM template")


def new_york() -> Head:
    """Read the New York head."""
    return NewYork(DATA).head(template_head(), 0)


def sample() -> Head:
    """Read MNE-Python's sample subject."""
    source = DATA / "mne-sample"
    with tempfile.TemporaryDirectory() as folder:
        subject = Path(folder) / "sample"
        (subject / "bem").mkdir(parents=True)
        (subject / "mri" / "transforms").mkdir(parents=True)
        for name in ("sample-1280-1280-1280-bem.fif", "sample-fiducials.fif", "sample-head.fif"):
            shutil.copyfile(source / name, subject / "bem" / name)
        shutil.copyfile(source / "talairach.xfm", subject / "mri" / "transforms" / "talairach.xfm")
        shutil.copyfile(source / "T1.mgz", subject / "mri" / "T1.mgz")
        return head_from_subject("sample", folder, trans="fiducials")


REAL: tuple[Callable[[], Head], ...] = (person, sample, new_york, spm)


def families() -> Iterator[tuple[str, list[Head]]]:
    """Real heads, one each; varied heads, several each."""
    template = template_head()
    same = Conductivities()
    for read in REAL:
        head = replace(read(), conductivities=same, conductor=None)
        yield head.name, [head]
    for name, options in (
        ("varied, as by default", {}),
        *((f"varied: {switch} alone", {**NOTHING, switch: 1.0}) for switch in SWITCHES),
        ("varied: shape x 2 and electrodes x 2", {**NOTHING, "geometry": 2.0, "electrodes": 2.0}),
        ("varied: all switches but conductivity", {**EVERYTHING, "conductivity": 0.0}),
        ("shape x 2 and electrodes x 2, all switches", WIDE),
    ):
        yield name, [template.varied(seed, **options) for seed in SEEDS]
    for name, options in (
        ("varied, as by default", {"conductivity": 0.0}),
        ("shape x 2 and electrodes x 2, all switches", WIDE),
    ):
        yield f"{name}, normalised", [_normalised(template.varied(seed, **options)) for seed in SEEDS]


def _normalised(head: Head) -> Head:
    """Forget how a varied head was made: its way to MNI305 follows from its inner skull, as that of the person does."""
    return replace(head, warp=None, reference=None, mri_mni_t=mni_of_inner_skull(head.inner_skull))


def gain_at(head: Head, mni: np.ndarray) -> np.ndarray:
    """Average-referenced gain (n_channels, n_sources, 3) along the axes of MNI305 (without shear) at MNI places."""
    layers = head_layers(head, n_layers=3, ico=ICO)
    info = montage_info(head, MONTAGE)
    electrodes = head.to_mri(np.array([channel["loc"][:3] for channel in info["chs"]]))
    gain = eeg_gain(electrode_rows(layers, electrodes), layers, head.to_mri(head.from_mni(mni)))
    assert head.mri_mni_t is not None
    left, _, right = np.linalg.svd(head.mri_mni_t[:3, :3])
    gain = gain @ (left @ right).T
    return gain - gain.mean(axis=0)


def inside(head: Head, mni: np.ndarray) -> np.ndarray:
    """Which MNI places are well inside the inner skull of a head."""
    pos = head.to_mri(head.from_mni(mni))
    return NearestPoint(head.inner_skull.rr, head.inner_skull.tris)(pos)[1] <= -MINDIST


def main() -> None:
    """Print one row a head."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", help="also write everything to this Markdown file")
    arguments = parser.parse_args()
    mne.set_log_level("ERROR")
    with recorded(arguments.out, "Real heads and varied heads, compared with the template"):
        compare()


def compare() -> None:
    """Compare all heads with the template."""
    template = template_head()
    scan = _grid(template, SCAN)
    model = gain_at(template, scan)
    basis = np.linalg.qr(np.moveaxis(model, 1, 0))[0]
    places = _grid(template, SPACING)
    own = gain_at(template, places)
    print(f"{len(places)} sources, {len(own)} electrodes; percentiles are over sources, orientations and heads")
    print(f"{'head':52s} {'litres':>6s}  {'RDM 5/50/95 %':18s} {'MAG 5/50/95 %':18s} localisation error 50/90 % (mm)")
    for name, heads in families():
        rdm, mag, errors, litres = [], [], [], []
        for head in heads:
            kept = inside(head, places)
            theirs = gain_at(head, places[kept])
            a, b = (gain.reshape(len(gain), -1) for gain in (own[:, kept], theirs))
            norms = np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0)
            rdm.append(np.linalg.norm(a / norms[0] - b / norms[1], axis=0))
            mag.append(norms[1] / norms[0])
            errors.append(_scanned(theirs, places[kept], basis, scan))
            litres.append(_litres(head))
        print(
            f"{name:52s} {np.mean(litres):6.2f}  {_quantiles(rdm, (5, 50, 95)):18s} {_quantiles(mag, (5, 50, 95)):18s} "
            f"{_quantiles([1e3 * error for error in errors], (50, 90), 1)}",
            flush=True,
        )


def _grid(head: Head, spacing: float) -> np.ndarray:
    """MNI places of a grid in the brain."""
    space = volume_space(head, spacing, 1e3 * MINDIST, "brain")
    return head.to_mni(head.to_head(space["rr"][space["vertno"]]))


def _scanned(gain: np.ndarray, places: np.ndarray, basis: np.ndarray, scan: np.ndarray) -> np.ndarray:
    """Distances between the places of dipoles and those where a scan finds them."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(places), min(N_DIPOLES, len(places)), replace=False)
    moments = rng.standard_normal((len(chosen), 3))
    fields = np.einsum("csx,sx->cs", gain[:, chosen], moments)
    explained = (np.einsum("kcm,cs->ksm", basis, fields, optimize=True) ** 2).sum(axis=2)
    return np.linalg.norm(scan[explained.argmax(axis=0)] - places[chosen], axis=1)


def _litres(head: Head) -> float:
    return 1e3 * enclosed_volume(head.inner_skull.rr, head.inner_skull.tris)


def _quantiles(values: list[np.ndarray], percents: tuple[int, ...], digits: int = 2) -> str:
    return " / ".join(f"{value:.{digits}f}" for value in np.percentile(np.concatenate(values), percents))


if __name__ == "__main__":
    main()
