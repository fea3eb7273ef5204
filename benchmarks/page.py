"""benchmarks/results.json as one page with plots: `planshift bench --html FILE`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

_PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)


@dataclass(frozen=True, slots=True)
class Bar:
    """`text` says the value, and how far it went from turn to turn; `low` and `high` are drawn as a line."""

    name: str
    value: float
    text: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Plot:
    title: str
    unit: str
    bars: tuple[Bar, ...]

    @property
    def longest(self) -> float:
        return max(bar.high for bar in self.bars)


def page_of(results: dict[str, Any]) -> str:
    """The page, whole in itself."""
    return _PAGES.get_template("page.html").render(plots=list(_plots(results)), machine=results.get("machine", {}))


def _plots(results: dict[str, Any]) -> Iterator[Plot]:
    for name, plots_of in _PLOTS.items():
        if found := results.get(name):
            yield from plots_of(found)


def _throughput(found: dict[str, Any]) -> Iterator[Plot]:
    bars = (_turns(name, one) for name, one in found.items() if name != "changes")
    ordered = sorted(bars, key=lambda bar: -bar.value)
    yield Plot(
        f"Throughput of {found['changes']} plan changes, in turns", "changes a second: more is better", tuple(ordered)
    )


def _latency(found: dict[str, Any]) -> Iterator[Plot]:
    waits = {"request to checkout": found["payable"], "checkout to applied": found["applied"]}
    told = (_percentiles(name, one) for name, one in waits.items())
    yield Plot("How long a customer waits", "milliseconds: the bar is the middle one, the line the 99th", tuple(told))


def _profile(found: dict[str, Any]) -> Iterator[Plot]:
    yield Plot("Where the workers' time goes", "% of the busy samples", _shares(found["layers"]))
    yield Plot("… by step", "% of the busy samples", _shares(found["steps"]))


def _idle(found: dict[str, Any]) -> Iterator[Plot]:
    processes = found["processes"]
    used = {name: one["cpu_percent"] for name, one in processes.items()}
    yield Plot(f"Idle: {found['all_percent']} % of a core in all", "% of a core", tuple(_plain(used, " %")))
    kept = {name: one["memory_mb"] for name, one in processes.items()}
    yield Plot("Memory", "MB, what processes share counted once", tuple(_plain(kept, " MB")))


def _start(found: dict[str, Any]) -> Iterator[Plot]:
    took = {name: one["ms"] for name, one in found["commands"].items()}
    yield Plot("How long a command takes", "milliseconds: less is better", tuple(_plain(took, " ms")))
    ready = {"the first start": found["up"]["first_s"], "the next ones": found["up"]["again_s"]}
    yield Plot("planshift up until READY", "seconds: less is better", tuple(_plain(ready, " s")))


def _webhooks(found: dict[str, Any]) -> Iterator[Plot]:
    rates = {"a bare insert": found["bare_per_second"], "the receiver": found["receiver_per_second"]}
    yield Plot("Webhooks that are verified and committed", "a second", tuple(_plain(rates, "")))


def _history(found: dict[str, Any]) -> Iterator[Plot]:
    ratios = {what: one["ratio"] for what, one in found["asked"].items()}
    yield Plot("Three years of history beside five months", "times as long", tuple(_plain(ratios, "")))


def _pdf(found: dict[str, Any]) -> Iterator[Plot]:
    for language, engines in found["languages"].items():
        took = {name: one["ms"] for name, one in engines.items()}
        yield Plot(f"An invoice's page ({language})", "milliseconds: less is better", tuple(_plain(took, " ms")))


def _reads(found: dict[str, Any]) -> Iterator[Plot]:
    for kind in ("api", "portal", "staff"):
        bars = (_percentiles(name, one) for name, one in found[kind].items())
        unit = "milliseconds: the bar is the middle one, the line goes to the 99th of 100"
        yield Plot(f"Reads: {kind}", unit, tuple(bars))


# By the benchmark's name, in the page's order.
_PLOTS: dict[str, Callable[[dict[str, Any]], Iterator[Plot]]] = {
    "throughput": _throughput,
    "latency": _latency,
    "profile": _profile,
    "idle": _idle,
    "start": _start,
    "webhooks": _webhooks,
    "history": _history,
    "pdf": _pdf,
    "reads": _reads,
}


def _percentiles(name: str, one: dict[str, float]) -> Bar:
    middle, last = one["p50_ms"], one["p99_ms"]
    return Bar(name, middle, f"{middle} ms, p99 {last} ms", middle, last)


def _turns(name: str, found: dict[str, Any]) -> Bar:
    low, high = min(found["per_second"]), max(found["per_second"])
    return Bar(name.replace("_", " "), found["median"], f"{found['median']} ({low} to {high})", low, high)


def _shares(shares: dict[str, float]) -> tuple[Bar, ...]:
    ordered = sorted(shares.items(), key=lambda one: -one[1])
    return tuple(_plain({name: round(100 * share, 1) for name, share in ordered}, " %"))


def _plain(values: dict[str, float], unit: str) -> Iterable[Bar]:
    return (Bar(name, value, f"{value}{unit}", value, value) for name, value in values.items())
