"""Pictures of the report."""

import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from headwater.page.parts import DPI, drawn


def test_a_picture_has_the_pixels_that_matplotlib_would_save() -> None:
    figure = Figure(figsize=(3, 2), layout="constrained")
    axes = figure.subplots(1, 2)
    axes[0].plot([0, 1], [1, 3])
    axes[1].imshow(np.arange(12).reshape(3, 4))
    axes[1].set_title("one\ntwo")
    pixels = drawn(figure)
    saved = io.BytesIO()
    figure.savefig(saved, format="png", dpi=DPI, facecolor="white")
    assert pixels.shape == (2 * DPI, 3 * DPI, 4)
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(saved)))
