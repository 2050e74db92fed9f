"""A figure, the baseline that it is measured against in the same run, and its bound."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

# The share of medians above an interval, and below.
_ON_ONE_SIDE = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A figure.

    Attributes:
        what: what is measured, and how often.
        value: the figure.
        unit: its unit.
        baseline: what it is compared with, which was measured in the same run. Default: nothing.
        of_baseline: the baseline's figure, in the same unit.
        ratio: the median ratio of the pairs. Default: that of both figures.
        ratio_between: the interval in which the ratio lies with 95 %. Default: the ratio is taken as exact.
        most: the highest permitted ratio, or value if there is no baseline. Default: any.
    """

    what: str
    value: float
    unit: str = "s"
    baseline: str = ""
    of_baseline: float | None = None
    ratio: float | None = None
    ratio_between: Sequence[float] | None = None
    most: float | None = None

    @property
    def times(self) -> float | None:
        """The ratio to the baseline; None without one."""
        if self.ratio is not None or not self.of_baseline:
            return self.ratio
        return self.value / self.of_baseline

    @property
    def exceeds(self) -> bool:
        """True if it is above its bound, with its whole interval."""
        compared = self.value if self.times is None else self.times
        if self.ratio_between is not None:
            compared = self.ratio_between[0]
        return self.most is not None and compared > self.most

    def row(self) -> list[str]:
        """Return the cells of its row: what, the figure, the baseline, its figure, the ratio, the bound."""
        times = "" if self.times is None else f"{self.times:.2f} x"
        if self.ratio_between is not None:
            times += " ({:.2f} to {:.2f})".format(*self.ratio_between)
        bound = "" if self.most is None else f"{_digits(self.most)}{'' if self.times is None else ' x'}"
        of_baseline = "" if self.of_baseline is None else f"{_digits(self.of_baseline)} {self.unit}".strip()
        return [
            self.what,
            f"{_digits(self.value)} {self.unit}".strip(),
            self.baseline,
            of_baseline,
            times,
            f"{bound} EXCEEDED" if self.exceeds else bound,
        ]


def _digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004


HEADINGS = ["what", "measured", "baseline", "of the baseline", "ratio", "at most"]


def paired(
    what: str,
    measure: Callable[[], float],
    baseline: str,
    measure_baseline: Callable[[], float],
    *,
    pairs: int,
    most: float | None = None,
) -> Measurement:
    """Measure in pairs, one of each in turn, as the speed of a machine varies by more than most differences.

    Args:
        what: what is measured.
        measure: measures it, in seconds.
        baseline: the name of the baseline.
        measure_baseline: measures the baseline, in seconds.
        pairs: the number of pairs.
        most: the highest permitted median of the ratios.
    """
    return of_pairs(what, baseline, [(measure_baseline(), measure()) for _ in range(pairs)], most=most)


def of_pairs(
    what: str, baseline: str, pairs: Sequence[tuple[float, float]], *, unit: str = "s", most: float | None = None
) -> Measurement:
    """Return the measurement of pairs of the baseline and what is measured: both medians, and that of the ratios."""
    of_baseline, value = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for other, one in pairs)
    return Measurement(
        what=f"{what} ({len(pairs)} pairs)",
        value=value,
        unit=unit,
        baseline=baseline,
        of_baseline=of_baseline,
        ratio=ratio,
        most=most,
    )


def of_wandering_pairs(
    what: str, baseline: str, pairs: Sequence[tuple[float, float]], *, most: float | None = None
) -> Measurement:
    """Return the measurement of pairs that differ by more than what is measured: with the interval of the ratio."""
    interval = _interval([one / other for other, one in pairs])
    return replace(of_pairs(what, baseline, pairs, most=most), ratio_between=interval)


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the values between which the median lies with at least 95 %, as the sign test says; of few, all."""
    ordered, number = sorted(values), len(values)
    outside = 0
    while sum(math.comb(number, each) for each in range(outside + 1)) / 2**number <= _ON_ONE_SIDE:
        outside += 1
    outside = max(outside - 1, 0)
    return ordered[outside], ordered[-1 - outside]


Measurements = Iterator[Measurement]
