"""Sensor noise, and the one definition of signal-to-noise ratio.

For one sample and one sensor type (EEG, magnetometers and gradiometers separately)::

    SNR [dB] = 10 log10(P_signal / P_noise)

where ``P`` is the power averaged over the channels of that type and over time, after average reference of the EEG.
``P_signal`` is that of the sample's noise-free signal; ``P_noise`` is the *expected* power of the noise model. So
``sigma_noise = sigma_signal / sqrt(10^(SNR / 10))`` with ``sigma`` the root of the mean power (Morik et al., 3D-PIUNet,
equation 6), which is also ``SNR = 20 log10(rms_signal / rms_noise)`` (Yokoyama et al., 4LCNN, equation 2).
"""

from headwater.simulation.noise.base import BoundNoise, DrawnNoise, Noise
from headwater.simulation.noise.models import FromCovariance, PerSensorType, Recorded, White
from headwater.simulation.noise.sensors import SENSOR_TYPES, SensorArray

__all__ = [
    "SENSOR_TYPES",
    "BoundNoise",
    "DrawnNoise",
    "FromCovariance",
    "Noise",
    "PerSensorType",
    "Recorded",
    "SensorArray",
    "White",
]
