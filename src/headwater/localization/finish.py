"""From data, lead field and noise covariance to a source estimate and its peaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import mne
import numpy as np
import pandas as pd

from headwater._utils.errors import InputError
from headwater._utils.progress import working
from headwater.head.template import template_head
from headwater.localization.findings import Opinion
from headwater.localization.peaks import find_peaks, peaks_table
from headwater.localization.prepare import Prepared
from headwater.localization.result import Localization
from headwater.localization.trust_findings import assess
from headwater.localization.uncertainty import uncertainty
from headwater.solvers.base import Solver
from headwater.solvers.regularization.chosen import chosen

Result = TypeVar("Result")


def finish(prepared: Prepared, solver: Solver, *, pick_ori: str | None = None) -> Localization:
    """Localise a prepared recording.

    Parameters
    ----------
    prepared : Prepared
    solver : Solver
        Left unchanged, so that it may serve other recordings; what it chooses from data follows from this one.
    pick_ori : str | None
        As in MNE-Python: None, ``"normal"`` or ``"vector"``.
    """
    fitted, stc, magnitude, unit = _estimated(prepared, solver, pick_ori)
    sources, samples, peaks = _peaks(magnitude, unit, prepared)
    first = (int(sources[0]), int(samples[0])) if magnitude.any() else None
    trust, not_judged = _attempted("trust", lambda: assess(prepared, fitted, magnitude, first))
    with working("Drawing from the posterior"):
        sure, not_sure = _attempted("uncertainty", lambda: uncertainty(prepared, fitted, sources, samples))
    failed = " ".join(one for one in (not_judged, not_sure) if one)
    made = {"Solver": repr(fitted), **_regularisation(solver, fitted), **({"Not assessed": failed} if failed else {})}
    return Localization(
        stc=stc,
        magnitude=magnitude,
        unit=unit,
        peaks=peaks if sure is None else sure.add_to(peaks),
        peak_sources=sources,
        evoked=prepared.evoked,
        whole=prepared.whole,
        leadfield=prepared.leadfield,
        head=prepared.head,
        solver=fitted,
        noise_cov=prepared.noise_cov,
        assumptions={**prepared.assumptions, **made},
        trust=trust,
        uncertainty=sure,
        not_judged=failed,
        eloreta=peaks.iloc[:0] if trust is None else _table_of(trust.findings.eloreta, prepared, samples[:1]),
    )


def peaks_only(prepared: Prepared, solver: Solver) -> pd.DataFrame:
    """Return the peaks that `finish` finds, without trust and uncertainty; faster where solvers are compared."""
    _, _, magnitude, unit = _estimated(prepared, solver, None)
    return _peaks(magnitude, unit, prepared)[2]


def _estimated(
    prepared: Prepared, solver: Solver, pick_ori: str | None
) -> tuple[Solver, mne.BaseSourceEstimate, np.ndarray, str]:
    """Return the fitted solver, its estimate, and the magnitude of that with its unit."""
    with working("Localising"):
        fitted = chosen(solver, prepared.leadfield, prepared.noise_cov, prepared.evoked)
        stc = fitted.apply(prepared.evoked, pick_ori=pick_ori)
    return fitted, stc, *_magnitude(stc, fitted)


def _attempted(what: str, function: Callable[[], Result | None]) -> tuple[Result | None, str]:
    """Return what a check of the estimate gives, or why it has failed: that must not cost the estimate itself."""
    try:
        return function(), ""
    except Exception as error:  # noqa: BLE001 - whatever it is, the estimate stands
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        return None, f"The {what} could not be assessed ({reason}); the estimate itself is whole."


def _regularisation(solver: Solver, fitted: Solver) -> dict[str, str]:
    """Say which ``lambda2`` was chosen from the data, if one was."""
    given = solver.get_params(deep=False).get("lambda2")
    if given is None or isinstance(given, int | float):
        return {}
    rule = "the marginal likelihood" if given == "auto" else repr(given)
    lambda2 = fitted.get_params(deep=False)["lambda2"]
    return {"Regularisation": f"lambda2 = {lambda2:.3g}, chosen from the data by {rule}"}


def _magnitude(stc: mne.BaseSourceEstimate, solver: Solver) -> tuple[np.ndarray, str]:
    """Length of the source vectors, shape (n_sources, n_times), and its unit."""
    data = np.linalg.norm(stc.data, axis=1) if stc.data.ndim == 3 else np.abs(stc.data)
    if not np.isfinite(data).all():
        raise InputError(
            f"{type(solver).__name__} gave values that are not finite; some sources may be invisible to these sensors, "
            "so check the forward solution, or choose another solver."
        )
    return (1e9 * data, "nAm") if solver.unit == "Am" else (data, solver.unit)


def _peaks(magnitude: np.ndarray, unit: str, prepared: Prepared) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    leadfield = prepared.leadfield
    sources, samples = find_peaks(magnitude, leadfield.pos)
    pos_mm, frame = positions_mm(prepared, sources)
    regions = leadfield.place_of(sources)
    amplitude = magnitude[sources, samples]
    return sources, samples, peaks_table(prepared.evoked.times[samples], pos_mm, frame, regions, amplitude, unit)


def _table_of(opinion: Opinion, prepared: Prepared, samples: np.ndarray) -> pd.DataFrame:
    """Describe the strongest source of another solver like a peak."""
    sources = np.array([opinion.source])
    pos_mm, frame = positions_mm(prepared, sources)
    regions = prepared.leadfield.region_of(sources)
    return peaks_table(
        prepared.evoked.times[samples], pos_mm, frame, regions, np.array([1e9 * opinion.amplitude]), "nAm"
    )


def positions_mm(prepared: Prepared, sources: np.ndarray) -> tuple[np.ndarray, str]:
    """Return positions in mm and their frame.

    MNI305 where the head is made from the template; the subject's own MRI; or head coordinates.
    """
    head, leadfield = prepared.head, prepared.leadfield
    pos = leadfield.pos[sources]
    if head is not None and head.reference == template_head().name:
        return head.to_mni(pos) * 1e3, "mni305"
    mri_head_t = head.mri_head_t if head is not None else leadfield.mri_head_t
    if mri_head_t is None:
        return pos * 1e3, "head"
    return mne.transforms.apply_trans(mne.transforms.invert_transform(mri_head_t), pos) * 1e3, "mri"
