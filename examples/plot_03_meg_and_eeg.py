"""
MEG and EEG together
====================

MEG hardly sees currents that point to or from the centre of the head; EEG sees all, blurred by the skull. A
localisation can use both at once. Here both record the same simulated patches of cortex.
"""

import matplotlib.pyplot as plt
import mne
import numpy as np

import headwater as hw
from headwater.simulation import RadialPatches, Transient, Uniform, White

mne.set_log_level("error")

# %%
# An MEG array of 306 channels around the template head, and 64 electrodes on it. A coarse grid and spheres are enough
# for an example; for results, use the defaults.
head = hw.template_head()
info = hw.sensors_info(head, "neuromag306+biosemi64", sfreq=250)
cortex = hw.make_leadfield(head, info, "cortex", spacing="ico3", orient="fixed", method="sphere")
grid = hw.make_leadfield(head, info, spacing=12.0, method="sphere")

# %%
# Six recordings of one patch each, at an SNR of 10 dB in every sensor type.
one_patch = hw.Preset(
    name="one patch",
    sources=RadialPatches(n_sources=1, diameter_mm=20, amplitude_nam=Uniform(1, 2)),
    courses=Transient(latency_s=0.1, width_s=0.02, freq_hz=8),
    noise=White(10.0),
    n_times=50,
    sfreq=250,
)
samples = hw.simulate(cortex, one_patch, n=6, seed=0)
evoked, _ = samples.to_mne(cortex, 0)
evoked.plot(show=False)

# %%
# Localise each with MEG, with EEG, and with both. The noise covariance makes the units of the sensor types
# comparable.
rms = samples.truth.noise_rms[0].double().numpy()
level = dict(zip(("eeg", "mag", "grad"), rms, strict=True))
errors_mm = {"MEG": [], "EEG": [], "both": []}
for sample in range(len(samples)):
    evoked, _ = samples.to_mne(cortex, sample)
    variance = np.array([level[kind] ** 2 for kind in evoked.get_channel_types()])
    noise_cov = mne.Covariance(variance, evoked.ch_names, [], evoked.info["projs"], nfree=10_000)
    truth = cortex.pos[samples.truth.centers[sample, 0]]
    for name, sensors in (("MEG", "meg"), ("EEG", "eeg"), ("both", "all")):
        solver = hw.solvers.ELORETA()
        found = hw.localize(evoked, solver, head=head, forward=grid, noise_cov=noise_cov, sensors=sensors, tmax=0.12)
        peak = found.data[:, found.time_as_index(0.1)[0]].argmax()
        errors_mm[name].append(1e3 * np.linalg.norm(grid.pos[peak] - truth))

# %%
# Distance from the strongest source of eLORETA to the patch.
figure, axis = plt.subplots(layout="constrained")
axis.boxplot(list(errors_mm.values()), tick_labels=list(errors_mm))
axis.set(ylabel="distance to the simulated patch (mm)", title="Six patches of cortex, 10 dB")
for name, errors in errors_mm.items():
    print(f"{name:5} {np.median(errors):5.1f} mm")
assert np.mean(errors_mm["both"]) < 1.2 * min(np.mean(errors_mm["MEG"]), np.mean(errors_mm["EEG"]))
