"""The tables of an experiment file made into policies, uncertainties and metrics; every fault is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdtheory.errors import shown
from sdtheory.experiments.faults import MOST_ROWS, finite
from sdtheory.experiments.metric_reader import MetricReader
from sdtheory.experiments.policy_reader import POLICY_KEYS, PolicyReader
from sdtheory.experiments.toml_file import lies_inside
from sdtheory.experiments.uncertainty import METHODS, MOST_POINTS, Uncertainty, grid_size
from sdtheory.experiments.uncertainty_reader import UncertaintyReader
from sdtheory.limits import Limits
from sdtheory.model.expression import Expression
from sdtheory.names import canonical, unknown

TABLES = {
    "title", "model", "include", "simulation", "baseline", "policy", "factorial", "uncertainty", "derived",
    "correlation", "sampling", "metric", "fixed", "loop",
}  # fmt: skip
SIMULATION_KEYS = {"start", "stop", "time_step", "save_every", "method"}
SAMPLING_KEYS = {"method", "runs", "seed", "levels", "path", "columns"}
LOOP_KEYS = {"name", "polarity", "through"}
FIXED_KEYS = {"value", "source", "note"}
MOST_RUNS = 100_000_000
MOST_SEED = 2**63 - 1


class Reader(PolicyReader, MetricReader, UncertaintyReader):
    """Reads the tables and gathers every fault with its line."""

    def experiment(self, tables: dict, folder: Path, limits: Limits) -> dict[str, Any]:
        """The fields of an `Experiment`.

        Parameters
        ----------
        tables : dict
            Of the file and those that it includes.
        folder : Path
            The folder of the file.
        limits : Limits
        """
        self.folder, self.limits = folder, limits
        self.keys(tables, TABLES, "the experiment")
        baseline = self.policy({"name": "baseline", **self.table(tables, "baseline", POLICY_KEYS)}, {})
        policies = self.policies(tables, baseline)
        metrics = self.metrics(tables)
        rows = self.table(tables, "uncertainty").items()
        uncertainties = [one for name, row in rows if (one := self.uncertainty(name, row)) is not None]
        model = self.text(tables, "model", "the experiment")
        if model and not lies_inside(model, folder):
            self.fault(f"model '{shown(model)}' lies outside the experiment's folder", "model")
        return {
            "policies": policies,
            "metrics": metrics,
            "uncertainties": tuple(uncertainties),
            "derived": self.derived(tables),
            "correlations": self.correlations(tables, [u.name for u in uncertainties]),
            "baseline": baseline,
            **self.sampling(tables, uncertainties),
            "simulation": self.simulation(tables),
            "loops": self.loops(tables),
            "fixed": self.fixed(tables),
            "title": self.text(tables, "title", "the experiment"),
            "model": model,
        }

    def sampling(self, tables: Mapping, uncertainties: list[Uncertainty]) -> dict[str, Any]:
        """The fields of an `Experiment` that say how futures are sampled."""
        table = self.table(tables, "sampling", SAMPLING_KEYS)
        method = self.text(table, "method", "[sampling]", "sobol")
        if method not in METHODS:
            self.fault(str(unknown("sampling method", method, METHODS)), "[sampling]", "method")
        for key, own in (("levels", "grid"), ("path", "file"), ("columns", "file")):
            if key in table and method != own:
                self.fault(f"[sampling]: '{key}' is only for method \"{own}\"", "[sampling]", key)
        found: dict[str, Any] = {
            "method": method,
            "runs": self.whole(table, "runs", 1024, 1, MOST_RUNS),
            "seed": self.whole(table, "seed", 1, 0, MOST_SEED),
        }
        if method == "grid":
            found["levels"] = levels = self.whole(table, "levels", 5, 1, MOST_POINTS)
            count = grid_size(uncertainties, levels)
            if count > MOST_POINTS:
                self.fault(
                    f"the grid has {count:,} points; the limit is {MOST_POINTS:,}", "[sampling]", "levels"
                )
            if table.get("runs", count) != count:
                self.fault(f"runs = {table['runs']}, but the grid has {count:,} points", "[sampling]", "runs")
        if method == "file":
            found["path"] = self.text(table, "path", "[sampling]")
            found["columns"] = self.columns(table, found["path"])
            rows = min(map(len, found["columns"].values()), default=0)
            if "runs" not in table:
                found["runs"] = max(rows, 1)
            elif found["columns"] and found["runs"] > rows:
                self.fault(f"runs = {found['runs']}, but the file has {rows:,} rows", "[sampling]", "runs")
        return found

    def columns(self, table: Mapping, path: str) -> dict[str, tuple[float, ...]]:
        """The futures of a file, or those that stand in the experiment itself."""
        if "columns" in table:
            given = self.table(table, "columns")
            found = {key: self.numbers(value, "[sampling]", key) or () for key, value in given.items()}
            if len(set(map(len, found.values()))) > 1:
                self.fault("[sampling]: the columns are not all of one length", "[sampling]", "columns")
            return found
        if not path:
            self.fault('[sampling]: method "file" needs a path', "[sampling]", "method")
            return {}
        return self.columns_of(path, "[sampling]", "path")

    def simulation(self, tables: Mapping) -> dict[str, Any]:
        found = self.table(tables, "simulation", SIMULATION_KEYS)
        kept: dict[str, Any] = {
            key: self.number(found, key, "[simulation]")
            for key in found
            if key in SIMULATION_KEYS - {"method"}
        }
        if "method" in found:
            kept["method"] = self.text(found, "method", "[simulation]")
            if kept["method"] not in ("euler", "rk4"):
                self.fault(str(unknown("method", kept["method"], ("euler", "rk4"))), "[simulation]", "method")
        return kept

    def loops(self, tables: Mapping) -> tuple[dict[str, Any], ...]:
        found = []
        for row in self.rows(tables, "loop"):
            name = self.text(row, "name", "a loop")
            where = f"loop '{name}'"
            self.keys(row, LOOP_KEYS, where)
            self.text(row, "polarity", where)
            self.texts(row, "through", where)
            found.append(row)
        return tuple(found)

    def fixed(self, tables: Mapping) -> dict[str, dict[str, Any]]:
        found = self.table(tables, "fixed")
        for name, row in found.items():
            if not isinstance(row, dict):
                self.fault(f"[fixed]: '{name}' must be a table", "[fixed]", name)
                continue
            self.keys(row, FIXED_KEYS, f"'{name}'")
            if "value" in row:
                self.number(row, "value", f"'{name}'")
        return {name: row for name, row in found.items() if isinstance(row, dict)}

    def derived(self, tables: Mapping) -> dict[str, Expression]:
        found = {}
        for name, text in self.table(tables, "derived").items():
            formula = self.formula(text, name, "[derived]", name)
            if formula is not None:
                found[name] = formula
        return found

    def correlations(self, tables: Mapping, names: list[str]) -> tuple[tuple[str, str, float], ...]:
        found = []
        pairs = self.table(tables, "correlation", {"pairs"}).get("pairs", [])
        if not isinstance(pairs, list) or len(pairs) > MOST_ROWS:
            self.fault(f"[correlation]: 'pairs' must be a list of at most {MOST_ROWS:,}", "[correlation]")
            return ()
        by_key = {canonical(name): name for name in names}
        for row in pairs:
            share = finite(row[2]) if isinstance(row, list) and len(row) == 3 else None
            if share is None or not -1 <= share <= 1 or not all(isinstance(name, str) for name in row[:2]):
                self.fault("a correlation is [name, name, number between -1 and 1]", "[correlation]", "pairs")
                continue
            if all(self.known(name, names, "uncertainty") for name in row[:2]):
                found.append((by_key[canonical(row[0])], by_key[canonical(row[1])], share))
        return tuple(found)
