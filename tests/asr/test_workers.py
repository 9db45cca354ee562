import socket
import threading

import pytest

from blv_trainer.asr.workers import Workers


def test_one_process_is_main_and_draws_everything():
    workers = Workers()
    assert (workers.size, workers.rank, workers.is_main) == (1, 0, True)
    assert list(workers.draw([3, 1, 2])) == [3, 1, 2]
    assert workers.share(lambda: {"a": 1}) == {"a": 1}
    assert (workers.count("files", 2), workers.count("files", 3), workers.count("files")) == (2, 5, 5)
    workers.wait()


@pytest.fixture
def pair(monkeypatch):
    """Two workers that talk through a real store, each used by a thread."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(port))
    made = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("LOCAL_RANK", rank)
        # The first hosts the store; it waits for the other unless told that the launcher's agent did so.
        monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "False")
        thread = threading.Thread(target=lambda: made.append(Workers()))
        thread.start()
        thread.join(0.5)
    thread.join()
    while len(made) < 2:
        pass
    return sorted(made, key=lambda workers: workers.rank)


def test_two_processes_draw_each_item_once(pair):
    first, second = (workers.draw(list(range(20))) for workers in pair)
    drawn = [next(first), next(second), next(second), next(first), *first]
    assert drawn == list(range(20))
    assert list(second) == []


def test_the_main_process_decides_and_its_failure_reaches_the_others(pair):
    assert pair[0].share(lambda: [1, "a"]) == [1, "a"]
    assert pair[1].share(lambda: pytest.fail("called in the other process")) == [1, "a"]

    def fail():
        raise ValueError("no such folder")

    with pytest.raises(ValueError, match="no such folder"):
        pair[0].share(fail)
    with pytest.raises(RuntimeError, match="the main process failed: no such folder"):
        pair[1].share(fail)


def test_waiting_ends_when_all_have_come(pair):
    ticks = []
    waiting = threading.Thread(target=pair[0].wait, args=(lambda: ticks.append(1),))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    assert ticks
    pair[1].wait()
    waiting.join(5)
    assert not waiting.is_alive()


def test_a_launcher_that_says_half_is_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="WORLD_SIZE=4 but RANK, MASTER_ADDR, MASTER_PORT is not set"):
        Workers()
