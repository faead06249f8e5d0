"""sslcore: a readable, tested library of self-supervised learning methods.

Data flows one way: data -> views -> method -> trainer -> run -> evaluation.
Nothing in this package knows about the app that shows it.
"""

import os

# OpenMP threads that wait in a busy loop starve everything else on a small machine, and each other: with one
# other process on two cores, training came almost to a stop. Short waiting costs nothing measurable.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__version__ = "0.1.0"
