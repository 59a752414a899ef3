"""The lead field: what each sensor sees of each source, and where the sources are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import mne
import numpy as np
from scipy import sparse

from headwater._utils.cache import content_hash
from headwater._utils.errors import InputError
from headwater.forward import from_mne
from headwater.forward.checks import refuse_coincident, refuse_unusable
from headwater.forward.from_arrays import array_fields
from headwater.forward.grid import Grid
from headwater.forward.placement import check_near_sensors
from headwater.forward.regions import places
from headwater.forward.storage import read_leadfield, write_leadfield
from headwater.forward.to_mne import forward_of
from headwater.head.model import Head
from headwater.head.tissues import NearestRegions

__all__ = ["Grid", "LeadField"]

SOURCE_KINDS = {"surf": "cortex", "vol": "volume", "discrete": "discrete"}


@dataclass(frozen=True, eq=False, repr=False)
class LeadField:
    """Linear map from source currents to sensors, ``y = L x``.

    Attributes
    ----------
    gain : array of shape (n_channels, n_sources, n_orient)
        V/(A m) for EEG, T/(A m) for magnetometers, T/m/(A m) for gradiometers. With ``n_orient == 3`` the
        orientations are the x, y, z axes of head coordinates; with 1 the orientation is ``normals``.
    pos : array of shape (n_sources, 3)
        Source positions in head coordinates, in metres.
    normals : array of shape (n_sources, 3)
        Unit normals of the cortex in head coordinates (cortical patch statistics where the source space has them, as
        in MNE-Python); zero for sources that have none, see ``cortical``.
    info : mne.Info
        The channels, in the order of the gain's rows, and the device-to-head transform.
    src : mne.SourceSpaces
        The way back to MNE objects, in head coordinates; its used vertices are the sources, in order.
    region_ids : int array of shape (n_sources,)
        Index into ``region_names``, -1 where unknown.
    region_names : tuple of str
    grid : Grid | None
        For sources on a regular grid.
    adjacency : scipy.sparse.csr_array of shape (n_sources, n_sources) | None
        1 where two sources are neighbours (mesh edges on the cortex, six neighbours on the grid).
    subject : str
    assumptions : dict of str to str
        How it was made (head, conductivities, method, spacing, ...), in words for reports.
    mri_head_t : mne.transforms.Transform | None
        From MRI (surface RAS) to head coordinates, where there is an MRI.
    pos_mni : array of shape (n_sources, 3) | None
        Source positions in MNI305, in metres, where known.
    nearest : NearestRegions | None
        The anatomical region nearest to each source, where the head has regions.

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> leadfield = hw.make_leadfield(head, hw.montage_info(head, "biosemi16"), spacing=30.0, method="sphere")
    >>> leadfield.gain.shape, leadfield.pos.shape  # V/(A m); m
    ((16, 73, 3), (73, 3))
    """

    gain: np.ndarray
    pos: np.ndarray
    normals: np.ndarray
    info: mne.Info
    src: mne.SourceSpaces
    region_ids: np.ndarray
    region_names: tuple[str, ...]
    grid: Grid | None
    adjacency: sparse.csr_array | None
    subject: str
    assumptions: dict[str, str]
    mri_head_t: mne.transforms.Transform | None = None
    pos_mni: np.ndarray | None = None
    nearest: NearestRegions | None = None

    def __post_init__(self) -> None:
        refuse_unusable(self.gain, self.pos, self.normals, self.ch_names)

    @classmethod
    def from_forward(
        cls, fwd: mne.Forward, head: Head | None = None, *, assumptions: dict[str, str] | None = None
    ) -> Self:
        """Take over an MNE forward solution: surface, volume, discrete or mixed; fixed or free; EEG, MEG or both.

        Parameters
        ----------
        fwd : mne.Forward
            In head or MRI coordinates; surface-oriented free orientations are turned back to x, y, z.
        head : Head | None
            Names the anatomical region of each source.
        assumptions : dict of str to str | None
            How the forward solution was made, in words.
        """
        gain, fixed_normals = from_mne.gain_of(fwd)
        return cls.from_sources(
            gain,
            from_mne.head_frame_sources(fwd),
            from_mne.forward_info(fwd),
            mri_head_t=fwd["mri_head_t"],
            normals=fixed_normals,
            head=head,
            assumptions={"lead field": "MNE forward solution"} if assumptions is None else assumptions,
        )

    @classmethod
    def from_sources(
        cls,
        gain: np.ndarray,
        src: mne.SourceSpaces,
        info: mne.Info,
        *,
        mri_head_t: mne.transforms.Transform | None,
        normals: np.ndarray | None = None,
        head: Head | None = None,
        assumptions: dict[str, str] | None = None,
    ) -> Self:
        """Put a lead field together from a gain and the MNE source spaces it belongs to.

        Parameters
        ----------
        gain : array of shape (n_channels, n_sources, n_orient)
        src : mne.SourceSpaces
            In head coordinates.
        info : mne.Info
            Channels in the order of the rows.
        mri_head_t : mne.transforms.Transform | None
        normals : array of shape (n_sources, 3) | None
            Those of the source spaces if None.
        head : Head | None
            Names the anatomical region of each source.
        assumptions : dict of str to str | None
        """
        described = from_mne.source_fields(src, mri_head_t, head)
        if normals is not None:
            described["normals"] = normals
        made = cls(gain=gain, info=info, mri_head_t=mri_head_t, assumptions=dict(assumptions or {}), **described)
        refuse_coincident(made.pos)
        check_near_sensors(made.pos, info)
        return made

    @classmethod
    def from_arrays(
        cls,
        gain: np.ndarray,
        pos: np.ndarray,
        *,
        info: mne.Info | None = None,
        ch_names: Sequence[str] | None = None,
        ch_types: str | Sequence[str] = "eeg",
        normals: np.ndarray | None = None,
        regions: Sequence[str | None] | None = None,
        adjacency: sparse.sparray | None = None,
        subject: str = "unknown",
        assumptions: dict[str, str] | None = None,
    ) -> Self:
        """Take over a lead field that comes as a matrix (FieldTrip, Brainstorm, SimNIBS, DeepSIF, ...).

        Parameters
        ----------
        gain : array of shape (n_channels, n_sources) or (n_channels, n_sources, n_orient)
            In SI units. With one orientation, ``normals`` must say which.
        pos : array of shape (n_sources, 3)
            In head coordinates, in metres.
        info : mne.Info | None
            Channels in the order of the rows. Without it, ``ch_names`` and ``ch_types`` name channels of unknown
            position.
        ch_names : sequence of str | None
        ch_types : str or sequence of str
        normals : array of shape (n_sources, 3) | None
            Orientation of each source in head coordinates, of any length; zero for sources without one.
        regions : sequence of str | None, of length n_sources
            Region name of each source; None where unknown.
        adjacency : sparse array of shape (n_sources, n_sources) | None
            None: that of the regular grid on which the positions lie, if they do.
        subject : str
        assumptions : dict of str to str | None
        """
        if info is None:
            if ch_names is None:
                raise InputError("The rows of the lead field have no names; give info or ch_names.")
            info = mne.create_info(list(ch_names), sfreq=1.0, ch_types=ch_types)
        described = array_fields(gain, pos, normals=normals, regions=regions, adjacency=adjacency, subject=subject)
        made = cls(info=info, assumptions=dict(assumptions or {"lead field": "given as a matrix"}), **described)
        refuse_coincident(made.pos)
        check_near_sensors(made.pos, info)
        return made

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.gain.shape[0]

    @property
    def n_sources(self) -> int:
        """Number of source positions."""
        return self.gain.shape[1]

    @property
    def n_orient(self) -> int:
        """Orientations per source: 3 (x, y, z of head coordinates) or 1 (along ``normals``)."""
        return self.gain.shape[2]

    @property
    def is_free_grid(self) -> bool:
        """Whether all sources are free and lie on one regular grid, as the voxels of an image."""
        return self.grid is not None and self.n_orient == 3 and len(self.grid.sources) == self.n_sources

    @cached_property
    def cortical(self) -> np.ndarray:
        """Which sources have a normal, bool of shape (n_sources,): those on the cortex, and those given with one."""
        return np.asarray(self.normals.any(axis=1))

    @property
    def ch_names(self) -> list[str]:
        """Channel names, in the order of the rows."""
        return list(self.info["ch_names"])

    @property
    def ch_types(self) -> list[str]:
        """Channel types as MNE names them: ``"eeg"``, ``"mag"``, ``"grad"``."""
        return list(self.info.get_channel_types())

    @property
    def matrix(self) -> np.ndarray:
        """Gain as MNE lays it out, shape (n_channels, n_sources * n_orient); a view."""
        return self.gain.reshape(self.n_channels, -1)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of channels, positions and gain.

        Equal numbers give equal fingerprints; the same model computed on another machine may differ in the last
        digits, and then has another one.
        """
        return content_hash(np.ascontiguousarray(self.gain), self.pos, self.normals, *self.ch_names)

    def region_of(self, sources: np.ndarray) -> list[str]:
        """Names of the regions that sources lie in, empty where unknown."""
        return [self.region_names[index] if index >= 0 else "" for index in self.region_ids[sources]]

    def place_of(self, sources: np.ndarray) -> list[str]:
        """Say where sources are: ``"fusiform-rh"``, or ``"6 mm from fusiform-rh"``; empty where nothing is known."""
        return places(sources, self.pos, self.cortical, self.region_ids, self.region_names, self.nearest)

    def pick(self, ch_names: Sequence[str]) -> Self:
        """Return the lead field of these channels, in this order."""
        row = {name: index for index, name in enumerate(self.info["ch_names"])}
        unknown = [name for name in ch_names if name not in row]
        if unknown:
            raise InputError(
                f"The lead field has no channels named {', '.join(unknown)}; "
                "drop them from the data, or make a lead field that has them."
            )
        twice = [name for name, count in Counter(ch_names).items() if count > 1]
        if twice:
            raise InputError(f"The channels {', '.join(twice)} are asked for more than once; name each once.")
        if list(ch_names) == self.ch_names:
            return self
        picks = [row[name] for name in ch_names]
        return replace(self, gain=self.gain[picks], info=mne.pick_info(self.info, picks, verbose="error"))

    def good(self) -> Self:
        """Return the lead field without the channels that are marked as bad."""
        return self.pick([name for name in self.ch_names if name not in self.info["bads"]])

    def fixed(self) -> Self:
        """Return the lead field of sources oriented along their normals, shape (n_channels, n_sources, 1)."""
        if self.n_orient == 1:
            return self
        if not self.cortical.all():
            raise InputError("Sources in a volume have no normal; use free orientation, or space='cortex'.")
        return replace(self, gain=np.einsum("csx,sx->cs", self.gain, self.normals)[:, :, np.newaxis])

    def to_forward(self) -> mne.Forward:
        """Return MNE-Python's forward solution, as ``mne.minimum_norm.make_inverse_operator`` takes it."""
        return forward_of(self.gain, self.normals, self.src, self.info, self.mri_head_t)

    def save(self, path: str | Path) -> None:
        """Write everything to one ``.npz`` file, whole or not at all."""
        write_leadfield(Path(path), {field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote."""
        return read_leadfield(Path(path), cls)

    def __repr__(self) -> str:
        channels = ", ".join(f"{count} {kind.upper()}" for kind, count in Counter(self.ch_types).items())
        orient = "free" if self.n_orient == 3 else "fixed"
        space = " + ".join(dict.fromkeys(SOURCE_KINDS[space["type"]] for space in self.src))
        spacing = "" if self.grid is None else f" {1e3 * self.grid.spacing:.4g} mm"
        return f"<LeadField | {channels} x {self.n_sources} {orient} sources | {space}{spacing} | {self.subject}>"
