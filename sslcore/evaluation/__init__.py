"""How good is a representation? Everything here reads frozen features and trains no encoder."""

from sslcore.evaluation.baselines import chance, pixel_features, pixel_knn, pixel_linear
from sslcore.evaluation.knn import knn_accuracy, knn_predict, nearest
from sslcore.evaluation.linear import LinearProbe, linear_probe

__all__ = [
    "LinearProbe",
    "chance",
    "knn_accuracy",
    "knn_predict",
    "linear_probe",
    "nearest",
    "pixel_features",
    "pixel_knn",
    "pixel_linear",
]
