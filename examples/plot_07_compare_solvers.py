"""
Compare solvers
===============

Which solver suits your question is measured, not argued: simulate the activity that you expect on another head than
the one that solvers assume, and score them all on the same samples.
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import mne
import numpy as np

import headwater as hw
from headwater.forward.carried import carried_leadfield
from headwater.metrics import localization_error, spatial_dispersion
from headwater.simulation import GaussianBells, Uniform, White

mne.set_log_level("error")

# %%
# The head that solvers assume, and the one that makes the data, with corresponding sources. A coarse grid is enough
# for an example.
template = hw.template_head()
person = template.varied(seed=3)
assumed = hw.make_leadfield(template, hw.montage_info(template, "biosemi64"), spacing=14.0, ico=3)
truth = carried_leadfield(assumed, template, person, hw.montage_info(person, "biosemi64"), ico=3)

# %%
# A hundred single sources of 10 to 20 mm at 10 dB.
expected = replace(
    hw.presets.PIUNET, sources=GaussianBells(n_sources=1, sigma_mm=Uniform(10, 20)), noise=White(Uniform(10, 10.1))
)
samples = hw.simulate(truth, expected, n=100, seed=0)
x_true, data = samples.x.double().numpy(), samples.y.double().numpy()

# %%
# Every solver has the same contract: ``fit`` to a lead field, ``estimate`` from arrays.
solvers = {
    "minimum norm": hw.solvers.MinimumNorm(),
    "dSPM": hw.solvers.DSPM(),
    "eLORETA": hw.solvers.ELORETA(),
    "LORETA": hw.solvers.LORETA(),
    "one dipole": hw.solvers.DipoleScan(),
    "3D-PIUNet": hw.load_network(),
    "chance": hw.solvers.Random(),
}
scores = {}
for name, solver in solvers.items():
    estimate = solver.fit(assumed).estimate(data)
    scores[name] = (
        localization_error(x_true, estimate, pos=assumed.pos),
        spatial_dispersion(x_true, estimate, pos=assumed.pos),
    )
    print(f"{name:13} {np.median(scores[name][0]):5.0f} mm off, {np.median(scores[name][1]):5.0f} mm wide")

# %%
# The distance from the strongest source to the true one, and how wide the estimate is. Without a chance level, none
# of these numbers would mean anything.
figure, axes = plt.subplots(1, 2, sharey=True, figsize=(9, 4), layout="constrained")
for column, (axis, title) in enumerate(zip(axes, ("peak error (mm)", "spatial dispersion (mm)"), strict=True)):
    axis.boxplot([pair[column] for pair in scores.values()], orientation="horizontal", tick_labels=list(scores))
    axis.set_xlabel(title)
axes[0].invert_yaxis()
assert np.median(scores["eLORETA"][0]) < np.median(scores["chance"][0])

# %%
# On the command line, with the protocols of five papers, tuned parameters, confidence intervals and a report:
#
# .. code-block:: sh
#
#     headwater benchmark piunet --solvers eloreta,dspm,champagne
