import numpy as np

from headwater.report.raster import rasterize, render_nearest, render_xray

SQUARE = np.array([[0.0, 0], [9, 0], [9, 9], [0, 9]])
TRIS = np.array([[0, 1, 2], [0, 2, 3]])


def test_two_triangles_cover_every_pixel_of_a_square():
    covered = rasterize(SQUARE, TRIS, (12, 11))
    image = np.bincount(covered.pixel, minlength=12 * 11).reshape(12, 11)
    assert (image[:10, :10] >= 1).all()
    assert image[10:].sum() == image[:, 10:].sum() == 0
    assert image.sum() == 100 + 10  # the shared diagonal belongs to both


def test_weights_are_barycentric():
    covered = rasterize(SQUARE, TRIS, (12, 11))
    row, column = np.divmod(covered.pixel, 11)
    at = np.einsum("fc,fcx->fx", covered.weights, SQUARE[TRIS[covered.triangle]])
    np.testing.assert_allclose(at, np.column_stack([column, row]), atol=1e-12)
    np.testing.assert_allclose(covered.weights.sum(axis=1), 1)


def test_triangles_outside_the_image_or_seen_edge_on_cover_nothing():
    outside = rasterize(SQUARE + 50, TRIS, (12, 11))
    edge_on = rasterize(np.array([[0.0, 0], [4, 4], [8, 8]]), np.array([[0, 1, 2]]), (12, 11))
    assert len(outside.pixel) == len(edge_on.pixel) == 0


def test_nearest_surface_hides_the_one_behind_and_backs_are_not_drawn():
    points = np.concatenate([SQUARE, SQUARE, SQUARE])
    depth = np.repeat([1.0, 2.0, 3.0], 4)
    tris = np.concatenate([TRIS, TRIS + 4, TRIS[:, ::-1] + 8])  # the nearest one shows its back
    attributes = np.column_stack([np.repeat([10.0, 20.0, 30.0], 4), points[:, 0]])
    image = render_nearest(points, depth, tris, attributes, (12, 11))
    np.testing.assert_allclose(image[:10, :10, 0], 20)
    np.testing.assert_allclose(image[3, :10, 1], np.arange(10), atol=1e-12)
    assert np.isnan(image[10:]).all()


def test_xray_adds_up_sheets():
    points, tris = np.concatenate([SQUARE, SQUARE]), np.concatenate([TRIS, TRIS[:, ::-1] + 4])
    absorption, covered = render_xray(points, tris, np.array([1.0, 1, 0.5, 0.5]), (12, 11))
    assert absorption[2, 5] == 1.5
    assert covered[:10, :10].all()
    assert covered.sum() == 100
