"""The benchmark compares equal work, and says so when a promise is broken."""

from dataclasses import replace

import numpy as np
import pytest

from tools import benchmark

SMALL = benchmark.Task(
    "small", (64, 12, 10), 256, {("layers", "torch"): 1e9, ("layers", "products"): 1e9}
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everyone_ends_at_the_same_loss_and_is_timed(dtype):
    seconds = benchmark.measure(SMALL, dtype, rounds=2, warm_up=1)
    assert seconds.keys() == benchmark.CONTESTANTS.keys()
    assert all(len(times) == 2 and times.min() > 0 for times in seconds.values())


@pytest.mark.parametrize("cheat", ["layers", "engine"])
def test_who_does_other_work_is_refused(monkeypatch, cheat):
    honest = benchmark.CONTESTANTS[cheat]

    def half(task, X, labels):
        return honest(replace(task, batch=2 * task.batch), X, labels)

    monkeypatch.setitem(benchmark.CONTESTANTS, cheat, half)
    with pytest.raises(AssertionError, match="Not equal"):
        benchmark.measure(SMALL, np.float64, rounds=1)


def test_the_products_of_one_batch_are_those_of_backpropagation(monkeypatch):
    """Forward and weights once per layer, inputs once per layer but the first."""
    counted = []

    class Counted(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *operands, **options):
            counted.append(ufunc.__name__)
            plain = [np.asarray(one) for one in operands]
            return getattr(ufunc, method)(*plain, **options).view(Counted)

    task = replace(SMALL, sizes=(64, 12, 11, 10))
    blocks = task.parameters(np.float64)
    counting = {name: p.view(Counted) for name, p in blocks.items()}
    monkeypatch.setattr(benchmark.Task, "parameters", lambda *_: counting)
    X, labels = task.data(np.float64)
    benchmark.products(task, X, labels)(np.arange(256))
    assert counted == ["matmul"] * 5  # three forwards, two backwards with a weight


def test_a_broken_promise_is_named_and_a_kept_one_is_not():
    task = replace(SMALL, promises={("layers", "torch"): 0.35})
    seconds = dict.fromkeys(benchmark.CONTESTANTS, np.full(5, 1.0))
    rows, slow = benchmark.report(task, np.float32, seconds)
    assert len(rows) == 4
    assert slow == [
        "small, float32: layers takes 1.00 of the time of torch, more than 0.35"
    ]
    seconds["layers"] = np.full(5, 0.3)
    assert benchmark.report(task, np.float32, seconds)[1] == []


def test_the_command_prints_the_table_and_fails_with_a_promise(monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "TASKS", (SMALL,))
    assert benchmark.main(["--rounds", "1"]) == 0
    assert capsys.readouterr().out.count("| small |") == 2 * (4 + 1)
    broken = replace(SMALL, promises={("layers", "torch"): 0.0})
    monkeypatch.setattr(benchmark, "TASKS", (broken,))
    assert benchmark.main(["--rounds", "1"]) == 1
    assert "more than 0.0" in capsys.readouterr().out
