"""The report inside a notebook."""

from __future__ import annotations

from dataclasses import dataclass

import mne
from markupsafe import Markup

from headwater._utils.progress import working
from headwater.localization import Localization
from headwater.report.html import make_page


@dataclass(frozen=True, repr=False)
class View:
    """A page that notebooks show in a frame of its own.

    Attributes
    ----------
    page : str
        The whole HTML document.
    height : int
        Of the frame, in pixels.
    """

    page: str
    height: int

    def _repr_html_(self) -> str:
        frame = Markup(
            '<iframe srcdoc="{}" title="headwater report" style="width: 100%; height: {}px; border: 0"></iframe>'
        )
        return str(frame.format(self.page, self.height))

    def __repr__(self) -> str:
        return f"<View | report of {len(self.page) / 1e6:.1f} MB, shown by notebooks>"


def view_localization(localization: Localization, *, height: int = 900) -> View:
    """Return the interactive report for a notebook.

    Parameters
    ----------
    localization : Localization
    height : int
        Of the frame, in pixels.

    Returns
    -------
    view : View
        As the last value of a cell, it shows the report.

    Examples
    --------
    >>> import headwater as hw
    >>> hw.view_localization(hw.analyze("my-ave.fif"))  # doctest: +SKIP
    """
    with mne.utils.use_log_level("error"), working("Writing the report"):
        return View(make_page(localization), height)
