"""Draw the picture of the README: the localised visual response of the demo.

    python tools/build_picture.py

Writes ``docs/demo.png``.
"""

from io import BytesIO
from pathlib import Path

import mne
from PIL import Image

import headwater as hw
from headwater.demo import MONTAGE, REPORTED_SOLVER, RESPONSES, SAMPLING_RATE, localize_response, simulate_responses
from headwater.report.cortical_map import plot_cortex
from headwater.report.figures import plot_time_courses
from headwater.report.glass_brain import plot_glass_brain

WIDTH = 1000  # pixels


def main() -> None:
    """Stack glass brain, cortical map and time courses."""
    mne.set_log_level("ERROR")
    template = hw.template_head()
    info = hw.montage_info(template, MONTAGE, sfreq=SAMPLING_RATE)
    leadfield = hw.make_leadfield(template, info)
    evokeds, _ = simulate_responses(template.varied(seed=0), seed=0)
    found = localize_response(evokeds[0], RESPONSES[0], leadfield, template, REPORTED_SOLVER)
    time_index = int(found.magnitude.max(axis=0).argmax())
    figures = [
        plot_glass_brain(found, found.magnitude[:, time_index]),
        plot_cortex(found, time_index),
        plot_time_courses(found, time_index),
    ]
    images = []
    for figure in figures:
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=110, facecolor="white")
        image = Image.open(buffer).convert("RGB")
        images.append(image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS))
    picture = Image.new("RGB", (WIDTH, sum(image.height for image in images)), "white")
    top = 0
    for image in images:
        picture.paste(image, (0, top))
        top += image.height
    picture.quantize(192).save(Path(__file__).parents[1] / "docs" / "demo.png", optimize=True)


if __name__ == "__main__":
    main()
