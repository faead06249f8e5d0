"""sslcore: a readable, tested library of self-supervised learning methods.

Data flows one way: data -> views -> method -> trainer -> run -> evaluation.
Nothing in this package knows about the app that shows it.
"""

import os
import sys

# How long GNU OpenMP's threads wait in a busy loop before they sleep; read when torch is loaded. Where a process has
# more of them than cores, which one evaluation beside training is enough for, they sleep at once by default: waking
# them cost a third of each step. Waiting long starves everything else, and each other, when somebody needs a core.
if sys.platform == "linux":
    os.environ.setdefault("OMP_WAIT_POLICY", "ACTIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__version__ = "0.1.0"
