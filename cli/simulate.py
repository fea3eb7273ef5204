"""planshift simulate: one change priced on every day of a period, as the rules decide it or under named modes."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cli.catalog_source import read_catalog
from domain.catalog_file import NAMED_PRORATIONS
from domain.catalog_problems import nearest
from domain.money import Money
from domain.policy import Decision
from domain.pricing.modes import Proration
from domain.pricing.simulate import Simulation, follow_rules, fresh_service, simulate, table_of
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


ALL_MODES = "all"


class UnusableMode(Exception):
    """A mode that does not exist, or that does not price this change."""


class NoChartLibrary(Exception):
    """Charts need the extra `charts`: pip install "planshift[charts]"."""

    def __str__(self) -> str:
        return 'charts need matplotlib; install it with: pip install "planshift[charts]"'


def answer(file: Path, request: SimulationRequest, modes: tuple[str, ...] = ()) -> Simulation:
    """The priced days: by the catalogue's own rules, or under these modes.

    Raises UnreadableFile, CatalogError, ChangeError, UnusableMode.
    """
    check_modes(modes)
    catalog = read_catalog(file)
    service = fresh_service(catalog, request.from_plan, request.from_cycle, request.currency, request.start)
    target, buyer = Target(request.to_plan, request.to_cycle), Buyer(request.country)
    if not modes:
        return follow_rules(catalog, service, target, buyer)
    if ALL_MODES in modes:
        return simulate(catalog, service, target, buyer)
    simulation = simulate(catalog, service, target, buyer, modes)
    left_out = [mode for mode in modes if mode not in simulation.totals]
    if left_out:
        cycles = f"{request.from_cycle} to {request.to_cycle}"
        raise UnusableMode(f"{left_out[0]} compares prices of one cycle; choose another mode for {cycles}.")
    return simulation


def check_modes(modes: tuple[str, ...]) -> None:
    """Raises UnusableMode for the first that does not exist, with those that do."""
    known = (ALL_MODES, *sorted(NAMED_PRORATIONS))
    for mode in modes:
        if mode not in known:
            meant = nearest(mode, known)
            question = f" Did you mean {meant!r}?" if meant else ""
            raise UnusableMode(f"There is no mode {mode!r}; choose one of {', '.join(known)}.{question}")


def document_of(simulation: Simulation) -> dict[str, Any]:
    """{"currency", "rule": what decided or None, "rows": header and rows of text}."""
    rule = _rule_as_json(simulation.decision) if simulation.decision else None
    return {"currency": simulation.currency, "rule": rule, "rows": table_of(simulation)}


def _rule_as_json(decision: Decision) -> dict[str, Any]:
    how = decision.proration
    return {
        "rule": decision.rule,
        "direction": decision.direction.value,
        "outcome": decision.outcome.value,
        "proration": how.model_dump(mode="json", exclude_none=True) if how else None,
    }


def rule_sentence(decision: Decision) -> str:
    """Which rule decided and how, for the line above the table."""
    how = f", {_name_of(decision.proration)}" if decision.proration else ""
    return f"rules.{decision.rule} decides: {decision.direction}, {decision.outcome}{how}"


def _name_of(proration: Proration) -> str:
    """The preset that it is, or its axes."""
    presets = [name for name, preset in NAMED_PRORATIONS.items() if preset == proration]
    axes = proration.model_dump(mode="json", exclude_none=True)
    return presets[0] if presets else ", ".join(f"{axis} {str(value).lower()}" for axis, value in axes.items())


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
