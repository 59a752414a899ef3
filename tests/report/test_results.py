from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest

import headwater as hw
from headwater._utils.errors import InputError
from headwater.report.results import OURS, write_results


def localization(space: str, spacing: float | str) -> hw.Localization:
    head = hw.template_head()
    info = hw.montage_info(head, "biosemi32", sfreq=100.0)
    data = 1e-6 * np.random.default_rng(0).standard_normal((len(info.ch_names), 20))
    leadfield = hw.make_leadfield(head, info, space, spacing=spacing, method="sphere")
    return hw.analyze(mne.EvokedArray(data, info, nave=30, verbose="error"), head=head, forward=leadfield)


def test_what_was_found_comes_back(tmp_path: Path) -> None:
    found = localization("mixed", "ico3")
    out = write_results(found, tmp_path / "out")
    assert sorted(path.name for path in out.iterdir()) == sorted(OURS)
    stc = mne.read_source_estimate(out / "localization-stc.h5")
    np.testing.assert_array_equal(stc.data, found.stc.data)
    src = mne.read_source_spaces(out / "localization-src.fif.gz", verbose="error")
    assert [len(space["vertno"]) for space in src] == [len(vertices) for vertices in stc.vertices]
    peaks = pd.read_csv(out / "peaks.csv")
    np.testing.assert_allclose(peaks["amplitude"], found.peaks["amplitude"], rtol=1e-5)


def test_files_that_somebody_added_are_never_lost(tmp_path: Path) -> None:
    found = localization("volume", 20.0)
    out = write_results(found, tmp_path / "out")
    write_results(found, out, overwrite=True)
    (out / "recording-ave.fif").write_bytes(b"all there is")
    with pytest.raises(InputError, match="recording-ave.fif.*would be lost"):
        write_results(found, out, overwrite=True)
    assert (out / "recording-ave.fif").read_bytes() == b"all there is"
    assert (out / "report.html").is_file()
