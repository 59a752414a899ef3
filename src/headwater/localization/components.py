"""Independent components as something that can be localised."""

from __future__ import annotations

import mne
import numpy as np

from headwater._utils.errors import InputError


def component_maps(ica: mne.preprocessing.ICA) -> mne.EvokedArray:
    """Topographies of independent components, as a recording whose time k (in seconds) is component k.

    Parameters
    ----------
    ica : mne.preprocessing.ICA
        Fitted.

    Returns
    -------
    evoked : mne.EvokedArray
        In V, T and T/m, where the time course of each component has a standard deviation of 1.
    """
    if ica.current_fit == "unfitted":
        raise InputError("The ICA has not been fitted yet; call ica.fit(raw) first.")
    if ica.info is None:
        raise InputError("The ICA does not say which sensors it is of (its info is missing); save it with MNE-Python.")
    maps = ica.get_components()
    # MNE-Python divides the data by one number per channel, or multiplies them by the whitener of a noise covariance.
    maps = maps * ica.pre_whitener_ if ica.noise_cov is None else np.linalg.pinv(ica.pre_whitener_) @ maps
    info = mne.pick_info(ica.info, [ica.info["ch_names"].index(name) for name in ica.ch_names])
    with info._unlock():
        info["sfreq"] = 1.0
        info["lowpass"] = 0.5
        info["highpass"] = 0.0
    return mne.EvokedArray(maps, info, tmin=0.0, comment="components", nave=1, verbose="ERROR")


def choose_component(maps: mne.Evoked, number: str | int | None) -> tuple[mne.Evoked, str]:
    """Return one component at time zero, or all of them, and what it is, in words."""
    n = len(maps.times)
    if number is None:
        return maps, f"{n} independent components, component k at k s"
    if not str(number).isdecimal() or int(number) >= n:
        raise InputError(f"There is no component {number!r}; the ICA has 0 to {n - 1}.")
    data = maps.data[:, [int(number)]]
    one = mne.EvokedArray(data, maps.info, tmin=0.0, comment=f"component {number}", nave=1, verbose="ERROR")
    return one, f"independent component {number}"
