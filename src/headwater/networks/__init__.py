"""Published networks for source imaging; their components are in the sub-packages."""

from headwater.networks.as_solver import Morphed, NetworkSolver
from headwater.networks.base import BoundNetwork, Network
from headwater.networks.cnn_transformer import CNNTransformer
from headwater.networks.convdip import ConvDip
from headwater.networks.deepsif import DeepSIF
from headwater.networks.direct_unet import DirectUNet
from headwater.networks.fcn import FCN
from headwater.networks.four_layer_cnn import FourLayerCNN
from headwater.networks.gru_dual_path import GRUDualPath
from headwater.networks.multi_source_convnet import MultiSourceConvNet
from headwater.networks.piunet import PIUNet
from headwater.networks.relevance import RelevanceNet

NETWORKS: dict[str, type[Network]] = {
    "piunet": PIUNet,
    "fcn": FCN,
    "convdip": ConvDip,
    "multi-source-convnet": MultiSourceConvNet,
    "cnn-transformer": CNNTransformer,
    "deepsif": DeepSIF,
    "gru-dual-path": GRUDualPath,
    "direct-unet": DirectUNet,
    "4lcnn": FourLayerCNN,
    "relevance": RelevanceNet,
}

__all__ = [
    "FCN",
    "NETWORKS",
    "BoundNetwork",
    "CNNTransformer",
    "ConvDip",
    "DeepSIF",
    "DirectUNet",
    "FourLayerCNN",
    "GRUDualPath",
    "Morphed",
    "MultiSourceConvNet",
    "Network",
    "NetworkSolver",
    "RelevanceNet",
    "PIUNet",
]
