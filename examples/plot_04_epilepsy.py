"""
Epilepsy: where a spike begins
==============================

Interictal spikes spread within milliseconds: the last wave shows where a spike has arrived, the first where it began.
Here a spike begins in one region and arrives in another.
"""

import matplotlib.pyplot as plt
import mne
import numpy as np

import headwater as hw

mne.set_log_level("error")

# %%
# Thirty averaged spikes of a simulated patient: temporal cortex first, inferior frontal cortex 40 ms later.
rng = np.random.default_rng(1)
rate, patient = 500.0, hw.template_head().varied(seed=4)
info = hw.montage_info(patient, "biosemi64", sfreq=rate)
cortex = hw.make_leadfield(patient, info, "cortex", orient="fixed", ico=3)
mni_mm = 1e3 * patient.to_mni(cortex.pos)
places_mm = {"onset": np.array([-62.0, -20.0, -12.0]), "spread": np.array([-48.0, 30.0, 4.0])}
times = np.arange(-0.3, 0.3, 1 / rate)
data = 1.5e-6 * rng.standard_normal((64, len(times)))
for place, latency, moment in (("onset", -0.04, 120e-9), ("spread", 0.0, 160e-9)):
    near = np.linalg.norm(mni_mm - places_mm[place], axis=1) < 15
    course = np.exp(-0.5 * ((times - latency) / 0.012) ** 2)
    data += moment * cortex.matrix[:, near].mean(axis=1)[:, np.newaxis] * course
spike = mne.EvokedArray(data, info, tmin=times[0], nave=30, comment="left temporal spikes")
spike.plot(gfp=True, show=False)

# %%
# Localise both waves, with eLORETA, which also says how sure it is. The baseline lies before the spike.
found = {}
for name, window in (("onset", (-0.05, -0.03)), ("spread", (-0.005, 0.015))):
    found[name] = hw.analyze(spike, "eloreta", baseline=(-0.3, -0.1), tmin=window[0], tmax=window[1])
    peak = found[name].peaks.iloc[0]
    print(f"{name:7} {1e3 * peak.time_s:4.0f} ms  {peak.region:25} 90 % within {peak.radius_mm_90:.0f} mm")

# %%
# The onset,
found["onset"].plot()

# %%
# and 40 ms later:
found["spread"].plot()

# %%
# Distances to both simulated patches: the second wave alone would have pointed to the wrong lobe.
for name, one in found.items():
    place = one.peaks.loc[0, ["x_mm", "y_mm", "z_mm"]].to_numpy(float)
    away = {patch: float(np.linalg.norm(place - centre)) for patch, centre in places_mm.items()}
    print(f"localised {name}: " + ", ".join(f"{mm:.0f} mm from the {patch}" for patch, mm in away.items()))
    assert min(away, key=away.get) == name
plt.show()
