"""
Simulate recordings and their sources
=====================================

A preset is a spatial pattern, time courses and noise. It runs on any lead field, can be changed in part, and gives
the same samples for the same seed. This example lists the five published presets, defines a new one, checks its noise
against the requested SNR, and passes a sample to MNE-Python.
"""

from dataclasses import replace

import mne
import numpy as np

import headwater as hw
from headwater.simulation import AtDistance, EachRegion, RadialPatches, Transient, Uniform, White

# %%
# A lead field: the template head with a standard montage. For results, use the default ``method="bem"``; spheres are
# faster.
mne.set_log_level("error")
head = hw.template_head()
info = hw.montage_info(head, "easycap-M10")
leadfield = hw.make_leadfield(head, info, "cortex", spacing="ico3", orient="fixed", method="sphere")

# %%
# The presets of the published systems.
for name, preset in hw.presets.PRESETS.items():
    print(f"{name:13} {type(preset.sources).__name__:14} {preset.n_times} times")

# %%
# Two patches at least 5 cm apart that respond at about 100 ms, at an SNR of 5 to 15 dB.
answers = hw.Preset(
    name="two answers",
    sources=RadialPatches(
        n_sources=2,
        diameter_mm=30,
        where=EachRegion(),
        further=AtDistance(low_mm=50),
        amplitude_nam=Uniform(5, 10),
    ),
    courses=Transient(latency_s=Uniform(0.08, 0.12), width_s=0.02, freq_hz=8),
    noise=White(Uniform(5, 15)),
    n_times=50,
    sfreq=250,
)
samples = hw.simulate(leadfield, answers, n=200, seed=0)
print("sensors", tuple(samples.y.shape), "V;  sources", tuple(samples.x.shape), "A m")

# %%
# The noise has the requested power: subtracting the same samples without noise leaves the noise alone.
clean = hw.simulate(leadfield, replace(answers, noise=White(np.inf)), n=200, seed=0)
signal_power = clean.y.square().mean((1, 2))
noise_power = (samples.y - clean.y).square().mean((1, 2))
snr_error_db = (10 * (signal_power / noise_power).log10() - samples.truth.snr_db[:, 0]).numpy()
print(f"empirical minus requested SNR: {snr_error_db.mean():+.3f} dB on average, {snr_error_db.std():.2f} dB spread")

# %%
# A picture of four samples: ``hw.plot_preview(leadfield, answers, "answers.png")``, or on the command line
# ``headwater simulate PIUNET --preview piunet.png``. A sample converts to MNE-Python's objects for use in other
# tools.
evoked, stc = samples.to_mne(leadfield, 0)
for centre in samples.truth.centers[0].tolist():
    print("a patch around", np.round(1e3 * leadfield.pos[centre]), "mm in", *leadfield.region_of([centre]))
evoked.plot_joint(times=[0.1], title="a simulated response", show=False)
assert abs(snr_error_db.mean()) < 0.1
