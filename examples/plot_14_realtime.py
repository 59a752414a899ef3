"""
Localise sources while they are being recorded
==============================================

Samples arrive at 250 Hz. A loop waits for the next 16 of them (64 ms), estimates their sources in one go, and has to
be done before the following 16 are there. Here the recording is simulated; an amplifier's stream, for example of MNE-
LSL, takes the place of ``next_window``.
"""

import time
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

import headwater as hw
from headwater.simulation import GaussianBells, LogUniform, Oscillation, Uniform, White

SFREQ, WIDTH, N_WINDOWS = 250.0, 16, 24

# %%
# What is computed once, before the recording: the lead field, and what the network keeps for it.
head = hw.template_head()
leadfield = hw.make_leadfield(head, hw.montage_info(head, "easycap-M10"), "volume", spacing=10.0, ico=3)
solver = hw.load_network("relevance").fit(leadfield)
assert solver.n_times_ == WIDTH  # the time points of a window share their prior variances

# %%
# One source that oscillates at about 10 Hz, 20 dB above the noise.
rhythm = replace(
    hw.presets.PIUNET,
    sources=GaussianBells(n_sources=1, sigma_mm=Uniform(10, 20)),
    courses=Oscillation(freq_hz=LogUniform(9.0, 11.0)),
    noise=White(20.0),
    n_times=WIDTH * N_WINDOWS,
    sfreq=SFREQ,
)
recording = hw.simulate(leadfield, rhythm, n=1, seed=1)
stream = recording.y[0].double().numpy()
place = leadfield.pos[int(recording.truth.centers[0, 0])]


def next_window(number: int, began: float) -> tuple[np.ndarray, float]:
    """Wait until a window is complete; return its data, and when it was."""
    complete = began + (number + 1) * WIDTH / SFREQ
    time.sleep(max(0.0, complete - time.perf_counter()))
    return stream[:, number * WIDTH : (number + 1) * WIDTH], complete


# %%
# The loop. The latency counts from the last sample of a window to the estimate of its sources. If the computer is too
# slow, or busy with something else, the loop goes on with the newest window, so that it never falls further behind.
solver.estimate(stream[:, :WIDTH])  # the first estimate takes longer
latencies, errors = [], []
began, number = time.perf_counter(), 0
while number < N_WINDOWS:
    window, complete = next_window(number, began)
    currents = solver.estimate(window)
    latencies.append(time.perf_counter() - complete)
    peak = np.square(currents).sum(axis=(1, 2)).argmax()
    errors.append(1e3 * np.linalg.norm(leadfield.pos[peak] - place))
    n_complete = int((time.perf_counter() - began) * SFREQ / WIDTH)
    number = max(number + 1, n_complete - 1)

# %%
# It keeps up if every window was estimated.
latency_ms, error_mm = 1e3 * np.array(latencies), np.array(errors)
print(f"{len(errors)} of {N_WINDOWS} windows estimated; a window lasts {1e3 * WIDTH / SFREQ:.0f} ms")
print(f"latency {np.median(latency_ms):.0f} ms (median), {latency_ms.max():.0f} ms (largest)")
print(f"peak {np.median(error_mm):.0f} mm from the source (median)")

figure, axis = plt.subplots(layout="constrained")
axis.plot(latency_ms, "o")
axis.axhline(1e3 * WIDTH / SFREQ, color="0.5", linestyle="--", label="the next window is complete")
axis.set(
    xlabel="window", ylabel="latency (ms)", ylim=(0, None), title="From the last sample of a window to its sources"
)
axis.legend()
assert error_mm.mean() < 15
