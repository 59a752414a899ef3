"""
Deep sources
============

The hippocampus lies farther from the sensors than most of the cortex, and its signal is weaker and smoother. A mixed
source space puts sources into deep structures as well as on the cortex. This page shows what a deep source looks like
at the sensors, and how far eLORETA brings it back.
"""

import matplotlib.pyplot as plt
import mne
import numpy as np

import headwater as hw

mne.set_log_level("error")

# %%
# Sources on the cortex and, every 5 mm, in the deep structures. A coarse cortex is enough for an example.
head = hw.template_head()
info = hw.montage_info(head, "biosemi64", sfreq=200)
leadfield = hw.make_leadfield(head, info, "mixed", spacing=("ico3", 5.0), ico=3)
names = np.array([leadfield.region_names[number] if number >= 0 else "" for number in leadfield.region_ids])
print(f"{leadfield.n_sources} sources, {np.sum(~leadfield.cortical)} of them deep")

# %%
# The same moment of 10 nAm in each source: how strong is it at the electrodes?
seen_uv = 1e6 * 10e-9 * np.linalg.norm(leadfield.gain, axis=(0, 2)) / np.sqrt(64)
figure, axis = plt.subplots(layout="constrained")
groups = {
    "cortex": seen_uv[leadfield.cortical],
    "hippocampus": seen_uv[np.char.find(np.char.lower(names), "hippocampus") >= 0],
    "thalamus": seen_uv[np.char.find(np.char.lower(names), "thalamus") >= 0],
}
axis.boxplot(list(groups.values()), tick_labels=list(groups), showfliers=False)
axis.set(ylabel="signal at the electrodes (µV, root mean square)", title="10 nAm, all three directions")

# %%
# A response of the left hippocampus and one of the cortex above it, both at an SNR of 15 dB.
rng = np.random.default_rng(0)
deep = np.flatnonzero(np.char.find(np.char.lower(names), "left-hippocampus") >= 0)
assert len(deep)
sources = {
    "hippocampus": int(deep[len(deep) // 2]),
    "cortex": int(np.flatnonzero(leadfield.cortical)[leadfield.pos[leadfield.cortical, 2].argmax()]),
}
times = np.arange(-0.2, 0.3, 1 / 200)
found = {}
for name, source in sources.items():
    topography = 20e-9 * leadfield.gain[:, source] @ [0.5, 0.5, 0.7]  # 20 nAm
    signal = topography[:, np.newaxis] * np.exp(-0.5 * ((times - 0.1) / 0.02) ** 2)
    noise = rng.standard_normal(signal.shape)
    noise *= np.linalg.norm(signal[:, 60]) / np.sqrt(64) * 10 ** (-15 / 20)
    evoked = mne.EvokedArray(signal + noise, info, tmin=times[0], nave=1, comment=name)
    found[name] = hw.analyze(evoked, "eloreta", head=head, forward=leadfield, tmin=0.05, tmax=0.15)
    error_mm = 1e3 * np.linalg.norm(leadfield.pos[found[name].peak_sources[0]] - leadfield.pos[source])
    peak = found[name].peaks.iloc[0]
    print(f"{name:12} found in {peak.region}, {error_mm:.0f} mm off, 90 % within {peak.radius_mm_90:.0f} mm")

# %%
# The estimate of the hippocampal source:
found["hippocampus"].plot()

# %%
# What to take home: a deep source needs a better signal-to-noise ratio, a lead field that fits, and a solver without
# a bias for the surface. The ball of 90 % says how blurred the answer is.
ratio = np.median(groups["cortex"]) / np.median(groups["hippocampus"])
print(f"The median cortical source is seen {ratio:.1f} times as strongly as a hippocampal one.")
assert ratio > 1.2
