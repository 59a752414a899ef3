"""The numbers of the interactive page are those of the localisation."""

import base64
import gzip
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from scipy import sparse

from headwater.report import nilearn_files
from headwater.report.cortical_map import carried
from headwater.report.figures import picks
from headwater.report.html import make_page
from headwater.report.interactive.anatomy import anatomy
from headwater.report.interactive.data import page_data
from headwater.report.interactive.estimates import TOTAL_WITHIN, shown_estimates
from headwater.report.interactive.pack import Pack
from headwater.report.interactive.surfaces import MOST_VERTICES, thinned
from headwater.report.interactive.timeline import MOST_FRAMES, timeline
from headwater.report.interactive.topography import SIDE, project, topography
from headwater.report.scene import make_scene
from headwater.report.sections import shown_time
from headwater.solvers import MinimumNorm


class Reader:
    """What data.js does."""

    def __init__(self, text):
        self.block = gzip.decompress(base64.b64decode(text))

    def array(self, reference):
        count = int(np.prod(reference["shape"]))
        kind = np.dtype(reference["type"]).newbyteorder("<")
        assert reference["at"] % kind.itemsize == 0
        return np.frombuffer(self.block, kind, count, reference["at"]).reshape(reference["shape"])

    def scaled(self, reference):
        return self.array(reference["values"]) * reference["scale"]

    def frames(self, reference):
        return self.array(reference["values"]).T / 255 * self.array(reference["largest"])


def read(localization):
    peak = shown_time(localization)
    line = timeline(localization, peak)
    estimates = shown_estimates(localization, line.frames, peak)
    data = page_data(localization, line, estimates)
    return json.loads(json.dumps(data.content)), Reader(data.arrays), line, estimates


def test_packed_arrays_come_back():
    pack = Pack()
    numbers = np.random.default_rng(0).standard_normal((3, 5))
    mixing = sparse.csr_array(np.array([[0.25, 0.75, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    odd = pack.add(np.arange(3, dtype=np.uint8))
    scaled, frames, mixed = pack.scaled(numbers), pack.frames(abs(numbers)), pack.mixing(mixing)
    reader = Reader(pack.text())
    np.testing.assert_array_equal(reader.array(odd), [0, 1, 2])
    np.testing.assert_allclose(reader.scaled(scaled), numbers, atol=abs(numbers).max() / 30000)
    np.testing.assert_allclose(reader.frames(frames), abs(numbers), atol=abs(numbers).max() / 255)
    np.testing.assert_array_equal(reader.array(mixed["starts"]), [0, 2, 2, 3])
    np.testing.assert_array_equal(reader.array(mixed["weights"]), [64, 191, 255])


def test_the_page_shows_data_estimate_and_peaks(make_localization):
    localization = make_localization("mixed", sensors="both")
    content, reader, line, _ = read(localization)
    assert [group["title"] for group in content["groups"]] == ["50 EEG electrodes", "50 MEG magnetometers"]
    for group, kind, per_si in zip(content["groups"], ("eeg", "mag"), (1e6, 1e15), strict=True):
        measured = per_si * localization.evoked.data[picks(localization.evoked, kind)][:, line.frames]
        np.testing.assert_allclose(reader.scaled(group["measured"]), measured, atol=abs(measured).max() / 30000)
    values = reader.frames(content["estimates"][0]["values"])
    np.testing.assert_allclose(values, localization.magnitude, atol=localization.magnitude.max() / 255)
    first = content["peaks"][0]
    row = localization.peaks.iloc[0]
    np.testing.assert_allclose(first["at"], [row.x_mm, row.y_mm, row.z_mm], atol=0.01)
    assert reader.array(content["frames"])[first["frame"]] == pytest.approx(1e3 * row.time_s)


def test_eloreta_stands_beside_the_solver_and_models_the_data(make_localization):
    content, reader, line, estimates = read(make_localization())
    assert [one["title"] for one in content["estimates"]] == ["sLORETA", "eLORETA"]
    group = content["groups"][0]
    assert group["modelled"][0] is None  # a statistic predicts no data
    modelled, measured = reader.scaled(group["modelled"][1]), reader.scaled(group["measured"])
    peak = content["first"]
    left = np.sum((measured - modelled)[:, peak] ** 2) / np.sum(measured[:, peak] ** 2)
    assert left < 0.3
    assert estimates[1].goodness[peak] == pytest.approx(1 - left, abs=0.01)  # the noise of all electrodes is equal


def test_what_is_modelled_and_left_has_the_reference_of_the_data(make_localization):
    localization = make_localization()
    (_, eloreta) = shown_estimates(localization, np.arange(21), shown_time(localization))
    largest = abs(localization.evoked.data).max()
    for shown in (eloreta.modelled, localization.trust.findings.eloreta.fit.residual):
        assert abs(shown.mean(axis=0)).max() < 1e-6 * largest


def test_the_total_moment_is_that_of_the_simulated_dipole(make_localization):
    localization = make_localization("cortex")
    solver = MinimumNorm(lambda2=1e-6).fit(localization.leadfield, localization.noise_cov)
    peak = shown_time(localization)
    currents = solver.estimate(localization.evoked.data)
    near = np.linalg.norm(localization.leadfield.pos - localization.leadfield.pos[localization.peak_sources[0]], axis=1)
    expected = 1e9 * np.linalg.norm(currents[near <= TOTAL_WITHIN][..., peak].sum(axis=0))
    (own, _) = shown_estimates(replace(localization, solver=solver, unit="nAm"), np.arange(21), peak)
    assert own.total[0] == pytest.approx(expected)
    assert own.total[0] > 1.5 * 1e9 * np.linalg.norm(currents, axis=1).max()


def test_long_recordings_are_shown_at_few_times_the_peaks_among_them(make_localization):
    localization = make_localization(n_times=500)
    line = timeline(localization, shown_time(localization))
    assert MOST_FRAMES <= len(line.frames) <= MOST_FRAMES + len(localization.peaks)
    assert line.frames[line.first] == shown_time(localization)
    assert line.frames[0] == 0
    assert line.frames[-1] == 499


def test_a_map_has_the_values_of_its_sensors(make_localization):
    evoked = make_localization().evoked
    found = topography(evoked, "eeg")
    flat = np.column_stack([np.ones(50), found.dots])  # what is linear over the plane stays so
    weights = found.matrix @ flat
    side = 2 * found.radius / SIDE
    column, row = found.pixels % SIDE, found.pixels // SIDE
    at = np.column_stack([(column + 0.5) * side - found.radius, found.radius - (row + 0.5) * side])
    np.testing.assert_allclose(weights, np.column_stack([np.ones(len(at)), at]), atol=1e-6)


def test_the_projection_keeps_left_and_front():
    left, front, top = project(np.array([[-0.09, 0, 0.04], [0, 0.09, 0.04], [0, 0, 0.13]]))
    np.testing.assert_allclose(left, [-1, 0], atol=1e-9)
    np.testing.assert_allclose(front, [0, 1], atol=1e-9)
    np.testing.assert_allclose(top, [0, 0], atol=1e-9)


def test_carried_values_are_means_of_what_is_near():
    pos = np.array([[0.0, 0, 0], [0.007, 0, 0], [0.1, 0, 0]])
    matrix = carried(np.array([[0.0035, 0, 0], [0.05, 0, 0]]), pos).toarray()
    np.testing.assert_allclose(matrix, [[0.5, 0.5, 0], [0, 0, 0]])


def test_meshes_that_are_too_fine_are_thinned():
    side = np.arange(300)
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    rr = np.column_stack([grid, np.zeros(len(grid))]).astype(float)
    corner = np.flatnonzero((grid < 299).all(axis=1))
    tris = np.concatenate(
        [np.column_stack([corner, corner + 1, corner + 301]), np.column_stack([corner, corner + 301, corner + 300])]
    )
    kept, fewer = thinned(rr, tris)
    assert 1000 < len(kept) <= MOST_VERTICES
    assert fewer.max() < len(kept)
    a, b, c = (rr[kept][fewer[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    assert area == pytest.approx(299**2, rel=0.05)


def test_anatomy_follows_from_the_surfaces(make_localization):
    localization = make_localization("volume")
    scene = make_scene(localization)
    grey = anatomy(localization, scene.frame, scene.pos_mm)
    middle = tuple(np.round((np.array([-33.0, 0, 0]) - grey.first_mm) / grey.step_mm).astype(int))  # a hemisphere
    assert grey.values[middle] > grey.values[grey.values > 0].min()
    assert anatomy(make_localization("volume", head="none"), "head", scene.pos_mm) is None


def test_without_nilearn_the_page_says_how_to_get_the_brain(make_localization, monkeypatch, tmp_path):
    assert nilearn_files.nilearn_file(nilearn_files.NIIVUE) is not None
    assert nilearn_files.nilearn_file("no/such/file") is None
    monkeypatch.setattr("headwater.report.html._niivue", lambda: "")
    page = make_page(make_localization("cortex"))
    assert '<script type="text/plain" id="headwater-niivue"></script>' in page
    assert 'pip install \\"headwater[report]\\"' in page
    assert page.count("<img ") == 5


def test_names_cannot_end_the_embedded_data(make_localization):
    page = make_page(make_localization("volume", head="none"))
    start = page.index('id="headwater-content">') + len('id="headwater-content">')
    embedded = page[start : page.index("</script>", start)]
    assert "<" not in embedded
    assert json.loads(embedded)["peaks"][0]["name"] == "a<b>-lh"


def test_the_subjects_own_mri_is_shown_in_its_frame(make_localization, tmp_path):
    localization = make_localization("volume")
    values = np.zeros((128, 128, 128), np.float32)
    values[40:44, 70:74, 60:64] = 200
    affine = np.array([[-2, 0, 0, 131], [0, 0, 2, -120], [0, -2, 0, 125], [0, 0, 0, 1.0]])  # not that of surface RAS
    image = nib.MGHImage(values, affine)
    nib.save(image, tmp_path / "T1.mgz")
    head = replace(localization.head, mri=tmp_path / "T1.mgz")
    scene = make_scene(localization)
    grey = anatomy(replace(localization, head=head), scene.frame, scene.brain[1].rr_mm)
    middle = nib.affines.apply_affine(image.header.get_vox2ras_tkr(), [41.5, 71.5, 61.5])
    brightest = np.argwhere(grey.values > 128).mean(axis=0)
    np.testing.assert_allclose(grey.first_mm + grey.step_mm * brightest, middle, atol=1.0)
    assert grey.name == "the MRI of somebody <i>"
