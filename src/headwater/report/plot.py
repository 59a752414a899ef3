"""One figure of a localisation."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from headwater._utils.errors import InputError
from headwater.localization import Localization
from headwater.report import words
from headwater.report.glass_brain import plot_glass_brain
from headwater.report.scene import make_scene


def plot_localization(localization: Localization, time: float | None = None) -> Figure:
    """Draw the estimate on a glass brain.

    Parameters
    ----------
    localization : Localization
    time : float | None
        In s; None: the time point of the strongest peak, or of the largest estimate where there is none.

    Returns
    -------
    figure : matplotlib.figure.Figure

    Examples
    --------
    >>> import headwater as hw
    >>> hw.plot_localization(hw.analyze("my-ave.fif"), time=0.1).savefig("brain.png")  # doctest: +SKIP
    """
    times = localization.evoked.times
    if time is None:
        index = int(localization.magnitude.max(axis=0).argmax())
    elif times[0] - 1e-3 <= time <= times[-1] + 1e-3:
        index = int(np.abs(times - time).argmin())
    else:
        raise InputError(
            f"`time={time}` is not within the window that was localised; give one from {times[0]:.3f} to "
            f"{times[-1]:.3f} s."
        )
    return plot_glass_brain(
        localization,
        localization.magnitude[:, index],
        unit=words.unit_label(localization),
        title=f"{1e3 * times[index]:.0f} ms",
        scene=make_scene(localization),
    )
