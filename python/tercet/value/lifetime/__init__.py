"""How long customers stay, how often they buy and how much they spend."""

from tercet.value.lifetime.bg_nbd import BGNBD
from tercet.value.lifetime.gamma_gamma import GammaGamma
from tercet.value.lifetime.lifetime_value import lifetime_value

__all__ = ["BGNBD", "GammaGamma", "lifetime_value"]
