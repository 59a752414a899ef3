"""
Your EEG file
=============

From a file on disk, as an EEG system wrote it, to peaks and a report. The file is made here first: an EDF with 64
electrodes, named but without positions, and flashes as annotations. Replace it by your own.
"""

import tempfile
from pathlib import Path

import mne
import numpy as np

import headwater as hw

mne.set_log_level("error")
folder = Path(tempfile.mkdtemp())

# %%
# Make the file: a patch of the visual cortex of another head answers forty flashes, in noise and with blinks.
rng = np.random.default_rng(0)
rate, person = 250.0, hw.template_head().varied(seed=0)
info = hw.montage_info(person, "biosemi64", sfreq=rate)
cortex = hw.make_leadfield(person, info, "cortex", orient="fixed", ico=3)
patch_mm = np.array([-10.0, -90.0, 0.0])  # MNI305
near = np.linalg.norm(1e3 * person.to_mni(cortex.pos) - patch_mm, axis=1) < 12
response = 80e-9 * cortex.matrix[:, near].mean(axis=1)[:, np.newaxis] * np.hanning(0.1 * rate)

data = 5e-6 * rng.standard_normal((64, int(45 * rate)))
onsets = 1.0 + np.arange(40)
for start in (onsets * rate).astype(int):
    data[:, start + 13 : start + 13 + response.shape[1]] += response  # 50 to 150 ms after the flash
front = [info["ch_names"].index(name) for name in ("Fp1", "Fpz", "Fp2")]
for start in rng.integers(0, data.shape[1] - 100, 8):
    data[front, start : start + 100] += 2e-4 * np.hanning(100)
raw = mne.io.RawArray(data, mne.create_info(info["ch_names"], rate, "eeg"))
raw.set_annotations(mne.Annotations(onsets, 0.0, "flash"))
mne.export.export_raw(folder / "my-recording.edf", raw, overwrite=True)

# %%
# Localise it. ``condition`` is the name of the event. The electrodes are placed by their names, and trials with
# blinks are left out. The same on the command line:
#
# .. code-block:: sh
#
#     headwater localize my-recording.edf --condition flash --reject auto --tmin 0.05 --tmax 0.15
found = hw.analyze(folder / "my-recording.edf", condition="flash", reject="auto", tmin=0.05, tmax=0.15)
print(found)
found.plot()

# %%
# Everything that was assumed, one line each. The same table stands in the report.
for what, value in found.assumptions.items():
    print(f"{what}: {value}")

# %%
# The results folder; ``report.html`` opens in any browser, offline.
print(sorted(path.name for path in found.save(folder / "flash").iterdir()))

# %%
# How far the strongest peak is from the simulated patch:
error_mm = np.linalg.norm(found.peaks.loc[0, ["x_mm", "y_mm", "z_mm"]].to_numpy(float) - patch_mm)
print(f"{error_mm:.0f} mm")
assert error_mm < 25
