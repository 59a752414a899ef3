"""
Bring your own head
===================

A template fits some people better than others. With surfaces from your own segmentation, this error goes. Here the
surfaces of a simulated person are written as another program would, read back, and compared with the template.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import mne
import numpy as np

import headwater as hw

mne.set_log_level("error")
folder = Path(tempfile.mkdtemp())

# %%
# The person, as three meshes in files of FreeSurfer's format: inner skull, outer skull, scalp. Brainstorm's,
# FieldTrip's and SPM's are read, too; see :doc:`/bring-your-own-head`.
person = hw.template_head().varied(seed=6)
for name, surface in (("inner", person.inner_skull), ("outer", person.outer_skull), ("scalp", person.scalp)):
    mne.write_surface(folder / f"{name}.surf", 1e3 * surface.rr, surface.tris)
own = hw.head_from_meshes(
    [folder / "inner.surf", folder / "outer.surf", folder / "scalp.surf"],
    fiducials=person.fiducials,
    mri_mni_t=person.mri_mni_t,
    name="own head",
)
print(f"{own.name}: scalp of {len(own.scalp.rr)} vertices")

# %%
# How the scalp differs from that of the template: the middle slices of both.
figure, axis = plt.subplots(layout="constrained")
for head, color in ((hw.template_head(), "0.6"), (own, "tab:blue")):
    rr = 1e3 * head.to_head(head.scalp.rr)
    near = np.abs(rr[:, 0]) < 4
    axis.scatter(rr[near, 1], rr[near, 2], s=6, color=color, label=head.name)
axis.set(xlabel="y, to the nose (mm)", ylabel="z, upwards (mm)", aspect="equal", title="Scalp, head coordinates")
axis.legend()

# %%
# Thirty sources of the person, without noise, so that only the head model makes the error.
info = hw.montage_info(person, "biosemi64")
truth = hw.make_leadfield(person, info, spacing=15.0, ico=3)
rng = np.random.default_rng(0)
chosen = rng.choice(truth.n_sources, 30, replace=False)
data = 20e-9 * np.einsum("cso,so->cs", truth.gain[:, chosen], rng.standard_normal((30, 3)))  # 20 nAm each

# %%
# Localise them with the own head and with the template, to which the same electrodes are fitted.
errors_mm = {}
for name, head in (("own head", own), ("template", None)):
    evoked = mne.EvokedArray(data, info, tmin=0.0, nave=100)
    solver = hw.solvers.SLORETA(lambda2=0.01, block=True)
    found = hw.analyze(evoked, solver, head=head, spacing=10.0, baseline=None, highpass=0, find_bads=False)
    strongest = found.leadfield.pos[found.magnitude.argmax(axis=0)]
    errors_mm[name] = 1e3 * np.linalg.norm(strongest - truth.pos[chosen], axis=1)
    print(f"{name:10} median {np.median(errors_mm[name]):.0f} mm, worst {errors_mm[name].max():.0f} mm")

# %%
# Half of the spacing of the grid, 10 mm, is an error that no head model removes; what is larger is the template's.
figure, axis = plt.subplots(layout="constrained")
axis.boxplot(list(errors_mm.values()), tick_labels=list(errors_mm))
axis.set(ylabel="error of the peak (mm)", title="The same data, two head models")
assert errors_mm["own head"].max() < errors_mm["template"].max()
