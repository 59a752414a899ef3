"""A head: its parts, its frames, and other heads made from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import mne
import numpy as np
from mne.transforms import Transform, apply_trans, get_ras_to_neuromag_trans

from headwater._utils.errors import InputError
from headwater.head.anatomy import Conductivities, Cortex, LabelVolume, Surface
from headwater.head.geometry import NearestPoint
from headwater.head.skull_variation import with_errors, with_thickness, with_thin_places
from headwater.head.variation import JITTER, drawn_conductivities, random_warp
from headwater.head.warp import Warp

# Smallest distances between the surfaces of a head that is accepted, metres.
LEAST_SKULL, LEAST_SCALP = 0.002, 0.0015
ATTEMPTS = 20  # to draw surfaces that stay nested


@dataclass(frozen=True, eq=False)
class Head:
    """A head model: geometry, tissue properties and frames. All positions are in the MRI frame, in metres.

    Attributes
    ----------
    name : str
        For people: ``"template"``, a subject's name.
    inner_skull : Surface
    outer_skull, scalp : Surface | None
        None where a subject has a single-layer model (MEG only).
    cortex : Cortex | None
    structures : LabelVolume | None
        Deep structures and cerebellum.
    brain : LabelVolume | None
        Grey and white matter, cerebellum and brain stem included; None where unknown.
    tissues : LabelVolume | None
        A segmentation of the whole head, for finite elements; its names are those of `headwater.head.conductivity`.
        None: tissues follow from the surfaces.
    subject : str | None
        Name of the FreeSurfer subject whose vertices the cortex has, ``"fsaverage"`` for the template; None: ``name``.
    conductivities : Conductivities
    fiducials : dict of str to array of shape (3,)
        ``"nasion"``, ``"lpa"``, ``"rpa"``.
    mri_head_t : mne.transforms.Transform
        From MRI (surface RAS) to head coordinates (Neuromag convention), in metres.
    mri_mni_t : array of shape (4, 4) | None
        From the *reference* MRI frame to MNI305, in metres; None where unknown.
    reference : str | None
        Name of the reference head: heads that share it correspond point by point through their warps. None: unknown.
    warp : Warp | None
        Carries points of the reference head's MRI frame to this head's; None for a head that is its own reference.
    conductor : mne.bem.ConductorModel | None
        A BEM solution of the subject, used instead of computing one.
    mri : Path | None
        The subject's MRI (``mri/T1.mgz``), behind the slices of reports; None where there is none.
    electrode_jitter : float
        Standard deviation, in metres and along the scalp, with which electrodes are misplaced on this head.
    electrode_seed : int
        Seed of that misplacement.

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> head.varied(seed=1).name
    'template, varied with seed 1'
    """

    name: str
    inner_skull: Surface
    outer_skull: Surface | None
    scalp: Surface | None
    cortex: Cortex | None
    structures: LabelVolume | None
    fiducials: dict[str, np.ndarray]
    mri_head_t: mne.transforms.Transform
    mri_mni_t: np.ndarray | None
    conductivities: Conductivities = field(default_factory=Conductivities)
    reference: str | None = None
    warp: Warp | None = None
    conductor: mne.bem.ConductorModel | None = None
    brain: LabelVolume | None = None
    tissues: LabelVolume | None = None
    subject: str | None = None
    mri: Path | None = None
    electrode_jitter: float = 0.0
    electrode_seed: int = 0

    def to_reference(self, pos_mri: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) of this head's MRI frame to the MRI frame of its reference head, in metres."""
        return np.asarray(pos_mri, float) if self.warp is None else self.warp.inverse(pos_mri)

    def from_reference(self, pos_reference: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) of the reference head's MRI frame to this head's, in metres."""
        return np.asarray(pos_reference, float) if self.warp is None else self.warp.forward(pos_reference)

    def to_mri(self, pos_head: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) from head coordinates to this head's MRI frame, in metres."""
        return apply_trans(np.linalg.inv(self.mri_head_t["trans"]), pos_head)

    def to_head(self, pos_mri: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) from this head's MRI frame to head coordinates, in metres."""
        return apply_trans(self.mri_head_t["trans"], pos_mri)

    def to_mni(self, pos_head: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) from head coordinates to MNI305, in metres."""
        return apply_trans(self._known_mni(), self.to_reference(self.to_mri(pos_head)))

    def from_mni(self, pos_mni: np.ndarray) -> np.ndarray:
        """Carry points (..., 3) from MNI305 to head coordinates, in metres."""
        return self.to_head(self.from_reference(apply_trans(np.linalg.inv(self._known_mni()), pos_mni)))

    def _known_mni(self) -> np.ndarray:
        if self.mri_mni_t is None:
            raise InputError(
                f"The transform from the MRI of {self.name!r} to MNI305 is unknown; "
                "add mri/transforms/talairach.xfm to the subject's folder."
            )
        return self.mri_mni_t

    def varied(
        self,
        seed: int,
        *,
        geometry: float = 1.0,
        electrodes: float = 1.0,
        conductivity: float = 1.0,
        thickness: float = 0.0,
        thin_places: float = 0.0,
        segmentation: float = 0.0,
    ) -> Head:
        """Make another head: another shape, misplaced electrodes, other conductivities, another skull.

        A method that is tested on the head it was made with is tested too kindly ("inverse crime"); a varied head
        differs from its original about as much as two people's heads differ.

        Parameters
        ----------
        seed : int
            The same seed gives the same head.
        geometry : float
            Strength of the change of shape: 1 for a scale of up to 5 % along each axis and a smooth displacement of
            5 mm (median), 0 for none.
        electrodes : float
            Strength of the electrode misplacement of the new head: 1 for a standard deviation of 3 mm.
        conductivity : float
            Strength of the change of conductivities, in the logarithm: 1 for log-uniform draws around .332, .0113 and
            .332 S/m, 0 for those of this head.
        thickness : float
            Strength of the change of the skull's thickness: 1 for smooth factors with a standard deviation of 25 %.
        thin_places : float
            How far the skull is thinned at twelve places of 8 mm: 1 for 2.5 mm of bone that are left.
        segmentation : float
            Errors of the three surfaces: 1 for a standard deviation of 1 mm, over 15 mm.

        Returns
        -------
        other : Head
            Its cortex has the same vertices; region names and MNI coordinates follow through its ``warp``.
        """
        shape_seed, electrode_seed, conductivity_seed, skull_seed = np.random.SeedSequence(seed).spawn(4)
        other = self if geometry == 0 else self._reshaped(shape_seed, geometry)
        same_skull = thickness == thin_places == segmentation == 0
        if not same_skull:
            other = other.with_other_skull(skull_seed, thickness, thin_places, segmentation)
        return replace(
            other,
            name=f"{self.name}, varied with seed {seed}",
            conductivities=drawn_conductivities(self.conductivities, conductivity_seed, conductivity),
            conductor=self.conductor if same_skull and geometry == conductivity == 0 else None,
            electrode_jitter=JITTER * electrodes,
            electrode_seed=int(electrode_seed.generate_state(1)[0]),
        )

    def warped(self, warp: Warp) -> Head:
        """Move every surface by a warp, whose ``previous`` must be this head's own warp."""
        step = replace(warp, previous=None)

        def moved(surface: Surface) -> Surface:
            return Surface(step.forward(surface.rr), surface.tris)

        cortex = self.cortex
        if cortex is not None:
            (white_lh, white_rh), (pial_lh, pial_rh) = cortex.white, cortex.pial
            cortex = replace(cortex, white=(moved(white_lh), moved(white_rh)), pial=(moved(pial_lh), moved(pial_rh)))
        fiducials = {name: step.forward(pos) for name, pos in self.fiducials.items()}
        return replace(
            self,
            inner_skull=moved(self.inner_skull),
            outer_skull=None if self.outer_skull is None else moved(self.outer_skull),
            scalp=None if self.scalp is None else moved(self.scalp),
            cortex=cortex,
            fiducials=fiducials,
            mri_head_t=self._frame_of(fiducials),
            warp=warp,
            conductor=None,
            mri=None,
        )

    def is_nested(self) -> bool:
        """Whether the surfaces lie inside each other with enough room, and the cortex inside the inner skull."""
        layers = [(self.inner_skull, self.outer_skull, LEAST_SKULL), (self.outer_skull, self.scalp, LEAST_SCALP)]
        for within, outside, least in layers:
            if within is None or outside is None:
                continue
            if (NearestPoint(outside.rr, outside.tris)(within.rr)[1] > -least).any():
                return False
        if self.cortex is None:
            return True
        inner = NearestPoint(self.inner_skull.rr, self.inner_skull.tris, n_candidates=8)
        return all((inner(white.rr)[1] < 0).all() for white in self.cortex.white)

    def _reshaped(self, seed: np.random.SeedSequence, strength: float) -> Head:
        """Return this head under the first random warp that keeps its surfaces nested."""
        for child in seed.spawn(ATTEMPTS):
            rng = np.random.default_rng(child)
            other = self.warped(random_warp(self.inner_skull.rr, rng, strength, self.warp))
            if other.is_nested():
                return other
        raise InputError(
            f"No head of geometry={strength:g} keeps its surfaces inside each other; use a smaller geometry."
        )

    def with_other_skull(
        self, seed: np.random.SeedSequence, thickness: float, thin_places: float, segmentation: float
    ) -> Head:
        """Return this head with other surfaces around the same brain: the first draw that keeps them nested."""
        if self.outer_skull is None or self.scalp is None:
            raise InputError(
                f"The head {self.name!r} has no skull and scalp surfaces to vary; leave out `thickness`, "
                "`thin_places` and `segmentation`."
            )
        if self.tissues is not None:
            raise InputError(
                f"The tissues of {self.name!r} are a segmentation, which `thickness`, `thin_places` and `segmentation` "
                "do not change; leave them out."
            )
        white = np.zeros((0, 3)) if self.cortex is None else np.concatenate([one.rr for one in self.cortex.white])
        for child in seed.spawn(ATTEMPTS):
            draws = [np.random.default_rng(one) for one in child.spawn(3)]
            layers = with_thickness((self.inner_skull, self.outer_skull, self.scalp), draws[0], thickness)
            layers = with_thin_places(layers, draws[1], thin_places)
            inner, outer, scalp = with_errors(layers, white, draws[2], segmentation)
            other = replace(self, inner_skull=inner, outer_skull=outer, scalp=scalp)
            if other.is_nested():
                return other
        raise InputError(
            f"No skull of thickness={thickness:g}, thin_places={thin_places:g} and segmentation={segmentation:g} "
            "keeps its surfaces inside each other; use smaller numbers."
        )

    def _frame_of(self, fiducials: dict[str, np.ndarray]) -> Transform:
        """Head coordinates that move with the fiducials, by as much as the frames of old and new fiducials differ.

        For a head whose own coordinates are those of its fiducials, these are simply the new fiducials' coordinates.
        """
        if len(fiducials) < 3:
            return self.mri_head_t
        old, new = (
            get_ras_to_neuromag_trans(found["nasion"], found["lpa"], found["rpa"])
            for found in (self.fiducials, fiducials)
        )
        return Transform("mri", "head", self.mri_head_t["trans"] @ np.linalg.inv(old) @ new)
