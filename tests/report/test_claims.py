"""The ledger's page and picture: made from the rows of the ledger, and from nothing else."""

import dataclasses
import math

import pandas
import pytest
from matplotlib.colors import to_hex

from gmbench.report.figures import claims as figures_claims
from gmbench.report.pages import claims, experiment, index
from gmbench.report.site import write
from gmbench.results import read as results
from gmbench.results.columns import COLUMNS
from gmbench.results.ledger import Finding, LedgerRow
from gmbench.results.read import Results
from gmbench.runs.spec import Spec
from gmbench.store.files import write_json


def claim(name, verdict="agrees", **more):
    """A row of the ledger; what is found may be given among the rest, as JSON has it."""
    row = {
        **{"id": name, "paper": "kumar", "experiment": "kumar", "source": "Fig. 3", "statement": f"best of {name}"},
        **{"published": 4.2, "printed": "about 4.2 %", "unit": "%", "dataset": "mnist", "budget": "paper"},
        **{"protocol": "", "detail": "", "remark": "", "parts": (), "tests": ()},
        "command": "gmbench run kumar --data mnist --budget paper --store STORE",
        **{"margin": 0.47, "measured": 4.21, "shown": "4.21", "interval": [4.0, 4.5], "low": 3.73, "high": 4.67},
        **{"prediction": [3.9, 4.6], "resolution": 1.05, "said": verdict, "needed": None, "p": None, "holm": None},
        **{"seeds": 5, "verdict": verdict, **more},
    }
    row = {"datasets": [row["dataset"]]} | row
    found = Finding(**{field.name: row.pop(field.name) for field in dataclasses.fields(Finding)})
    return LedgerRow(**row, found=found)


def part(shown, verdict):
    return dataclasses.replace(claim("P").found, shown=shown, verdict=verdict, said=verdict)


def found(*rows):
    """Results with these claims and no cells."""
    empty = {kind: pandas.DataFrame(columns=list(COLUMNS[kind])) for kind in ("checks", "timings", "cells")}
    return Results(**empty, claims=rows)


def page(*rows):
    return "\n\n".join(claims.page(found(*rows)).parts)


def section(markdown, heading):
    return markdown.partition(f"## {heading}\n")[2].partition("\n\n## ")[0]


def row(markdown, first):
    return next(
        [c.strip() for c in li.split("|")[1:-1]] for li in markdown.splitlines() if li.startswith(f"| {first} ")
    )


MIXED = (
    claim("A", protocol="the last epoch"),
    claim(
        *("B", "differs, ours worse"),
        said="differs, ours worse, 2.14 times as large",
        measured=9.0,
        shown="9.00",
        interval=[8.0, 9.5],
        remark="The rate is ours.",
    ),
    claim(
        "C",
        "too few seeds",
        said="too few seeds (9 would decide)",
        detail="2 of 5 seeds diverged",
        protocol="the last epoch",
    ),
    claim("D", "not run", measured=None, shown="", interval=None, seeds=0, dataset="fashion-mnist"),
    claim("E", paper="gmnm", experiment="else"),
)


def test_a_part_without_cells_has_no_empty_line():
    parts = (part("", "not run"), part("error 2", "holds"))
    shown = page(claim("P", "not run", measured=None, shown="", interval=None, parts=parts, detail="no cells of bl"))
    assert "error 2: holds; no cells of bl" in shown and ": not run" not in shown


def test_verdicts_are_counted_by_paper():
    markdown = page(*MIXED)
    assert row(markdown, "gmnm") == ["gmnm", "1", "1", "0", "0", "0"]
    assert row(markdown, "kumar") == ["kumar", "4", "1", "1", "1", "1"]
    assert row(markdown, "all") == ["all", "5", "2", "1", "1", "1"]
    assert row("\n".join(index.page(found(*MIXED)).parts), "kumar") == ["kumar", "4", "1", "1", "1", "1"]
    assert "[Claims](claims.md)" in "\n".join(index.page(found(*MIXED)).parts)


def test_a_claim_is_shown_with_what_the_paper_says_and_ours():
    markdown = section(page(*MIXED), "Paper kumar")
    expected = ["A", "best of A (Fig. 3)", "about 4.2 %", "0.47", "4.21 % (4.00 to 4.50)", "5", "**agrees**"]
    assert row(markdown, "A") == expected
    assert row(markdown, "D")[-3:] == ["–", "–", "**not run**"]
    assert "| E |" not in markdown
    assert "By cells on mnist, budget paper; D on fashion-mnist, budget paper." in markdown


def test_a_claim_of_several_data_sets_names_them_all():
    rows = [claim("A", dataset="a", datasets=["a", "b", "c"]), claim("B", dataset="a", datasets=["a"])]
    markdown = page(*rows, claim("C", dataset="a", datasets=["a"]))
    assert "By cells on a, budget paper; A on a, b and c, budget paper." in markdown


def test_words_and_numbers_are_measured_alike():
    def ours(**more):
        return claims.ours(claim("A", **more))

    said = "best error, %, kumar - bl -2.3 (-3.1 to -1.6)"
    assert ours(shown=said, measured=-2.3, interval=[-3.1, -1.6]) == said, "with its interval already"
    assert ours(shown="938", unit="steps", interval=[900.0, 1876.0]) == "938 steps (900 to 1,876)"
    assert ours(shown="4.21 %", interval=None) == "4.21 %", "the unit once"
    assert ours(shown="", measured=4.25, interval=None) == "4.25 %"
    assert ours(shown="", measured=None, interval=None) == ""
    assert ours(shown="0.004", unit="", interval=[0.0031, 0.0052]) == "0.004 (0.0031 to 0.0052)"


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ((2e-5, 0.28), "2.00e-05 to 0.280"),  # decades
        ((3e-8, 4e-8), "3.00e-08 to 4.00e-08"),  # beyond the decimals
        ((0.3, 4.2), "0.300 to 4.20"),
        ((-0.004, 0.5), "-0.00400 to 0.500"),
        ((4.0, 4.5), "4.00 to 4.50"),
        ((-0.3, 4.2), "-0.30 to 4.20"),  # a difference
        ((0.0, 0.5), "0.00 to 0.50"),
        ((0.0, 0.0), "0.00 to 0.00"),
    ],
)
def test_both_ends_of_an_interval_can_be_read(ends, shown):
    assert claims.ours(claim("A", shown="1", unit="", interval=list(ends))) == f"1 ({shown})"


def test_what_had_to_be_decided_is_said_once():
    protocol = section(page(*MIXED), "What had to be decided")
    assert "- **A, C**: the last epoch" in protocol and protocol.count("the last epoch") == 1
    assert "**B**" not in protocol
    assert "What had to be decided" not in page(claim("A"))


def test_what_does_not_hold_is_told_in_a_paragraph_each():
    markdown = page(*MIXED)
    (told,) = [line for line in section(markdown, "What differs, or does not hold").splitlines() if line]
    assert told.startswith(
        "**B**, differs, ours worse, 2.14 times as large. Best of B (Fig. 3). "
        "The paper says: about 4.2 % (margin 0.47)."
    )
    assert "Here: 9.00 % (8.00 to 9.50), 5 seeds." in told and told.endswith("The rate is ours.")
    assert "2 of 5 seeds diverged." in section(markdown, "What stays open")
    assert markdown.count("2 of 5 seeds diverged") == 1, "not again behind the table"
    assert "The numbers behind:\n\n- **A**: p = 0.01" in page(claim("A", detail="p = 0.01"))
    assert "What differs" not in page(claim("A"))


def test_the_rules_and_the_commands_are_there():
    markdown = page(*MIXED, claim("F", command="gmbench run kumar-single --data mnist --budget quick --store STORE"))
    rules = section(markdown, "How verdicts are made")
    for words in ("*agrees*", "*differs, ours better*", "*holds*", "*reversed*", "*No difference*", "*does not hold*"):
        assert words in rules
    for words in ("**Too few seeds**", "**Depends on a choice**", "**Undecidable by runs**", "**Not run**", "Berger"):
        assert words in rules
    assert "was simulated" in rules and "Benjamini" not in rules, "no test, nothing to adjust"
    tested = section(page(claim("A", tests=(0.001, 0.04)), claim("B", tests=(0.03, 0.9))), "How verdicts are made")
    assert "All 4 tests of the ledger together: 3 decide at 5 % each alone, 1 after Benjamini and Hochberg" in tested
    assert "Those that it loses are of A, B." in tested
    commands = section(markdown, "How to run it again")
    assert commands.count("gmbench run kumar --data mnist --budget paper --store STORE") == 1
    assert "gmbench run kumar-single --data mnist --budget quick --store STORE" in commands
    assert commands.index("gmbench run") < commands.index("gmbench report --store STORE --output FOLDER")


def test_claims_that_lack_numbers_are_shown():
    nothing = {"margin": None, "measured": None, "shown": "", "interval": None, "low": None, "high": None, "seeds": 0}
    bare = claim("A", "not run", statement="s", source="", printed="5", unit="", **nothing)
    markdown = page(bare, claim("B", margin=None, interval=None, low=None, high=math.inf))
    assert row(markdown, "A")[1:] == ["s", "5", "–", "–", "–", "**not run**"]
    assert row(markdown, "B")[2:] == ["about 4.2 %", "–", "4.21 %", "5", "**agrees**"]
    assert "nan" not in markdown.lower()
    assert "No claims" in "\n".join(claims.page(found()).parts)
    odd = claim("A", printed="", published=(9, 10), interval=(1, math.inf))
    assert claims.says(odd) == "9 to 10 %" and claims.ours(odd) == "4.21 %"


def test_markup_in_claims_is_text():
    markdown = page(claim("A|B", statement="`x` <b> | y"))
    assert "A\\|B" in markdown and "\\`x\\` \\<b\\> \\| y" in markdown


# the picture


def line(**more):
    return figures_claims.Row(
        **{**dict(label="A", low=3.0, high=5.0, resolution=2.0, centre=4.5, interval=(4.0, 6.0)), **more}
    )


def shown(*rows):
    (axes,) = figures_claims.forest(rows, "t").axes
    return axes


def marks(axes):
    return [(ln.get_marker(), ln.get_xdata()[0]) for ln in axes.lines if len(ln.get_xdata()) == 1]


def test_positions_are_in_resolutions():
    at = figures_claims.position
    row = line(verdict="agrees")
    assert [at(row, value) for value in (3, 4, 5, 6)] == [-0.5, 0, 0.5, 1]
    exact = line(low=7.0, high=7.0, resolution=0.0, verdict="agrees")
    assert at(exact, 7) == 0 and at(exact, 8) == math.inf and at(exact, 6) == -math.inf


def test_the_picture_shows_ours_in_the_colour_of_the_verdict():
    axes = shown(*(line(verdict=verdict, interval=None) for verdict in ("agrees", "reversed", "differs, ours better")))
    assert marks(axes) == [("o", 0.25), ("X", 0.25), ("P", 0.25)]
    axes = shown(line(verdict="agrees"))
    intervals = [ln for ln in axes.lines if ln.get_linewidth() == 2 and len(ln.get_xdata()) == 2]
    assert [list(ln.get_xdata()) for ln in intervals] == [[0, 1]]
    assert to_hex(intervals[0].get_color()).upper() == figures_claims.LOOKS["agrees"][0]
    assert axes.get_xlim() == (-figures_claims.REACH, figures_claims.REACH)


def test_what_lies_far_outside_is_an_arrow():
    reach = figures_claims.REACH
    assert marks(shown(line(centre=40.0, interval=(39.0, 41.0), verdict="differs, ours worse"))) == [(">", reach)]
    assert marks(shown(line(centre=-40.0, interval=None, verdict="differs, ours worse"))) == [("<", -reach)]
    low = marks(shown(line(centre=-40.0, interval=(-41.0, -39.0), verdict="differs, ours worse")))
    assert low == [("<", -reach)]
    wide = marks(shown(line(interval=(-90.0, 90.0), verdict="too few seeds")))
    assert wide == [("<", -reach), (">", reach), ("D", 0.25)]


def test_only_claims_with_a_band_and_a_number_are_in_the_picture():
    ordering = claim("A", low=None, high=None, measured=-2.0, shown="lower")
    made = claims.page(found(ordering, claim("B"), MIXED[3]))
    (axes,) = made.figures["claims"].axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["B best of B"]
    assert "2 claims without a published band or a number of ours" in "\n".join(made.parts)
    assert not claims.page(found(ordering)).figures
    assert not claims.page(found(claim("A", measured="5 %"))).figures, "a text is no number"
    explicit = claims.page(found(claim("A", measured=5.0, shown="5 %"))).figures["claims"]
    assert marks(explicit.axes[0]) == [("o", pytest.approx(0.8 / 1.05))]


# in a report


def cell(store, seed, **spec):
    known = {"experiment": "kumar", "version": 2, "data": "mnist", "digest": "d", "budget": "paper", "epochs": 20}
    known |= {"arm": "kumar", "seed": seed, "device": "cpu", "implementation": {"name": "gm/compiled"}}
    rows = [{"epoch": e, "step": 938 * e, "test_error": 4.2 if e else 90.0, "test_loss": 1.0} for e in range(21)]
    said = known | {"initialisation": None} | spec
    content = {"schema": 1, "kind": "cells", "id": Spec.of(said).id, "spec": said}
    write_json(store / "cells" / f"{seed}.json", content | {"seconds": 1.0, "epochs": rows, "measures": {}})


def test_an_experiment_shows_its_own_claims_and_links_to_the_ledger(tmp_path):
    for seed in range(3):
        cell(tmp_path, seed)
    read = results.read(tmp_path)
    rows = [claim("A"), claim("B", experiment="kumar-single"), claim("C", "not run", experiment="kumar")]
    text = "\n\n".join(experiment.page(dataclasses.replace(read, claims=rows), "kumar").parts)
    part = section(text, "Claims and verdicts")
    assert row(part, "A")[-1] == "**agrees**" and "| C |" in part and "| B |" not in part
    assert "[the ledger](claims.md)" in part
    front = section(text, "What holds, and what does not")
    assert "**Agrees, 1 of 2**: best of A" in front and "**Not run, 1 of 2**: C, `gmbench run kumar" in front
    assert text.index("## What holds,") < text.index("## mnist, budget"), "in front of the tables"
    text = "\n\n".join(experiment.page(dataclasses.replace(read, claims=rows[2:]), "kumar").parts)
    assert "Claims and verdicts" not in text and "What holds" not in text, "nothing of it was run"


def test_what_holds_is_said_in_words_and_numbers_are_counted():
    said = claims.summary(MIXED[:4]).splitlines()
    assert said == [
        "- **Agrees, 1 of 4**: best of A (A: 4.21 % (4.00 to 4.50), the paper says about 4.2 %).",
        "- **Differs, ours worse, 1 of 4**: best of B (B: 9.00 % (8.00 to 9.50), the paper says about 4.2 %).",
        "- **Too few seeds, 1 of 4**: best of C (C: 4.21 % (4.00 to 4.50), the paper says about 4.2 %).",
        "- **Not run, 1 of 4**: D, `gmbench run kumar --data mnist --budget paper --store STORE`.",
    ]
    ordering = {"statement": "A beats B", "printed": "ordering", "measured": 2, "shown": "2 of 3 hold"}
    ordering = claim("X-09", **ordering, **dict.fromkeys(("margin", "low", "high", "interval")))
    band = dict(low=3.0, high=5.0)
    rows = [claim(f"X-{i:02d}", measured=ours, shown=f"{ours}", **band) for i, ours in ((1, 2.0), (2, 4.0), (4, 6.0))]
    (line,) = claims.summary([*rows, ordering]).splitlines()
    assert "A beats B (X-09: 2 of 3 hold); 3 printed numbers, ours 0.500 to 1.50 times theirs" in line
    assert line.endswith("(X-01 to X-02, X-04).")
    counts = [claim(f"X-{i:02d}", margin=0, low=None, high=None) for i in (9, 10, 11)]
    assert "3 exact numbers (X-09 to X-11)." in claims.summary(counts)
    crossing = [*rows[1:], claim("X-05", measured=-1.0, shown="-1", **band)]
    assert "3 printed numbers (X-02, X-04 to X-05)" in claims.summary(crossing)


def test_the_ledger_of_a_store_rests_on_its_cells_alone(tmp_path, monkeypatch):
    (tmp_path / "gmbench-results" / "checks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GMBENCH_STORE", raising=False)
    assert not any(row.found.seeds for row in results.read().claims), "not on the committed results"
    for seed in range(3):
        cell(tmp_path / "gmbench-results", seed)
    assert "agrees" in {row.verdict for row in results.read().claims}
    text = (write(output=tmp_path / "out").parent / "claims.md").read_text()
    assert "4.2 % (4.20 to 4.20)" in text or "4.20 % (4.20 to 4.20)" in text
