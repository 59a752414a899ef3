"""Fields in concentric spheres: exact EEG and MEG fields, the truth that other models are tested against.

A head is not a sphere. `fitted_spheres` is for trying things out, not for results: its EEG lead field differs from the
boundary elements of the same head by a relative difference (RDM) of .1 to .2.
"""

from __future__ import annotations

import numpy as np

from headwater._utils.errors import InputError
from headwater.head.model import Head

MU0_4PI = 1e-7  # H/m


def sphere_eeg(
    electrodes: np.ndarray, pos: np.ndarray, radii: np.ndarray, sigma: np.ndarray, *, tolerance: float = 1e-12
) -> np.ndarray:
    """Potentials on concentric shells due to unit dipoles along x, y, z, by the exact series.

    With b = |s| and R the outermost radius, u_n the radial solution of order n (continuous in u and sigma u', no
    current through R) whose singular part in the innermost shell is r^-(n+1), and gamma the angle between source and
    electrode,

        V = (4 pi sigma_1)^-1 sum_n u_n(R) b^(n-1) q . [n P_n(cos gamma) s^ + P_n'(cos gamma) (r^ - cos gamma s^)]

    (de Munck and Peters 1993, IEEE Trans. Biomed. Eng. 40, 1166, for isotropic shells).

    Parameters
    ----------
    electrodes : array of shape (n_electrodes, 3)
        About the centre; taken onto the outermost sphere.
    pos : array of shape (n_sources, 3)
        About the centre, within the innermost sphere.
    radii, sigma : array of shape (n_shells,)
        Radius in metres and conductivity in S/m, innermost shell first.
    tolerance : float
        Terms are summed until the deepest power falls below this.

    Returns
    -------
    gain : array of shape (n_electrodes, n_sources, 3)
        In V/(A m).
    """
    electrodes, pos, radii = (np.asarray(array, float) for array in (electrodes, pos, radii))
    depth = np.linalg.norm(pos, axis=1)
    if (depth >= radii[0]).any():
        raise InputError("A source lies outside the innermost sphere; move it inside.")
    towards = electrodes / np.linalg.norm(electrodes, axis=1, keepdims=True)
    outwards = np.divide(pos, depth[:, np.newaxis], out=np.zeros_like(pos), where=depth[:, np.newaxis] > 0)
    cosine = towards @ outwards.T
    ratio = depth / radii[-1]
    n_terms = 1 + int(np.ceil(np.log(tolerance) / np.log(max(ratio.max(), 0.1))))
    weight = _surface_weights(n_terms, radii / radii[-1], np.asarray(sigma, float))

    radial, tangential = np.zeros_like(cosine), np.zeros_like(cosine)
    before, legendre, slope = np.zeros_like(cosine), np.ones_like(cosine), np.zeros_like(cosine)  # P_-1, P_0, P_0'
    for n in range(1, n_terms + 1):
        slope = n * legendre + cosine * slope
        before, legendre = legendre, ((2 * n - 1) * cosine * legendre - (n - 1) * before) / n
        term = weight[n - 1] * ratio ** (n - 1)
        radial += term * n * legendre
        tangential += term * slope
    radial -= tangential * cosine
    gain = radial[..., np.newaxis] * outwards + tangential[..., np.newaxis] * towards[:, np.newaxis]
    return gain / (4 * np.pi * sigma[0] * radii[-1] ** 2)


def _surface_weights(n_terms: int, radii: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """``u_n`` at the outermost radius 1, for n = 1 ... n_terms.

    In each shell u = a r^n + c r^-(n+1). Starting from (a, c) = (n + 1, n), which lets no current out, continuity of u
    and of sigma u' gives the next shell inwards.
    """
    n = np.arange(1.0, n_terms + 1)
    regular, singular = n + 1, n.copy()
    for k in range(len(radii) - 2, -1, -1):
        rise, fall = radii[k] ** n, radii[k] ** -(n + 1)
        value = regular * rise + singular * fall
        flux = sigma[k + 1] / sigma[k] * (n * regular * rise - (n + 1) * singular * fall)
        regular = ((n + 1) * value + flux) / ((2 * n + 1) * rise)
        singular = (n * value - flux) / ((2 * n + 1) * fall)
    return (2 * n + 1) / singular


def sphere_meg(points: np.ndarray, directions: np.ndarray, pos: np.ndarray) -> np.ndarray:
    """Magnetic field outside a spherical conductor due to unit dipoles along x, y, z.

    Sarvas (1987, Phys. Med. Biol. 32, 11), eq. 25: with a = r - s and F = a (r a + r^2 - s . r),

        B . n = mu_0 / 4 pi  q . [s x n / F - (s x r) (grad F . n) / F^2]

    Parameters
    ----------
    points, directions : array of shape (n_points, 3)
        Where and along which direction the field is measured; about the centre, in metres.
    pos : array of shape (n_sources, 3)
        About the centre, in metres.

    Returns
    -------
    gain : array of shape (n_points, n_sources, 3)
        In T/(A m).
    """
    points, directions, pos = (np.asarray(array, float) for array in (points, directions, pos))
    offset = points[:, np.newaxis] - pos
    a = np.linalg.norm(offset, axis=-1)
    r = np.linalg.norm(points, axis=-1)[:, np.newaxis]
    s_dot_r = points @ pos.T
    f = a * (r * a + r**2 - s_dot_r)
    along = (r**2 - s_dot_r) / a  # a . r / |a|
    r_dot_n = np.einsum("px,px->p", points, directions)[:, np.newaxis]
    grad_n = (a**2 / r + along + 2 * a + 2 * r) * r_dot_n - (a + 2 * r + along) * (directions @ pos.T)
    s_cross_n = np.cross(pos, directions[:, np.newaxis])
    s_cross_r = np.cross(pos, points[:, np.newaxis])
    return MU0_4PI * (s_cross_n / f[..., np.newaxis] - s_cross_r * (grad_n / f**2)[..., np.newaxis])


def fitted_spheres(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Concentric spheres through the upper half of a head's surfaces.

    Returns
    -------
    centre : array of shape (3,)
        Of the sphere that fits the inner skull best; in head coordinates, in metres.
    radii : array of shape (3,)
        Median distance of inner skull, outer skull and scalp above the centre.
    """
    if head.scalp is None or head.outer_skull is None:
        raise InputError(f"The head {head.name!r} has no scalp surface to fit a sphere to; use method='bem'.")
    inner = head.to_head(head.inner_skull.rr)
    # |x - c|^2 = R^2 is linear in c and R^2 - |c|^2.
    design = np.column_stack([2 * inner, np.ones(len(inner))])
    centre = np.linalg.lstsq(design, (inner**2).sum(axis=1), rcond=None)[0][:3]
    radii = []
    for surface in (head.inner_skull, head.outer_skull, head.scalp):
        offset = head.to_head(surface.rr) - centre
        radii.append(np.median(np.linalg.norm(offset[offset[:, 2] > 0], axis=1)))
    return centre, np.array(radii)


def within(pos: np.ndarray, radius: float) -> np.ndarray:
    """Pull points that lie outside a sphere about the origin radially onto it."""
    return pos * np.minimum(1.0, radius / np.maximum(np.linalg.norm(pos, axis=1, keepdims=True), radius))
