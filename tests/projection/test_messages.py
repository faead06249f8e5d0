import io
import pickle

import numpy as np
import pytest

from sslcore.projection.messages import receive, send


def test_messages_arrive_whole_and_in_order():
    pipe = io.BytesIO()
    send(pipe, xy=np.eye(3, dtype=np.float32), method="umap")
    send(pipe, ready=1)
    pipe.seek(0)
    first = receive(pipe)
    assert np.array_equal(first["xy"], np.eye(3))
    assert first["xy"].dtype == np.float32
    assert str(first["method"]) == "umap"
    assert int(receive(pipe)["ready"]) == 1
    assert receive(pipe) is None


@pytest.mark.parametrize("cut", [3, 20])
def test_a_message_cut_short_means_the_other_side_has_gone(cut):
    pipe = io.BytesIO()
    send(pipe, ready=1)
    assert receive(io.BytesIO(pipe.getvalue()[:cut])) is None


def test_objects_are_never_unpickled():
    pipe = io.BytesIO()
    send(pipe, trap=np.array([print], dtype=object))
    pipe.seek(0)
    with pytest.raises((ValueError, pickle.UnpicklingError)):
        receive(pipe)
