"""
ICA components
==============

Independent component analysis separates sources that are active at different times. Each component has one
topography, which can be localised like a recording of one time point.
"""

import mne
import numpy as np

import headwater as hw

mne.set_log_level("error")

# %%
# Two minutes of ongoing EEG: a right-hemispheric mu rhythm, an occipital alpha rhythm, noise.
rng = np.random.default_rng(0)
rate, person = 200.0, hw.template_head().varied(seed=2)
info = hw.montage_info(person, "biosemi32", sfreq=rate)
cortex = hw.make_leadfield(person, info, "cortex", orient="fixed", ico=3)
mni_mm = 1e3 * person.to_mni(cortex.pos)
rhythms = {"mu": (np.array([42.0, -24.0, 54.0]), 11.0), "alpha": (np.array([-10.0, -88.0, 6.0]), 9.0)}
times = np.arange(0, 120, 1 / rate)
data = 1e-6 * rng.standard_normal((32, len(times)))
for place_mm, frequency in rhythms.values():
    near = np.linalg.norm(mni_mm - place_mm, axis=1) < 12
    waxing = np.convolve(rng.standard_normal(len(times)), np.hanning(400), mode="same")
    course = waxing / waxing.std() * np.sin(2 * np.pi * frequency * times)
    data += 60e-9 * cortex.matrix[:, near].mean(axis=1)[:, np.newaxis] * course
raw = mne.io.RawArray(data, info).set_eeg_reference("average")

# %%
# Fit ICA, as usual.
ica = mne.preprocessing.ICA(4, method="picard" if mne.utils.check_version("picard") else "fastica", random_state=0)
ica.fit(raw)
ica.plot_components(show=False)

# %%
# Localise the two strongest components: ``condition`` is the number of the component. On the command line:
#
# .. code-block:: sh
#
#     headwater localize my-ica.fif --condition 0
found = [hw.analyze(ica, "eloreta", condition=component) for component in (0, 1)]
for component, one in enumerate(found):
    peak = one.peaks.iloc[0]
    print(f"component {component}: {peak.region}, ({peak.x_mm:.0f}, {peak.y_mm:.0f}, {peak.z_mm:.0f}) mm")
found[0].plot()

# %%
found[1].plot()

# %%
# Each rhythm was found by one of the components:
for name, (place_mm, _) in rhythms.items():
    errors = [np.linalg.norm(one.peaks.loc[0, ["x_mm", "y_mm", "z_mm"]].to_numpy(float) - place_mm) for one in found]
    print(f"{name}: {min(errors):.0f} mm")
    assert min(errors) < 30

# %%
# A component has no noise of its own, so that its status can rest on the topography alone.
print(found[0].trust.verdict.sentence)
