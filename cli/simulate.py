"""planshift simulate: one change priced on every day of a period under every preset, as numbers and as a chart."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from domain.catalog import Catalog
from domain.catalog_file import parse_catalog
from domain.money import Money
from domain.pricing.simulate import Simulation, fresh_service, simulate, table_of
from domain.pricing.terms import Buyer, Target


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """Which change: from a plan and cycle bought on a local day to another, in a currency, for a country's buyer."""

    from_plan: str
    from_cycle: str
    to_plan: str
    to_cycle: str
    currency: str
    start: date
    country: str = "ZZ"


class NoChartLibrary(Exception):
    """Charts need the extra `charts`: pip install "planshift[charts]"."""

    def __str__(self) -> str:
        return 'charts need matplotlib; install it with: pip install "planshift[charts]"'


def answer(catalog_path: Path | str, request: SimulationRequest) -> tuple[Catalog, Simulation]:
    """The catalogue and the priced days. Raises OSError, CatalogError, ChangeError."""
    path = Path(catalog_path)
    catalog = parse_catalog(path.read_text(encoding="utf-8"), str(path))
    service = fresh_service(catalog, request.from_plan, request.from_cycle, request.currency, request.start)
    target = Target(request.to_plan, request.to_cycle)
    return catalog, simulate(catalog, service, target, Buyer(request.country))


def run(catalog_path: Path | str, request: SimulationRequest, modes: tuple[str, ...] = ()) -> dict[str, Any]:
    """{"currency", "rows": header and rows of text}, only these modes where any are named."""
    simulation = chosen(answer(catalog_path, request)[1], modes)
    return {"currency": simulation.currency, "rows": table_of(simulation)}


def chosen(simulation: Simulation, modes: tuple[str, ...]) -> Simulation:
    """Only these modes, or all of them."""
    if not modes:
        return simulation
    totals = {mode: simulation.totals[mode] for mode in modes if mode in simulation.totals}
    return Simulation(simulation.currency, simulation.days, totals)


def draw(simulation: Simulation, title: str, path: Path) -> None:
    """Write the chart; the ending decides: .svg, .png or .pdf. Modes that agree on every day share a line.

    Raises NoChartLibrary, OSError.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise NoChartLibrary from error
    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "planshift"  # the same figures give the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(10, 6), layout="constrained")
    for totals, names in _alike(simulation).items():
        values = [float(Money(total, simulation.currency).major()) for total in totals]
        axes.step([day.toordinal() for day in simulation.days], values, where="post", label=", ".join(names))
    axes.axhline(0, color="#888888", linewidth=0.8)
    axes.set_title(title)
    axes.set_ylabel(f"due on the day of the change ({simulation.currency})")
    ticks = simulation.days[:: max(1, len(simulation.days) // 10)]
    axes.set_xticks([day.toordinal() for day in ticks], [day.isoformat() for day in ticks], rotation=30, ha="right")
    figure.legend(loc="outside lower center", ncols=2, fontsize="small")
    axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)


def _alike(simulation: Simulation) -> dict[tuple[int, ...], list[str]]:
    """The names of the modes by their totals."""
    alike: dict[tuple[int, ...], list[str]] = {}
    for mode, totals in simulation.totals.items():
        alike.setdefault(totals, []).append(mode)
    return alike
