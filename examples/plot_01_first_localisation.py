"""
First localisation
==================

From an evoked response to its sources: one call. The recording is simulated on another head than the one that is
assumed, so that the right answer is known.
"""

import mne
import numpy as np

import headwater as hw
from headwater.demo import simulate_responses

mne.set_log_level("error")

# %%
# A visual response of 61 electrodes, the average of 100 trials. The electrodes have names and nominal positions, as
# many recordings come.
(visual, _), centres = simulate_responses(hw.template_head().varied(seed=0), seed=0)
visual.plot(spatial_colors=True, window_title="visual response", show=False)

# %%
# One call. Without further arguments: the template head, a grid of 7 mm, and the bundled network; the noise
# covariance follows from the time before zero.
found = hw.analyze(visual, tmin=0.05, tmax=0.15)
print(found)

# %%
# What it found, on a glass brain at the time of the strongest peak.
found.plot()

# %%
# Time in s, position in mm (MNI305), region and strength of each peak.
print(found.peaks.head(3).to_string())

# %%
# How far to trust it, with the reasons. See :doc:`/trust`.
print(found.trust.verdict.sentence)

# %%
# The simulated patch of cortex had its centre here.
error_mm = np.linalg.norm(found.peaks.loc[0, ["x_mm", "y_mm", "z_mm"]].to_numpy(float) - centres["visual"])
print(f"simulated at {centres['visual'].round()} mm: the peak is {error_mm:.0f} mm away")
assert error_mm < 20

# %%
# ``found.save("visual-results")`` writes the estimate, the table and an interactive report; ``found.view()`` shows
# that report in a notebook; ``found.stc`` is a source estimate for MNE-Python.
