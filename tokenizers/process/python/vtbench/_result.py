"""What an evaluation found."""

from __future__ import annotations

import json
import math
import os
from typing import Any, Dict, List, NamedTuple, Optional, Union

from . import _running


class Scalar(NamedTuple):
    """A mean with its 95 % interval (NaN where there is none), over ``n`` values."""

    mean: float
    lo: float
    hi: float
    n: int


class Case(NamedTuple):
    """A place where a model did badly: two pictures, and the value of the metric."""

    item: str
    condition: str
    metric: str
    value: float
    original: str  # PNG file
    reconstruction: str  # PNG file
    expected: str  # the label, where the item has one
    got: str  # what was read in the reconstruction


def _number(v: Any) -> float:
    return math.nan if v is None else float(v)


class Evaluation:
    """A run on disk, seen from one of its tokenizers.

    path      the run directory: everything below is read from it, and every command of
              the program takes it
    name      the model's label
    summary   ``summary.json`` as it is
    manifest  ``manifest.json`` as it is
    status    exit status of the run: 0, or 4 where items failed
    seconds   how long it took
    warnings  what the program warned of
    """

    def __init__(self, path: str, name: str, summary: Dict[str, Any], manifest: Dict[str, Any]) -> None:
        self.path = path
        self.name = name
        self.summary = summary
        self.manifest = manifest
        self.status = 0
        self.seconds = math.nan
        self.warnings: List[str] = []
        self._table: Optional[str] = None

    @classmethod
    def open(cls, path: Union[str, "os.PathLike[str]"], name: str = "model") -> "Evaluation":
        """A run that was made before, by this package or by the command line."""
        path = os.fspath(path)
        with open(os.path.join(path, "summary.json"), encoding="utf-8") as f:
            summary = json.load(f)
        with open(os.path.join(path, "manifest.json"), encoding="utf-8") as f:
            manifest = json.load(f)
        names = [t["name"] for t in manifest["tokenizers"]]
        if name not in names:
            raise ValueError(f"{path} has no tokenizer {name!r}, only {', '.join(names)}")
        return cls(path, name, summary, manifest)

    @property
    def report(self) -> str:
        """The page with all tables, plots and pictures."""
        return os.path.join(self.path, "report.html")

    def table(self) -> str:
        """The headline table as the program prints it."""
        if self._table is None:
            self._table = _running.call(["report", self.path, "--quiet"])[0]
        return self._table

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"<vtbench.Evaluation {self.name} of suite {self.manifest['suite']['id']} in {self.path}>"

    @property
    def rows(self) -> List[Dict[str, Any]]:
        """The summary's rows of this model."""
        return [r for r in self.summary["rows"] if r["tokenizer"] == self.name]

    @property
    def failures(self) -> List[Dict[str, Any]]:
        """Items that failed for this model, or could not be loaded, as the program counts
        them: one that cost values of several metrics or labels is one."""
        out: Dict[Any, Dict[str, Any]] = {}
        for e in self.summary.get("errors") or []:
            if e.get("tokenizer", "") in ("", self.name):
                out.setdefault((e.get("dataset"), e.get("item"), e.get("condition"), e["error"]), e)
        return list(out.values())

    def value(self, metric: str, condition: Optional[str] = None, dataset: Optional[str] = None, bin: Optional[str] = None) -> Scalar:
        """One number. What is left out must not matter: a KeyError names what there is.
        The bin is that of the headline, the mean over bins, unless one is named."""
        found = [
            r
            for r in self.rows
            if r["metric"] == metric and (condition is None or r["condition"] == condition) and (dataset is None or r["dataset"] == dataset)
        ]
        if bin is not None:
            found = [r for r in found if r["bin"] == bin]
        elif any(r["bin"] == "mean" for r in found):
            found = [r for r in found if r["bin"] == "mean"]
        else:
            found = [r for r in found if r["bin"] == ""]
        if len(found) != 1:
            have = sorted({(r["metric"], r["dataset"], r["condition"], r["bin"]) for r in (found or self.rows)})
            raise KeyError(f"{metric!r}: {'several' if found else 'no'} values; (metric, dataset, condition, bin) of what there is: {have}")
        return _scalar(found[0])

    def scalars(self) -> Dict[str, Scalar]:
        """The suite's metrics for logging, under SUITE/DATASET/CONDITION/METRIC: of each
        the mean over bins, where it has bins, that the headline shows. A metric without
        a value is not there."""
        out: Dict[str, Scalar] = {}
        for r in self.rows:
            key = f"{r['suite']}/{r['dataset']}/{r['condition']}/{r['metric']}"
            if r["mean"] is not None and (r["bin"] == "mean" or r["bin"] == "" and key not in out):
                out[key] = _scalar(r)
        return out

    def worst(self, n: int = 8) -> List[Case]:
        """The cases that the report shows as its worst for this model, worst first."""
        path = os.path.join(self.path, "images", "cases.json")
        try:
            with open(path, encoding="utf-8") as f:
                cases = json.load(f)
        except FileNotFoundError:
            return []
        mine = [c for c in cases if c["why"] == "worst" and c.get("tokenizer") == self.name and c.get("original") and c.get("reconstruction")]
        better = {m["id"]: m["better"] for m in self.manifest["metrics"]}
        mine.sort(key=lambda c: _number(c.get("value")) * (-1 if better.get(c.get("metric", "")) == "lower" else 1))
        return [
            Case(
                c["item"],
                c["condition"],
                c.get("metric", ""),
                _number(c.get("value")),
                os.path.join(self.path, c["original"]),
                os.path.join(self.path, c["reconstruction"]),
                c.get("expected", ""),
                c.get("got", ""),
            )
            for c in mine[:n]
        ]

    def to_pandas(self) -> Any:
        """All rows of the summary, of all tokenizers, as a pandas.DataFrame."""
        import pandas

        return pandas.DataFrame(self.summary["rows"])

    def compare(self, baseline: Union["Evaluation", str, "os.PathLike[str]"], *, margins: Optional[Dict[str, Any]] = None) -> "Comparison":
        """Whether this model is better than another, image by image. The baseline is a
        result, or what ``vtbench compare`` takes: the directory of a run, with
        #TOKENIZER behind it where that is not called like this model, or a file of
        ``vtbench baseline``. Margins are the smallest differences that matter,
        {"t-acc": 0.01} or {"psnr": "2%"}."""
        base = f"{baseline.path}#{baseline.name}" if isinstance(baseline, Evaluation) else os.fspath(baseline)
        if not isinstance(baseline, Evaluation) and "#" not in base and os.path.isdir(base):
            base += "#" + self.name
        args = ["compare", base, f"{self.path}#{self.name}"]
        for metric, by in (margins or {}).items():
            args += ["--margin", f"{metric}={by}"]
        out, _ = _running.call([*args, "--format", "json"], ok=(_running.DONE, _running.ITEMS_FAILED))
        return Comparison(json.loads(out), args)

    def model_index(self) -> str:
        """The run as the ``model-index`` of a Hugging Face model card, in YAML."""
        return _running.call(["report", self.path, "--format", "model-index", "--tokenizer", self.name, "--quiet"])[0]


def _scalar(r: Dict[str, Any]) -> Scalar:
    return Scalar(_number(r["mean"]), _number(r["lo"]), _number(r["hi"]), int(r["n"]))


class Comparison:
    """A paired comparison: ``data`` is the JSON that ``vtbench compare`` writes."""

    def __init__(self, data: Dict[str, Any], args: List[str]) -> None:
        self.data = data
        self._args = args

    @property
    def rows(self) -> List[Dict[str, Any]]:
        """One a metric, condition and bin: baseline, candidate, delta, lo, hi, verdict, …"""
        return self.data["rows"]

    @property
    def verdicts(self) -> Dict[str, str]:
        """The headline's verdicts by DATASET/CONDITION/METRIC: "better", "worse",
        "equivalent", "no difference shown", …"""
        return {f"{r['dataset']}/{r['condition']}/{r['metric']}": r["verdict"] for r in self.rows if r.get("headline")}

    def table(self) -> str:
        """The comparison as the program prints it."""
        return _running.call(self._args, ok=(_running.DONE, _running.ITEMS_FAILED))[0]

    def to_pandas(self) -> Any:
        """The rows as a pandas.DataFrame."""
        import pandas

        return pandas.DataFrame(self.rows)

    __str__ = table
