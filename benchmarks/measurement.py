"""A figure, the baseline that it is measured against in the same run, and its bound."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


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
        most: the highest permitted ratio, or value if there is no baseline. Default: any.
    """

    what: str
    value: float
    unit: str = "s"
    baseline: str = ""
    of_baseline: float | None = None
    ratio: float | None = None
    most: float | None = None

    @property
    def times(self) -> float | None:
        """The ratio to the baseline; None without one."""
        if self.ratio is not None or not self.of_baseline:
            return self.ratio
        return self.value / self.of_baseline

    @property
    def exceeds(self) -> bool:
        """True if it is above its bound."""
        compared = self.value if self.times is None else self.times
        return self.most is not None and compared > self.most

    def row(self) -> list[str]:
        """Return the cells of its row: what, the figure, the baseline, its figure, the ratio, the bound."""
        times = "" if self.times is None else f"{self.times:.2f} x"
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


def of_least(
    what: str, baseline: str, pairs: Sequence[tuple[float, float]], *, unit: str = "s", most: float | None = None
) -> Measurement:
    """Return the measurement of pairs by the least of each: what else runs on a machine adds, and never takes away.

    The median of the ratios needs many more pairs where equal runs differ by more than what is measured.
    """
    of_baseline, value = (min(column) for column in zip(*pairs, strict=True))
    return Measurement(
        what=f"{what} (least of {len(pairs)})",
        value=value,
        unit=unit,
        baseline=baseline,
        of_baseline=of_baseline,
        most=most,
    )


Measurements = Iterator[Measurement]
