import torch

from sslcore.methods.memory import Queue


def one_hot(*places: int) -> torch.Tensor:
    return torch.eye(8)[list(places)]


def push(queue: Queue, rows: torch.Tensor) -> None:
    queue.waiting = rows
    queue.advance()


def test_a_new_queue_holds_random_unit_vectors():
    queue = Queue(50, 8)
    assert torch.allclose(queue.rows.norm(dim=1), torch.ones(50))
    assert len(queue.rows.unique(dim=0)) == 50


def test_first_in_first_out():
    queue = Queue(5, 8)
    for first in (0, 2, 4):
        push(queue, one_hot(first, first + 1))
    assert queue.rows.argmax(1).tolist() == [5, 1, 2, 3, 4]


def test_rows_are_normalised_when_they_enter():
    queue = Queue(2, 8)
    push(queue, 7 * one_hot(0, 1))
    assert torch.equal(queue.rows, one_hot(0, 1))


def test_a_batch_larger_than_the_queue_leaves_its_last_rows():
    queue = Queue(2, 8)
    push(queue, one_hot(0, 1, 2, 3, 4))
    assert sorted(queue.rows.argmax(1).tolist()) == [3, 4]


def test_nothing_enters_twice():
    queue = Queue(4, 8)
    push(queue, one_hot(0, 1))
    before = queue.rows.clone()
    queue.advance()
    assert torch.equal(queue.rows, before) and queue.place == 2


def test_the_nearest_row_of_a_stored_vector_is_itself():
    queue = Queue(100, 8)
    assert torch.equal(queue.nearest(3 * queue.rows[20:30]), queue.rows[20:30])


def test_rank_counts_what_is_more_similar_than_the_key():
    queue = Queue(3, 2)
    queue.rows.copy_(torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]))
    query = torch.tensor([[2.0, 0.0]] * 3)
    keys = torch.tensor([[1.0, 0.0], [0.9, 0.43589], [-1.0, 0.0]])
    assert queue.rank(query, keys).tolist() == [0, 1, 3]


def test_a_queue_continues_from_its_state():
    first, second = Queue(5, 8), Queue(5, 8)
    push(first, one_hot(0, 1, 2))
    second.load_state_dict(first.state_dict())
    for queue in (first, second):
        push(queue, one_hot(3, 4, 5))
    assert torch.equal(first.rows, second.rows) and torch.equal(first.place, second.place)
