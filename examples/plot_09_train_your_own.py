"""
Train your own network
======================

A network learns the activity that you expect on the lead field that you have. This page trains a small one for half a
minute; recipes do the same for hours, with checkpoints and validation (:doc:`/networks`).
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import mne
import numpy as np
import torch

import headwater as hw
from headwater.metrics import localization_error, nemd
from headwater.simulation import GaussianBells, Uniform, White
from headwater.training.losses import CurrentL1

mne.set_log_level("error")
torch.manual_seed(0)

# %%
# A lead field of 32 electrodes and a coarse grid, in spheres: quick to train on.
head = hw.template_head()
leadfield = hw.make_leadfield(head, hw.montage_info(head, "biosemi32"), spacing=20.0, method="sphere")
print(leadfield)

# %%
# What the network shall know: one wide source at a time, 15 to 25 dB.
expected = hw.Preset(
    name="one bell",
    sources=GaussianBells(n_sources=1, sigma_mm=Uniform(15, 30)),
    noise=White(Uniform(15, 25)),
)

# %%
# Train a fully connected network. Samples are drawn as they are needed; nothing is stored but weights and logs.
network = hw.networks.FCN.for_leadfield(leadfield, hidden=(256, 256))
out = Path(tempfile.mkdtemp()) / "run"
solver = hw.train(network, leadfield, expected, CurrentL1(), steps=1500, learning_rate=1e-3, warmup=100, out=out)
print(solver)
print(sorted(path.name for path in out.iterdir()))

# %%
# Compare it with eLORETA on samples that it has not seen. NEMD is 0 for the ground truth and 1 for even activity.
samples = hw.simulate(leadfield, expected, n=200, seed=10_000)
x_true, data = samples.x.double().numpy(), samples.y.double().numpy()
scores = {}
for name, one in (("eLORETA", hw.solvers.ELORETA(lambda2=0.05)), ("trained", solver)):
    estimate = one.fit(leadfield).estimate(data)
    scores[name] = nemd(x_true, estimate, pos=leadfield.pos)
    error_mm = localization_error(x_true, estimate, pos=leadfield.pos)
    print(f"{name:8} NEMD {scores[name].mean():.2f}, peak {np.median(error_mm):.0f} mm off")

# %%
figure, axis = plt.subplots(layout="constrained")
axis.hist(list(scores.values()), bins=20, label=list(scores))
axis.set(xlabel="normalised earth mover's distance", ylabel="samples", title="200 samples, inverse crime")
axis.legend()
assert scores["trained"].mean() < scores["eLORETA"].mean()

# %%
# Data and solver share their lead field here, which flatters both: a test on other heads is fairer, see
# :doc:`/benchmark`. The weights are a solver: ``hw.localize(evoked, out / "network.safetensors")``. From a recipe:
#
# .. code-block:: sh
#
#     headwater train piunet --out my-run
