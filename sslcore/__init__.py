"""sslcore: a readable, tested library of self-supervised learning methods.

Data flows one way: data -> views -> method -> trainer -> run -> evaluation.
Nothing in this package knows about the app that shows it.
"""

__version__ = "0.1.0"
