"""Speed and accuracy, measured: each module is a command, each result a page in ``benchmarks/results``."""

import sslcore  # noqa: F401  (before torch: it says how torch's threads wait)
