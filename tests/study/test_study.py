"""The study: one seed gives the same bytes, a stopped one goes on, and a rung that starts elsewhere stops it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import sdtheory as sd
from sdtheory.cli.main import main
from sdtheory.errors import SDError, UsageError
from sdtheory.study import study
from sdtheory.study.baseline import better_before_worse, turning
from sdtheory.study.study import STEPS, run_study

RUNS = 16
# those that need no more than the ladder itself
LIGHT = ("verdicts", "trade", "difficulties", "policies")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The study's models, with a ladder of no switches."""
    folder = tmp_path_factory.mktemp("models")
    for path in [*Path("models").glob("*.toml"), *Path("models").glob("*.xmile")]:
        shutil.copy(path, folder)
    text = (folder / "ladder.toml").read_text(encoding="utf-8")
    (folder / "ladder.toml").write_text(text.partition("[[switch]]")[0], encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def light():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "STEPS", tuple(step for step in STEPS if step[0] in LIGHT))
        yield


@pytest.fixture(scope="module")
def made(light, models, tmp_path_factory):
    """The same study twice, on one thread and on two, and one of another seed."""
    found = {}
    for name, seed, jobs in (("first", 7, 1), ("second", 7, 2), ("other", 8, 1)):
        folder = tmp_path_factory.mktemp(name)
        found[name] = folder, run_study(folder, RUNS, seed, models, jobs)
    return found


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_one_seed_gives_the_same_bytes_whatever_the_number_of_threads(made):
    first, second = (contents(made[name][0]) for name in ("first", "second"))
    expected = {"verdict.json", "verdict.md", "report.html", "04_verdict_matrix.svg", "05_trade.png"}
    assert expected <= set(first) == set(second)
    assert not [name for name in first if first[name] != second[name]]


def test_another_seed_gives_other_futures(made):
    first, other = (contents(made[name][0]) for name in ("first", "other"))
    assert set(first) == set(other)
    assert [name for name in first if name == "verdict.json" and first[name] != other[name]]
    assert first["05_trade.csv"] != other["05_trade.csv"]


def test_the_verdicts_are_what_verdict_json_holds(made):
    folder, verdicts = made["first"]
    text = (folder / "verdict.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail) == verdicts
    assert (verdicts["seed"], verdicts["runs"]) == (7, RUNS)
    assert verdicts["rungs"] == ["M0", "M1", "M2", "M3", "M4"]


def test_shares_lie_within_their_bounds_and_every_future_is_counted(made):
    verdicts = made["first"][1]
    cells = [c for p in verdicts["policies"] for row in p["metrics"] for c in row["cells"]]
    counted = [cell for cell in cells if cell["worse"] is not None]
    assert len(counted) > 200
    for cell in counted:
        assert 0 <= cell["worse_low"] <= cell["worse"] <= cell["worse_high"] <= 1
        assert cell["worse"] + cell["tie"] <= 1 + 1e-12
        assert cell["valid"] + cell["censored"] == RUNS


def test_a_policy_that_a_rung_lacks_is_reported_as_missing_and_not_as_no_effect(made):
    folder, verdicts = made["first"]
    embargo = next(policy for policy in verdicts["policies"] if policy["name"] == "embargo")
    for row in embargo["metrics"]:
        assert row["cells"][0]["worse"] is None
    text = (folder / "verdict.md").read_text(encoding="utf-8")
    block = text.partition("### embargo")[2].partition("###")[0]
    assert "| gap after 10 years | - |" in block
    assert "is not in this rung" in text


def test_metrics_that_reward_speed_are_marked_and_warned_of(made):
    folder, verdicts = made["first"]
    marked = {row["name"] for p in verdicts["policies"] for row in p["metrics"] if row["rewards_speed"]}
    assert marked == {"time to C*", "cumulative gap to C*"}
    text = (folder / "verdict.md").read_text(encoding="utf-8")
    assert "Warning: 'cumulative gap to C\\*' improves when its level is reached sooner" in text
    assert "| time to C\\* ! | 100.0 |" in text


def test_the_report_is_one_page_without_network_or_script(made):
    text = (made["first"][0] / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text and "http-equiv" in text and "default-src 'none'" in text
    for heading in (
        "Verdicts",
        "Which gets harder faster?",
        "What would change the answer",
        "Read with care",
    ):
        assert f"<h2>{heading}</h2>" in text
    assert text.count("data:image/svg+xml") == 4
    assert "C* !" in text and "C\\*" not in text


def test_a_study_that_was_stopped_goes_on_after_its_last_finished_step(
    light, models, tmp_path, made, monkeypatch
):
    asked = []

    def counted(name, make):
        def step(material):
            asked.append(name)
            if name == "difficulties" and len(asked) == 3:
                raise KeyboardInterrupt
            return make(material)

        return name, step

    monkeypatch.setattr(study, "STEPS", tuple(counted(*step) for step in study.STEPS))
    with pytest.raises(KeyboardInterrupt):
        run_study(tmp_path, RUNS, 7, models)
    assert asked == ["verdicts", "trade", "difficulties"]
    assert "verdict.json" not in contents(tmp_path)
    (tmp_path / "05_trade.csv").write_text("damaged")
    said = []
    run_study(tmp_path, RUNS, 7, models, progress=lambda done, total, text: said.append((done, total, text)))
    assert said[0] == (0, 4, "going on with a study that was stopped, 2 steps in")
    assert said[-1] == (4, 4, "report")
    assert asked[3:] == ["trade", "difficulties", "policies"]
    assert contents(tmp_path) == contents(made["first"][0])


def test_a_study_does_not_go_on_with_another(light, models, tmp_path, monkeypatch):
    asked = []

    def only(name, make):
        def step(material):
            asked.append(name)
            if len(asked) == 2:
                raise KeyboardInterrupt
            return make(material)

        return name, step

    monkeypatch.setattr(study, "STEPS", tuple(only(*step) for step in study.STEPS[:2]))
    with pytest.raises(KeyboardInterrupt):
        run_study(tmp_path, 4, 7, models)
    run_study(tmp_path, 4, 8, models)
    assert asked == ["verdicts", "trade", "verdicts", "trade"]


def test_the_gap_narrows_first_and_widens_when_printed():
    """The settings and years of models of the coarsest rung, to a tenth of a year."""
    times, changes = better_before_worse(sd.load("models/m0_seed.xmile"), years=200)
    found = {name: turning(times, change) for name, change in changes.items()}
    assert found["3, 0.2, 20"] == pytest.approx((10.4, 23.4), abs=0.15)
    assert found["5, 0.1, 10"] == pytest.approx((4.2, 7.0), abs=0.15)
    assert found["1.5, 0.2, 20"][1] != found["1.5, 0.2, 20"][1], "it never widens within 200 years"


def test_a_rung_that_starts_elsewhere_stops_the_study_and_is_named(tmp_path, models):
    folder = tmp_path / "models"
    shutil.copytree(models, folder)
    changed = sd.read(folder / "m1_delays.xmile").set_equation("initial capability", "21")
    sd.write(changed, folder / "m1_delays.xmile")
    with pytest.raises(SDError) as caught:
        run_study(tmp_path / "out", 4, 1, folder)
    for word in ("M1", "M0", "capability", "20.0", "21.0"):
        assert word in str(caught.value)
    assert caught.value.exit_code == 1
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("runs", [0, -3])
def test_no_runs_make_no_study(runs, tmp_path):
    with pytest.raises(UsageError, match="runs"):
        run_study(tmp_path, runs)
    done = CliRunner().invoke(main, ["study", "-o", str(tmp_path / "out"), "--runs", str(runs)])
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_a_folder_that_cannot_be_written_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="cannot write"):
        run_study(tmp_path / "file", 4)


@pytest.mark.parametrize("missing", ["ladder.toml", "m2_search_space.xmile"])
def test_missing_models_are_an_error_in_one_line(tmp_path, models, missing):
    folder = tmp_path / "models"
    shutil.copytree(models, folder)
    (folder / missing).unlink()
    arguments = ["study", "-o", str(tmp_path / "out"), "--runs", "4", "--models", str(folder)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code in (1, 2)
    assert missing in done.stderr
    assert "Traceback" not in done.output
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.slow
def test_the_whole_study_gives_every_figure_with_its_numbers(tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for jobs, folder in enumerate(folders, 1):
        run_study(folder, RUNS, 3, jobs=jobs)
    one, two = map(contents, folders)
    assert one == two
    for number in range(1, 13):
        for suffix in ("svg", "png", "csv"):
            assert any(name.startswith(f"{number:02}_") and name.endswith(suffix) for name in one), (
                number,
                suffix,
            )
    checked = one["11_checks.csv"].decode().splitlines()
    assert len(checked) == 6
