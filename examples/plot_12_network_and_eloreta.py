"""
Localise sources with a network and with eLORETA
================================================

The bundled network refines linear estimates and takes any head, montage and grid. Here it is compared with eLORETA on
single sources in a head that it was not trained on; then one sample is localised with MNE-Python's objects.
"""

from dataclasses import replace

import mne

import headwater as hw
from headwater.forward.carried import carried_leadfield
from headwater.metrics import localization_error, nemd
from headwater.simulation import GaussianBells, Uniform, White
from headwater.weights import cards

# %%
# The network and its training data.
mne.set_log_level("error")
card = cards()["piunet"]
print(f"{card.parameters:,} parameters, {card.steps:,} steps of {card.batch_size} simulated recordings")
print(card.limits)

# %%
# Two heads with corresponding sources: solvers assume the template; the data come from another head, with other
# electrode positions and conductivities. A coarse grid and coarse surfaces are enough for an example.
template = hw.template_head()
person = template.varied(seed=3)
assumed = hw.make_leadfield(template, hw.montage_info(template, "biosemi64"), "volume", spacing=14.0, ico=3)
truth = carried_leadfield(assumed, template, person, hw.montage_info(person, "biosemi64"), ico=3)

# %%
# Single bells of activity at 10 to 20 dB.
bells = replace(
    hw.presets.PIUNET, sources=GaussianBells(n_sources=1, sigma_mm=Uniform(10, 30)), noise=White(Uniform(10, 20))
)
samples = hw.simulate(truth, bells, n=20, seed=0)
x_true = samples.x.double().numpy()

# %%
# Both are solvers: fit to a lead field, estimate currents in A m. NEMD is 0 for the ground truth, 1 for even
# activity.
scores = {}
for solver in (hw.solvers.ELORETA(lambda2=0.1), hw.load_network()):
    currents = solver.fit(assumed).estimate(samples.y.double().numpy())
    score = scores[type(solver).__name__] = nemd(x_true, currents, pos=assumed.pos, n_cells=256)
    error_mm = localization_error(x_true, currents, pos=assumed.pos)
    print(f"{type(solver).__name__:14} NEMD {score.mean():.2f}, peak off by {error_mm.mean():.0f} mm")
gain = scores["NetworkSolver"] / scores["ELORETA"]

# %%
# The same on a recording, here of one sample: from any of MNE-Python's objects to positions and a source estimate.
evoked, _ = samples.to_mne(truth, sample=0)
found = hw.analyze(evoked, forward=assumed)
print(found.peaks)
found.plot()
assert 0.1 < gain.mean() < 0.8
