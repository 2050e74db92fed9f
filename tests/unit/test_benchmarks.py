"""The figures of the benchmarks, their bounds, and the page that lists them."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import statistics

import pytest

from benchmarks import __main__ as command
from benchmarks.measurement import Measurement, of_pairs, of_wandering_pairs, paired


@pytest.mark.parametrize(
    ("measurement", "exceeds", "cells"),
    [
        (
            Measurement(what="a", value=3.0, baseline="b", of_baseline=2.0, most=1.5),
            False,
            ["a", "3 s", "b", "2 s", "1.50 x", "1.5 x"],
        ),
        (
            Measurement(what="a", value=3.1, baseline="b", of_baseline=2.0, most=1.5),
            True,
            ["a", "3.1 s", "b", "2 s", "1.55 x", "1.5 x EXCEEDED"],
        ),
        (Measurement(what="a", value=1234.5, unit="MiB", most=2000), False, ["a", "1,234 MiB", "", "", "", "2,000"]),
        (Measurement(what="a", value=1, unit="", most=0), True, ["a", "1", "", "", "", "0 EXCEEDED"]),
        (Measurement(what="a", value=0.01234), False, ["a", "0.0123 s", "", "", "", ""]),
    ],
    ids=["within", "above", "absolute", "nothing lost", "free"],
)
def test_a_figure_is_compared_with_its_baseline_or_its_bound(
    measurement: Measurement, cells: list[str], *, exceeds: bool
) -> None:
    assert measurement.exceeds is exceeds
    assert measurement.row() == cells


def test_the_ratio_of_pairs_is_the_median_of_the_ratios() -> None:
    # The machine was three times as slow during the last pair.
    found = of_pairs("a", "b", [(1.0, 1.1), (1.0, 1.2), (3.0, 3.3)], most=1.15)
    assert found.times == pytest.approx(1.1)
    assert (found.value, found.of_baseline) == (1.2, 1.0)
    assert not found.exceeds
    assert found.what == "a (3 pairs)"


@pytest.mark.parametrize(
    ("ratios", "interval", "exceeds"),
    [
        ([1.0, 1.1, 1.2, 0.9, 1.06, 1.3], (0.9, 1.3), False),
        ([0.9, 1.0, 1.1, 1.1, 1.1, 1.1, 1.2, 1.2, 1.3], (1.0, 1.2), False),
        ([1.0, 1.06, 1.1, 1.1, 1.1, 1.1, 1.2, 1.2, 1.3], (1.06, 1.2), True),
        ([1.2, 1.3], (1.2, 1.3), True),
    ],
    ids=["six, of which all", "nine, of which seven", "above", "two"],
)
def test_a_ratio_that_wanders_exceeds_its_bound_with_its_whole_interval(
    ratios: list[float], interval: tuple[float, float], *, exceeds: bool
) -> None:
    found = of_wandering_pairs("a", "b", [(1.0, ratio) for ratio in ratios], most=1.05)
    assert found.ratio_between == interval
    assert found.exceeds is exceeds
    assert found.row()[4] == f"{statistics.median(ratios):.2f} x ({interval[0]:.2f} to {interval[1]:.2f})"


def test_both_of_a_pair_are_measured_in_turn() -> None:
    order: list[str] = []

    def measure(name: str, seconds: float) -> float:
        order.append(name)
        return seconds

    paired("a", lambda: measure("a", 2.0), "b", lambda: measure("b", 1.0), pairs=2)
    assert order == ["b", "a", "b", "a"]


def test_the_page_has_a_row_for_each_figure_and_the_conditions() -> None:
    figure = Measurement(what="a", value=1.0, baseline="b", of_baseline=1.0, most=1.05)
    page = command.page({"synth": {"conditions": "Measured at night.", "figures": [dataclasses.asdict(figure)]}})
    assert (
        "## Synth\n\nMeasured at night.\n\n| what | measured | baseline | of the baseline | ratio | at most |\n" in page
    )
    assert "| a | 1 s | b | 1 s | 1.00 x | 1.05 x |\n" in page


def test_the_page_is_that_of_the_figures_that_are_kept() -> None:
    kept = json.loads(command.KEPT.read_text(encoding="utf-8"))
    assert command.PAGE.read_text(encoding="utf-8") == command.page(kept)
    assert set(kept) <= set(command.BENCHMARKS)


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_each_benchmark_yields_figures(name: str) -> None:
    assert inspect.isgeneratorfunction(importlib.import_module(f"benchmarks.{name}").measurements)


def test_an_unknown_benchmark_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "speed"])
    with pytest.raises(SystemExit):
        command.main()
    assert "there is no benchmark 'speed'; choose from synth, pipeline, " in capsys.readouterr().err
