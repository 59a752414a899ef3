"""From a head and sensors to a lead field."""

from __future__ import annotations

from collections.abc import Sequence

import mne
import numpy as np

from headwater._utils.cache import cached_arrays, content_hash
from headwater._utils.errors import InputError
from headwater.forward import from_mne
from headwater.forward.bem import VERSION, conductor_layers, conductor_rows, electrode_rows, make_bem
from headwater.forward.electrodes import against_reference, electrodes_of
from headwater.forward.fem.method import FEM
from headwater.forward.layers import Layers, head_layers
from headwater.forward.leadfield import LeadField
from headwater.forward.placement import check_placement, check_sensors, sensor_picks
from headwater.forward.potential import eeg_gain
from headwater.forward.spaces import Spacing, make_sources, refer_to_reference
from headwater.forward.sphere import fitted_spheres, sphere_eeg, within
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head

METHODS = {
    "bem": "boundary elements (linear collocation)",
    "openmeeg": "symmetric boundary elements (OpenMEEG)",
    "fem": "finite elements (hexahedra with nodes on the boundaries of tissues)",
    "sphere": "fitted spheres (approximate: for trying things out, not for results)",
}


def make_leadfield(
    head: Head,
    info: mne.Info,
    space: str = "volume",
    *,
    spacing: Spacing = None,
    method: str | FEM = "bem",
    orient: str = "free",
    ico: int = 4,
    mindist: float = 5.0,
    within: str = "inner skull",
    structures: Sequence[str] | None = None,
) -> LeadField:
    """Compute what the EEG and MEG channels of a recording see of sources in a head.

    Parameters
    ----------
    head : Head
    info : mne.Info
        With sensor positions; EEG in head coordinates.
    space : str
        ``"volume"``, ``"cortex"`` or ``"mixed"``.
    spacing : float or str or (str, float) | None
        Of a grid: the distance of neighbours in mm (7 in a volume, 3 in structures). Of the cortex: ``"ico3"``,
        ``"ico4"`` (default; 2562 a hemisphere), ``"ico5"`` or ``"all"``. Of a mixed space: both, ``("ico3", 5.0)``.
    mindist : float
        Smallest distance of grid sources from the inner skull, in mm.
    within : str
        Where the grid of a volume is: ``"inner skull"``, everywhere inside it; ``"brain"``, near grey and white matter.
    structures : sequence of str | None
        Deep structures of a mixed space, by FreeSurfer's names; None for all that the head has without the cerebellum.
    method : str | FEM
        ``"bem"``; ``"openmeeg"``, more exact and slower (needs the package openmeeg); ``"fem"``, finite elements with
        ten tissues, or a `headwater.FEM` with other settings (needs the extra ``fem``); ``"sphere"``, in a moment, for
        trying things out: it differs from the boundary elements by a relative difference (RDM) of .1 to .2.
    orient : str
        ``"free"``: three orientations a source. ``"fixed"``: normal to the cortex, only for ``space="cortex"``.
    ico : int
        Fineness of the boundary elements: 4, or 3 to be four times faster and less exact (see
        `headwater.forward.bem.make_bem`).

    Returns
    -------
    leadfield : LeadField
        Computed once for the same head, sensors and sources, and kept on disk.

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> hw.make_leadfield(head, hw.montage_info(head, "biosemi16"), spacing=30.0, method="sphere")
    <LeadField | 16 EEG x 73 free sources | volume 30 mm | fsaverage>
    """
    fem = _finite_elements(method)
    name = method if isinstance(method, str) else "fem"
    if orient not in ("free", "fixed"):
        raise InputError(f"Orientation cannot be {orient!r}; choose 'free' or 'fixed'.")
    check_sensors(info)
    check_placement(head, info)
    src = make_sources(head, space, spacing=spacing, mindist=mindist, within=within, structures=structures)
    assumptions = {
        "head": head.name,
        "forward method": METHODS[name],
        "conductivities": fem.in_words() if fem else _conductivities_in_words(head, info),
        "source space": _sources_in_words(src, mindist, within),
    }
    gain = fem.gain(head, info, from_mne.source_positions(src)) if fem else _gain(head, info, src, method=name, ico=ico)
    for found in src:
        mne.surface.transform_surface_to(found, "head", head.mri_head_t)
    refer_to_reference(src, head)
    channels = [info["chs"][pick] for pick in sensor_picks(info)]
    leadfield = LeadField.from_sources(
        gain,
        src,
        from_mne.bare_info(channels, info["dev_head_t"], info["bads"]),
        mri_head_t=head.mri_head_t,
        head=head,
        assumptions=assumptions,
    )
    return leadfield.fixed() if orient == "fixed" else leadfield


def _gain(head: Head, info: mne.Info, src: mne.SourceSpaces, *, method: str, ico: int) -> np.ndarray:
    """Gain of spheres or boundary elements, shape (n_channels, n_sources, 3)."""
    if method == "sphere":
        return _sphere_gain(head, info, src)
    return _boundary_element_gain(head, info, src, method=method, ico=ico)


def _finite_elements(method: str | FEM) -> FEM | None:
    """Return the settings of the finite elements, None for another method."""
    if isinstance(method, FEM):
        return method
    if method not in METHODS:
        raise InputError(f"There is no forward method {method!r}; choose {', '.join(map(repr, METHODS))}.")
    return FEM() if method == "fem" else None


def _sphere_gain(head: Head, info: mne.Info, src: mne.SourceSpaces) -> np.ndarray:
    """Gain of fitted spheres along x, y, z of head coordinates, shape (n_channels, n_sources, 3)."""
    centre, radii = fitted_spheres(head)
    eeg, meg = sensor_picks(info, meg=False), sensor_picks(info, eeg=False)
    pos = from_mne.source_positions(src)
    gain = np.empty((len(info["ch_names"]), len(pos), 3))
    if len(eeg):
        values = head.conductivities
        sources = within(head.to_head(pos) - centre, 0.98 * radii[0])  # the head is longer than it is wide
        electrodes, referenced, which = electrodes_of(info, eeg)
        potentials = sphere_eeg(
            electrodes - centre, sources, radii, np.array([values.brain, values.skull, values.scalp])
        )
        gain[eeg] = against_reference(potentials, referenced, which)
    if len(meg):
        # Without a radius MNE's sphere is that of Sarvas, and no source is left out.
        conductor = mne.make_sphere_model(r0=centre, head_radius=None, verbose="error")
        _fill(gain, info, mne_forward(head, info, src, conductor, eeg=False))
    return gain[sensor_picks(info)]


def _boundary_element_gain(head: Head, info: mne.Info, src: mne.SourceSpaces, *, method: str, ico: int) -> np.ndarray:
    """Gain along x, y, z of head coordinates, shape (n_channels, n_sources, 3); kept on disk."""
    n_layers = 3 if len(sensor_picks(info, meg=False)) else 1
    if head.conductor is None:
        layers = head_layers(head, n_layers=n_layers, ico=ico)
        model = layers.fingerprint
    elif head.conductor["is_sphere"]:
        layers, model = None, content_hash(repr(sorted(head.conductor.items(), key=str)))
    else:
        layers, model = conductor_layers(head.conductor), content_hash(head.conductor["solution"])
        if len(layers.surfaces) < n_layers:
            raise InputError(f"The BEM solution of {head.name!r} has one layer, enough for MEG only; pick MEG.")
    pos = from_mne.source_positions(src)
    if layers is not None:
        _check_inside(pos, layers)

    def compute() -> dict[str, np.ndarray]:
        gain = np.empty((len(info["ch_names"]), len(pos), 3))
        eeg, meg = sensor_picks(info, meg=False), sensor_picks(info, eeg=False)
        if layers is None or method == "openmeeg":
            conductor = head.conductor or make_bem(head, n_layers=3, ico=ico, solver="openmeeg")
            _fill(gain, info, mne_forward(head, info, src, conductor))
        else:
            conductor = make_bem(head, n_layers=n_layers, ico=ico) if len(meg) or head.conductor else None
            if len(eeg):
                gain[eeg] = _eeg_gain(head, info, eeg, pos, layers, conductor)
            if len(meg):
                _fill(gain, info, mne_forward(head, info, src, conductor, eeg=False))
        return {"gain": gain[sensor_picks(info)]}

    key = content_hash(VERSION, method, model, pos, *sensor_content(head, info))
    return cached_arrays("gain", key, compute, shapes={"gain": (len(sensor_picks(info)), len(pos), 3)})["gain"]


def _eeg_gain(
    head: Head,
    info: mne.Info,
    picks: np.ndarray,
    pos: np.ndarray,
    layers: Layers,
    conductor: mne.bem.ConductorModel | None,
) -> np.ndarray:
    """Gain of the EEG channels, each against its reference electrode where the recording specifies one."""
    electrodes, referenced, which = electrodes_of(info, picks)
    electrodes = head.to_mri(electrodes)
    rows = electrode_rows(layers, electrodes) if conductor is None else conductor_rows(conductor, electrodes)
    rows = against_reference(rows, referenced, which)
    return eeg_gain(rows, layers, pos) @ head.mri_head_t["trans"][:3, :3].T


def mne_forward(
    head: Head, info: mne.Info, src: mne.SourceSpaces, conductor: mne.bem.ConductorModel, *, eeg: bool = True
) -> mne.Forward:
    """Forward solution by MNE-Python."""
    try:
        return mne.make_forward_solution(info, head.mri_head_t, src, conductor, eeg=eeg, verbose="error")
    except RuntimeError as error:  # MNE's words for sensors inside the head, no source left, ...
        raise InputError(f"MNE-Python cannot compute the forward solution: {error}") from error


def _fill(gain: np.ndarray, info: mne.Info, fwd: mne.Forward) -> None:
    """Put the rows of a forward solution where their channels stand in the recording."""
    rows = [info["ch_names"].index(name) for name in fwd["sol"]["row_names"]]
    gain[rows] = from_mne.gain_of(fwd)[0]


def _check_inside(pos: np.ndarray, layers: Layers) -> None:
    """Refuse sources outside the brain compartment, where the model has no meaning."""
    brain = layers.surfaces[-1]
    outside = int((NearestPoint(brain.rr, brain.tris)(pos)[1] >= 0).sum())
    if outside:
        raise InputError(
            f"{outside} sources lie outside the inner skull of the boundary-element model; raise mindist or ico."
        )


def sensor_content(head: Head, info: mne.Info) -> list[np.ndarray | str]:
    """Collect what a gain depends on besides the conductor and the sources."""
    channels = [info["chs"][pick] for pick in mne.pick_types(info, meg=True, eeg=True, ref_meg=True, exclude=[])]
    content: list[np.ndarray | str] = [head.mri_head_t["trans"]]
    content += [np.array([channel["loc"] for channel in channels])]
    content += [repr([(channel["ch_name"], int(channel["coil_type"]), int(channel["kind"])) for channel in channels])]
    content += [] if info["dev_head_t"] is None else [info["dev_head_t"]["trans"]]
    return content + [comp["data"]["data"] for comp in info["comps"]]


def _conductivities_in_words(head: Head, info: mne.Info) -> str:
    if head.conductor is not None:
        return f"those of the BEM solution of {head.name}"
    if not len(sensor_picks(info, meg=False)):
        return "one compartment (MEG)"
    values = head.conductivities
    return f"brain {values.brain:g}, skull {values.skull:g}, scalp {values.scalp:g} S/m"


def _sources_in_words(src: mne.SourceSpaces, mindist: float, within: str) -> str:
    parts = []
    cortical = sum(space["nuse"] for space in src if space["type"] == "surf")
    if cortical:
        parts.append(f"{cortical} on the white surface")
    for space in src:
        if space["type"] == "vol":
            spacing = 1e3 * np.linalg.norm(space["src_mri_t"]["trans"][:3, 0])
            where = " in deep structures" if cortical else ", near grey and white matter" * (within == "brain")
            parts.append(
                f"{space['nuse']} on a {spacing:g} mm grid at least {mindist:g} mm inside the inner skull{where}"
            )
    return " and ".join(parts)
