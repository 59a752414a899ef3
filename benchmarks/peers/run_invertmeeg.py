"""The peer's side of ``compare_invertmeeg.py``; runs in an environment with invertmeeg, and needs nothing of headwater.

    PEER/bin/python run_invertmeeg.py FOLDER SOLVER [OPTIONS]

reads ``peer-fwd.fif``, ``peer-cov.fif`` and ``y.npy`` (n_samples, n_channels, n_times; V) and writes ``maps.npy``
(n_samples, n_sources), amplitudes averaged over time, and ``times.json``, milliseconds of processor time a sample.
OPTIONS are those of its ``make_inverse_operator``, in JSON.
"""

import inspect
import json
import sys
import time
import warnings
from pathlib import Path

import mne
import numpy as np
from invert import Solver


def main(folder: Path, name: str, options: dict) -> None:
    """Estimate all samples, one after the other as the peer does."""
    mne.set_log_level("ERROR")
    warnings.simplefilter("ignore")
    forward = mne.read_forward_solution(folder / "peer-fwd.fif")
    forward = mne.convert_forward_solution(forward, surf_ori=True, force_fixed=True)
    noise_cov = mne.read_cov(folder / "peer-cov.fif")
    y = np.load(folder / "y.npy")
    info = mne.create_info(forward["sol"]["row_names"], 250.0, "eeg")
    info.set_montage(
        mne.channels.make_dig_montage(
            {channel["ch_name"]: channel["loc"][:3] for channel in forward["info"]["chs"]}, coord_frame="head"
        )
    )
    solver = Solver(name)
    needs_data = "mne_obj" in inspect.signature(solver.make_inverse_operator).parameters
    if not needs_data:
        solver.make_inverse_operator(forward, noise_cov=noise_cov, **options)
    maps = []
    start = time.process_time()
    for sample in y:
        evoked = mne.EvokedArray(sample, info, nave=1)
        evoked.set_eeg_reference("average", projection=True)
        evoked.apply_proj()
        if needs_data:
            solver.make_inverse_operator(forward, evoked, noise_cov=noise_cov, **options)
        maps.append(np.abs(solver.apply_inverse_operator(evoked).data).mean(axis=1))
    milliseconds = 1e3 * (time.process_time() - start) / len(y)
    np.save(folder / "maps.npy", np.array(maps))
    (folder / "times.json").write_text(json.dumps({"ms": milliseconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads("".join(sys.argv[3:]) or "{}"))
