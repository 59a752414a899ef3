"""One mapping from source values to colours for all brain figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.figure import Figure

# Share of the largest value below which nothing is drawn, and from which colours are opaque: minimum-norm maps are
# never zero anywhere, and a brain painted all over shows no place.
HIDDEN_BELOW = 0.3
OPAQUE_ABOVE = 0.5


@dataclass(frozen=True, eq=False)
class ValueColors:
    """Colours and opacity of source values.

    Attributes
    ----------
    cmap : matplotlib.colors.Colormap
    lowest, highest : float
        Values at the ends of the colour map.
    """

    cmap: Colormap
    lowest: float
    highest: float

    @classmethod
    def of(cls, value: np.ndarray) -> ValueColors:
        """Symmetric blue to red for signed values, yellow to dark red for magnitudes."""
        largest = float(np.abs(value).max()) or 1.0
        if (value < 0).any():
            return cls(colormaps["RdBu_r"], -largest, largest)
        # Without its palest end, which would vanish on white.
        shades = colormaps["YlOrRd"](np.linspace(0.15, 1, 256))
        return cls(LinearSegmentedColormap.from_list("headwater", shades), 0.0, largest)

    def opacity(self, value: np.ndarray) -> np.ndarray:
        """0 below `HIDDEN_BELOW` of the largest value, rising smoothly to 1 at `OPAQUE_ABOVE`; 0 for NaN."""
        share = np.abs(value) / self.highest
        step = np.clip((share - HIDDEN_BELOW) / (OPAQUE_ABOVE - HIDDEN_BELOW), 0, 1)
        return np.nan_to_num(step * step * (3 - 2 * step))

    def rgba(self, value: np.ndarray) -> np.ndarray:
        """Colours of shape (..., 4)."""
        colors = self.cmap(Normalize(self.lowest, self.highest)(np.nan_to_num(value)))
        colors[..., 3] = self.opacity(value)
        return colors

    def over(self, value: np.ndarray, background: np.ndarray) -> np.ndarray:
        """Colours laid over a background of shape (..., 3)."""
        colors = self.rgba(value)
        opacity = colors[..., 3:]
        return colors[..., :3] * opacity + background * (1 - opacity)


def draw_color_bar(figure: Figure, axes: list[Axes], colors: ValueColors, label: str) -> None:
    """Draw a colour bar as the values look on white, hidden ones included."""
    value = np.linspace(colors.lowest, colors.highest, 256)
    shown = ListedColormap(colors.over(value, np.ones((256, 3))))
    bar = figure.colorbar(
        ScalarMappable(Normalize(colors.lowest, colors.highest), shown), ax=axes, shrink=0.7, aspect=24, pad=0.01
    )
    bar.set_label(label)
    bar.outline.set_linewidth(0.4)
