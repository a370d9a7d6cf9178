"""What simulated data are drawn with: little enough that a measured job can import it.

Customers: estimates published for the CDNOW sample. Respondents: five segments, twenty items.
"""

BG_NBD = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
GAMMA_GAMMA = {"p": 6.25, "q": 3.74, "v": 15.44}

N_ITEMS, N_LEVELS = 20, 5
ITEMS = [f"q{item + 1}" for item in range(N_ITEMS)]
N_SEGMENTS = 5
# Answers are a normal opinion between cuts. With opinions this far apart the truth itself, known to
# the last digit, names the segment of seven respondents in ten, and half of all starts arrive.
CUTS, OPINION_SPREAD = (-1.2, -0.4, 0.4, 1.2), 0.5
