"""
Time courses of regions, and how they are coupled
=================================================

From sensors to the courses of regions of the cortex, and from these to which region leads. The estimate is a source
estimate of MNE-Python, so that ``mne-connectivity`` can take it from here; this page needs nothing but SciPy.
"""

import matplotlib.pyplot as plt
import mne
import numpy as np
from scipy.signal import coherence, csd

import headwater as hw

mne.set_log_level("error")

# %%
# One minute of a 10 Hz rhythm in the left visual cortex, which the left motor cortex follows 20 ms later.
rng = np.random.default_rng(0)
rate, head = 200.0, hw.template_head()
info = hw.montage_info(head, "biosemi64", sfreq=rate)
leadfield = hw.make_leadfield(head, info, "cortex", spacing="ico4", orient="fixed", ico=3)
regions = ("pericalcarine-lh", "precentral-lh", "superiortemporal-rh")
members = {name: np.flatnonzero(leadfield.region_ids == leadfield.region_names.index(name)) for name in regions}
times = np.arange(0, 60, 1 / rate)
waxing = np.convolve(rng.standard_normal(len(times)), np.hanning(100), mode="same")
rhythm = waxing / waxing.std() * np.sin(2 * np.pi * 10 * times)
courses = {"pericalcarine-lh": rhythm, "precentral-lh": np.roll(rhythm, int(0.02 * rate))}
data = 1e-6 * rng.standard_normal((64, len(times)))
for name, course in courses.items():
    data += 100e-9 * leadfield.matrix[:, members[name]].mean(axis=1)[:, np.newaxis] * course
raw = mne.io.RawArray(data, info).set_eeg_reference("average", projection=True)

# %%
# Estimate with eLORETA, fixed to the normal of the cortex, so that courses keep their sign.
solver = hw.solvers.ELORETA().fit(leadfield)
stc = solver.apply(raw)
print(stc)

# %%
# The course of a region is the first principal component of its sources.
found = {}
for name, index in members.items():
    left, strength, right = np.linalg.svd(stc.data[index], full_matrices=False)
    found[name] = strength[0] * right[0] / np.sqrt(len(index))
    if (left[:, 0] * np.sign(left[np.abs(left[:, 0]).argmax(), 0])).mean() < 0:
        found[name] = -found[name]

figure, axes = plt.subplots(3, sharex=True, sharey=True, layout="constrained")
for axis, (name, course) in zip(axes, found.items(), strict=True):
    axis.plot(times[:400], course[:400])
    axis.set_title(name, loc="left")
axes[-1].set_xlabel("time (s)")
figure.suptitle("Estimated courses (A m)")

# %%
# Coherence with the visual cortex, and the delay that its phase stands for. The imaginary part of the cross-spectrum
# is what volume conduction cannot make.
print(f"{'with pericalcarine-lh':25} coherence  imaginary  delay (ms)")
delays = {}
for name in regions[1:]:
    frequencies, magnitude = coherence(found["pericalcarine-lh"], found[name], rate, nperseg=400)
    _, cross = csd(found["pericalcarine-lh"], found[name], rate, nperseg=400)
    at = np.abs(frequencies - 10).argmin()
    imaginary = np.abs(np.imag(cross[at])) / np.abs(cross[at]) * np.sqrt(magnitude[at])
    phase = -np.angle(cross[at])
    delays[name] = 1e3 * ((phase + np.pi / 2) % np.pi - np.pi / 2) / (2 * np.pi * 10)  # signs of courses are arbitrary
    print(f"{name:25} {magnitude[at]:9.2f}  {imaginary:9.2f}  {delays[name]:6.0f}")
assert abs(delays["precentral-lh"] - 20) < 6
