"""Down- and up-sampling of features by two in time and frequency.

Shapes: see the legend in ``blocks.stage``.
"""

from torch import nn

from blocks.layers import activation as make_activation
from blocks.layers import check_positive, norm_2d


class Downsampling(nn.Sequential):
    """Strided 2x2 convolution, normalisation, activation.

    Source: LaSAFT (arXiv 2010.11631), section 2.1. The older networks have no activation here
    (``"identity"``), the newer ones do.

    Args:
        channels: H, kept.
        activation: Name of the activation.
        norm: Name of the normalisation.

    Shape:
        (B, H, T, F) -> (B, H, T // 2, F // 2)
    """

    def __init__(
        self, channels: int, *, activation: str = "identity", norm: str = "batchnorm2d"
    ) -> None:
        check_positive(channels=channels)
        super().__init__(
            nn.Conv2d(channels, channels, kernel_size=2, stride=2),
            norm_2d(norm, channels),
            make_activation(activation),
        )


class Upsampling(nn.Sequential):
    """Strided 2x2 transposed convolution, normalisation, activation.

    Source: LaSAFT (arXiv 2010.11631), section 2.1; see ``Downsampling`` on the activation.

    Args:
        channels: H, kept.
        activation: Name of the activation.
        norm: Name of the normalisation.

    Shape:
        (B, H, T, F) -> (B, H, 2 T, 2 F)
    """

    def __init__(
        self, channels: int, *, activation: str = "identity", norm: str = "batchnorm2d"
    ) -> None:
        check_positive(channels=channels)
        super().__init__(
            nn.ConvTranspose2d(channels, channels, kernel_size=2, stride=2),
            norm_2d(norm, channels),
            make_activation(activation),
        )
