"""
How sure is it?
===============

Many current distributions explain the same data. Solvers with a posterior describe them all: how far each source may
be from its estimate, where the source behind a peak may be, and which sensors carry it.
"""

import matplotlib.pyplot as plt
import mne
import numpy as np

import headwater as hw
from headwater.demo import simulate_responses

mne.set_log_level("error")

# %%
# A visual response, at full strength and with a quarter of the trials.
(visual, _), centres = simulate_responses(hw.template_head().varied(seed=0), seed=0)
rng = np.random.default_rng(0)
noisy = visual.copy()
noisy.data = visual.data + 6e-7 * rng.standard_normal(visual.data.shape)
found = {
    name: hw.analyze(evoked, "eloreta", tmin=0.07, tmax=0.13) for name, evoked in (("clean", visual), ("noisy", noisy))
}

# %%
# The radius of the ball around the peak that holds its source with a probability of 90 %, calibrated on simulations
# of other heads, beside the true distance.
for name, one in found.items():
    peak = one.peaks.iloc[0]
    away = np.linalg.norm(one.peaks.loc[0, ["x_mm", "y_mm", "z_mm"]].to_numpy(float) - centres["visual"])
    print(f"{name}: 90 % within {peak.radius_mm_90:.0f} mm; {away:.0f} mm off; {one.trust.verdict.status.value}")

# %%
# Which regions are probably active, and which sensors carry the peak: share of its current that would be lost without
# each.
sure = found["clean"].uncertainty
for region, activity in list(sure.regions.items())[:5]:
    print(f"{region:30} active with a probability of {activity.probability:.0%}")
figure, axis = plt.subplots(layout="constrained")
info = found["clean"].solver.leadfield_.info
image, _ = mne.viz.plot_topomap(sure.channels, info, axes=axis, show=False, cmap="RdBu_r")
figure.colorbar(image, ax=axis, label="share of the current at the peak")
axis.set_title("Sensors that carry the peak")

# %%
# The currents at the peak over time, with an interval of 90 %. Intervals answer one question each: here, whether the
# component along the strongest direction is zero.
posterior = found["clean"].posterior
source = int(found["clean"].peak_sources[0])
low, high = posterior.interval(0.9)
mean, times = posterior.mean[source], found["clean"].evoked.times
component = int(np.abs(mean).max(axis=1).argmax())
figure, axis = plt.subplots(layout="constrained")
axis.fill_between(
    1e3 * times, 1e9 * low[source, component], 1e9 * high[source, component], alpha=0.3, label="90 % interval"
)
axis.plot(1e3 * times, 1e9 * mean[component], label="mean")
axis.axhline(0, color="0.5", linewidth=0.8)
axis.set(xlabel="time (ms)", ylabel="current (nAm)", title="The strongest source")
axis.legend()
assert (low <= posterior.mean + 1e-20).all()
assert (posterior.mean <= high + 1e-20).all()
