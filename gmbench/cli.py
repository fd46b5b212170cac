"""The command line: thin commands over the library; everything heavy is imported inside the command."""

from __future__ import annotations

import contextlib
import functools
import json
import sys

import click

from gmbench import __version__
from gmbench.contract import ContractError
from gmbench.runs import ENGINES
from gmbench.timing.sizes import ALLOCATORS, PASSES, STEP

TIMED = (*PASSES, STEP)


class Number(click.FloatRange):
    """A number in a range; NaN, which is in every range, is none."""

    def convert(self, value, param, ctx):
        found = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value!r} is not a number.", param, ctx)
        return found


class Group(click.Group):
    """A group that lists its commands in the order of a first session and turns bad input into one line."""

    def list_commands(self, ctx):
        return list(self.commands)

    def resolve_command(self, ctx, args):
        from gmbench.registry import nearest

        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise Failure(f"there is no command {name!r}{nearest(name, self.commands)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx):
        try:
            with _one_line():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("gmbench: interrupted", err=True)
            sys.exit(130)

    def parse_args(self, ctx, args):
        if not args:
            return super().parse_args(ctx, args)  # prints the help
        with _one_line():
            return super().parse_args(ctx, args)


class Failure(click.ClickException):
    """One line on standard error, exit status 2."""

    exit_code = 2

    def show(self, file=None):
        click.echo(f"gmbench: {self.format_message()}", err=True)


@contextlib.contextmanager
def _one_line():
    """Turn bad input, also what click finds wrong, into a failure of one line."""
    try:
        yield
    except ContractError as error:
        raise Failure(str(error)) from None
    except BrokenPipeError:  # whoever read the output has had enough
        raise
    except OSError as error:  # a folder that may not be read, a name that is too long, a disk that is gone
        where = f"{error.filename}: " if error.filename else ""
        raise Failure(f"{where}{error.strerror or error}") from None
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "gmbench"
        raise Failure(f"{error.format_message()} ({where} --help says more)") from None


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gmbench")
def main():
    """Check, time and compare Gaussian-mixture neural layers."""


def emit(rows) -> None:
    """Print what a program will read."""
    click.echo(json.dumps(rows, indent=1, default=str))


# -- implementations: list, new, verify ------------------------------------------------------------------------------


@main.command("list")
@click.argument("name", required=False)
@click.option("--implementation", "-i", "files", multiple=True, metavar="FILE", help="An outside file to list too.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(name, files, device, as_json):
    """List layer types and implementations, available or not, and what could not be loaded."""
    from gmbench import registry

    found = registry.load(files=files)
    chosen = found.select(name) if name else found.implementations.values()
    rows = [
        {
            "name": i.key,
            "quantity": i.quantity,
            "dtypes": list(i.dtypes),
            "devices": list(i.devices),
            "derivatives": i.derivatives,
            "transforms": list(i.transforms),
            "ulps": dict(i.ulps),
            "approximate": i.approximate,
            "unavailable": registry.unavailable(i, device),
            "source": i.source,
            "summary": i.summary,
        }
        for i in sorted(chosen, key=lambda i: i.key)
    ]
    broken = [{"source": b.source, "reason": b.reason} for b in found.broken]
    initial = [{"name": i.key, "source": i.source, "summary": i.summary} for i in found.initialisations.values()]
    if as_json:
        types = [
            {"name": t.name, "formula": t.formula, "parameters": {p.name: list(p.shape) for p in t.parameters}}
            for t in registry.layer_types().values()
        ]
        emit({"layer_types": types, "implementations": rows, "initialisations": initial, "broken": broken})
        return
    for kind in registry.layer_types().values():
        of_kind = [row for row in rows if row["name"].startswith(f"{kind.name}/")]
        if name and not of_kind:
            continue
        click.echo(f"{kind.name}: {kind.formula}")
        shapes = ", ".join(f"{p.name} ({', '.join(p.shape)})" for p in kind.parameters)
        click.echo(f"  {kind.signature} with x (..., {kind.in_features}), {shapes}")
        for row in of_kind:
            claim = ", ".join(f"{d} {u:g} ulps" for d, u in row["ulps"].items()) or f"approximate: {row['approximate']}"
            state = f"  NOT AVAILABLE: {row['unavailable']}" if row["unavailable"] else ""
            origin = "" if row["source"] == "built in" else f"  [{row['source']}]"
            click.echo(f"  {row['name']:20} {claim}{origin}{state}")
            if row["summary"]:
                click.echo(f"  {'':20} {row['summary']}")
        for row in initial:
            if row["name"].startswith(f"{kind.name}/"):
                click.echo(f"  init {row['name'].partition('/')[2]:15} {row['summary']}")
    for row in broken:
        click.echo(f"broken: {row['reason']}", err=True)


@main.command()
@click.argument("layer_type")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--name", help="Name of the implementation (default: the file's name).")
def new(layer_type, file, name):
    """Write a template of an implementation that already passes: `gmbench new gm my_layer.py`."""
    from pathlib import Path

    from gmbench import registry
    from gmbench.checks.template import template

    path = Path(file)
    kind = registry.layer_type(layer_type)
    if path.suffix != ".py":
        raise ContractError(f"{file}: give the file the ending .py")
    text = template(kind, name or path.stem.replace("_", "-"))
    try:
        with path.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise ContractError(f"{file}: exists already; nothing was written") from None
    except OSError as error:
        raise ContractError(f"{file}: cannot be written ({error.strerror})") from None
    click.echo(f"wrote {file}; check it with: gmbench verify {file}")


@main.command()
@click.argument("target")
@click.option("--profile", type=click.Choice(["smoke", "ci", "deep"]), default="ci", show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--only", multiple=True, metavar="CHECK", help="Run this check only (repeatable).")
@click.option("--case", metavar="JSON", help="Replay one case, as a failure printed it.")
@click.option("--keep-going", "-k", is_flag=True, help="Run every check, also after one has failed.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--time-limit", type=Number(1), help="Seconds (default: 55, deep profile 12 h).")
@click.option("--memory-limit", type=Number(1), default=8.0, show_default=True, help="GiB.")
@click.option("--store", type=click.Path(file_okay=False), help="Write the records into this store.")
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
def verify(target, profile, device, only, case, keep_going, threads, time_limit, memory_limit, store, as_json):
    """Check TARGET, a file or a registered name, in a process of its own.

    Exits 0 when every check passes, 1 when one fails, 2 when there is nothing to check.
    """
    import os

    from gmbench.checks import verify as machinery
    from gmbench.runs.store import check_writable

    is_file = target.endswith(".py") or os.path.isfile(target)
    if is_file and not os.path.isfile(target):
        raise ContractError(f"{target}: there is no such file")
    if store:
        check_writable("checks", store)
    watch = (lambda event, data: None) if as_json else _Watcher()
    verdict = machinery.verify(
        files=[target] if is_file else [],
        name=None if is_file else target,
        profile=profile,
        device=device,
        only=only,
        case=case,
        keep_going=keep_going,
        threads=threads,
        seconds=time_limit,
        memory=memory_limit,
        watch=watch,
    )
    if store:
        _store_records(verdict, profile, store)
    if as_json:
        emit(
            {
                "exit": verdict.code,
                "problem": verdict.problem,
                "implementations": verdict.implementations,
                "unavailable": verdict.unavailable,
                "records": [record.as_dict() for record in verdict.records],
                "not_run": verdict.not_run,
                "seconds": round(verdict.seconds, 2),
            }
        )
    else:
        watch.close()
        _explain(verdict, target)
    sys.exit(verdict.code)


class _Watcher:
    """One aligned line a record, and what runs now where there is a terminal."""

    def __init__(self):
        from rich.console import Console

        self.console = Console(stderr=True)
        self.status = self.console.status("starting") if self.console.is_terminal else None
        if self.status:
            self.status.start()

    def __call__(self, event, data):
        if event == "begin" and self.status:
            self.status.update(data["check"])
        elif event == "record":
            click.echo(data.line())

    def close(self):
        if self.status:
            self.status.stop()


def _explain(verdict, target):
    """The verdict in words: each failure with its smallest case and the command that replays it."""
    import os

    for record in verdict.records:
        if record.ok:
            continue
        click.echo(f"\n{record.implementation} {record.dtype} {record.check}: {record.status}\n  {record.message}")
        found = record.counterexample
        if found:
            click.echo(f"  smallest case: {found['text']}")
            for name, array in (found["decimal"] or {}).items():
                click.echo(f"  {name} = {json.dumps(array)}")
            for name, array in (found["exact"] or {}).items():
                click.echo(f"  {name} exactly = {json.dumps(array)}")
            click.echo(f"  replay: gmbench verify {target} --only {record.check} --case '{found['text']}'")
    for key, reason in verdict.unavailable.items():
        click.echo(f"{key}: not available here: {reason}")
    regimes = {}
    for record in verdict.records:
        for name, seen in record.regimes.items():
            if record.check == "value":
                regimes[name] = regimes.get(name, 0) + seen["cases"]
    if regimes:
        total = sum(regimes.values())
        click.echo("\ncases of the values by regime: " + ", ".join(f"{n} {c / total:.0%}" for n, c in regimes.items()))
    counts = {}
    for record in verdict.records:
        counts[record.status] = counts.get(record.status, 0) + 1
    said = ", ".join(f"{n} checks {status}" for status, n in sorted(counts.items())) or "no check ran"
    word = {0: "right", 1: "WRONG", 2: "nothing checked"}[verdict.code]
    if verdict.code == 1 and "failed" not in counts and "inconclusive" not in counts:
        word = "NOT SHOWN TO BE RIGHT"
    rest = f", {verdict.not_run} not run (--keep-going runs them all)" if verdict.not_run else ""
    click.echo(f"{target}: {word}: {said}{rest}, {verdict.seconds:.1f} s")
    if verdict.problem:
        named = (f"{target}: ", f"{os.path.realpath(target)}: ")  # some problems name the file themselves
        click.echo(f"gmbench: {'' if verdict.problem.startswith(named) else named[0]}{verdict.problem}", err=True)


def _store_records(verdict, profile, store):
    """One file for each built-in or installed implementation; the name says which, so that a new run replaces it."""
    from pathlib import Path

    from gmbench.runs.provenance import provenance
    from gmbench.runs.store import write_json

    for entry in verdict.implementations:
        own = [r.as_dict() for r in verdict.records if r.implementation == entry["key"]]
        device = own[0]["device"] if own else "cpu"
        path = Path(store) / "checks" / f"{entry['key'].replace('/', '-')}-{device}.json"
        write_json(
            path,
            {
                "schema": 1,
                "kind": "checks",
                "implementation": {k: v for k, v in entry.items() if k != "checks"},
                "profile": profile,
                **provenance(),
                "records": own,
            },
        )


@main.command("time")
@click.argument("targets", nargs=-1, metavar="[NAME|FILE]...")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--dtype", type=click.Choice(["float64", "float32", "bfloat16"]), default="float32", show_default=True)
@click.option("--size", "labels", multiple=True, metavar="IN-OUT", help="Only this size, such as 784-100; repeatable.")
@click.option("--batch", "batches", multiple=True, type=click.IntRange(1), help="Only this batch; repeatable.")
@click.option("--pass", "passes", multiple=True, type=click.Choice(TIMED), help="Only this pass; repeatable.")
@click.option("--allocator", type=click.Choice(ALLOCATORS), help="On a CPU (default: both).")
@click.option("--full", is_flag=True, help="The whole grid of sizes, not only the everyday ones.")
@click.option("--goals", is_flag=True, help="Only what the layer types' goals need, and which of them are reached.")
@click.option("--runs", type=click.IntRange(1), help="Begin anew so often, medians over these (default: 1, goals 5).")
@click.option(
    "--rounds", type=click.IntRange(6), default=40, show_default=True, help="Undisturbed calls of each, a run."
)
@click.option("--seconds", type=Number(0.1, 86400), default=10, show_default=True, help="Of a run for a pass, about.")
@click.option("--memory-limit", type=Number(1, 4096), default=8, show_default=True, help="GB a process, on a CPU.")
@click.option("--time-limit", type=Number(1, 604800), default=600, show_default=True, help="Seconds a process.")
@click.option("--alone", is_flag=True, help="A FILE without the fastest built-in implementation beside it.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows, samples included, as JSON.")
@click.option("--store", metavar="DIR", help="Where results are (default: $GMBENCH_STORE or gmbench-results).")
def time_command(
    targets,
    device,
    dtype,
    labels,
    batches,
    passes,
    allocator,
    full,
    goals,
    runs,
    rounds,
    seconds,
    memory_limit,
    time_limit,
    alone,
    as_json,
    store,
):
    """Time implementations that pass their checks, interleaved with each other, the floor and dense layers.

    NAME is gm/eager, gm or eager; FILE a Python file; none means every exact implementation. One timing runs at a
    time, and training cells on this machine stand still meanwhile. Exits 0 when there is a time for each, 1 when one
    is wrong or dies, 2 when there is nothing to time.
    """
    from gmbench.runs.store import check_writable
    from gmbench.timing import run as timing
    from gmbench.timing.goals import select_goals
    from gmbench.timing.table import show, show_goals

    check_writable("timings", store)
    options = {
        "allocators": [allocator] if allocator else None,
        "alone": alone,
        "runs": runs or (5 if goals else 1),
        "rounds": rounds,
        "budget": seconds,
        "memory": int(memory_limit * 2**30),
        "seconds": time_limit,
    }
    if goals:
        if labels or batches or passes or full:
            raise Failure("--goals chooses sizes and passes itself: leave out --size, --batch, --pass and --full")
        if dtype != "float32" or device != "cpu" or any(name.endswith(".py") for name in targets):
            raise Failure("--goals is for the built-in implementations in float32 on a CPU")
        parts = select_goals(targets)
        if not parts:
            raise Failure("these layer types have no goals")
    else:
        parts = [{"names": targets, "labels": labels, "batches": batches, "passes": passes, "full": full}]
    rows, paths = [], []
    for part in parts:
        announce = functools.partial(click.echo, err=True)
        for found in timing.timings(**part, dtype=dtype, device=device, announce=announce, **options):
            rows += found
            for row in found:
                click.echo(f"    {row['implementation']} {row['pass']}: {row['status']}", err=True)
            if {row["status"] for row in found} & {"passed", "failed", "inconclusive"}:
                paths.append(timing.store(found, store))  # at once: what is done is kept, whatever comes
    states = {row["status"] for row in rows}
    if not paths:
        raise Failure(f"nothing to time: {rows[0]['message'] if rows else 'there is no exact implementation'}")
    if as_json:
        emit(rows)
    else:
        show(rows)
        if goals:
            show_goals(rows)
        click.echo(f"wrote {len(paths)} file{'s' * (len(paths) > 1)} to {paths[0].parent}")
    if states & {"failed", "inconclusive"}:
        sys.exit(1)


@main.command()
@click.argument("experiment")
@click.option("--data", "data_name", metavar="NAME", help="Data set (default: one that needs no download).")
@click.option("--budget", default="smoke", show_default=True, metavar="NAME", help="smoke, quick or paper.")
@click.option("--arms", metavar="A,B", help="Some of its arms (default: all).")
@click.option("--seeds", metavar="0-4|0,2", help="Seeds (default: the budget's).")
@click.option(
    "--implementation",
    metavar="NAME|FILE",
    help="Of the layers of --arms; without --arms one more arm (default: the fastest that runs here).",
)
@click.option("--initialisation", metavar="NAME|FILE", help="One more arm, from this initialisation.")
@click.option("--store", metavar="DIR", help="Results (default: $GMBENCH_STORE or gmbench-results).")
@click.option("--jobs", type=click.IntRange(1, 10000), help="Cells at a time (default: cores - 1, or GPUs).")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--engine", "engine_name", type=click.Choice(ENGINES), default="local", show_default=True)
@click.option(
    "--engine-option", "engine_options", multiple=True, metavar="NAME=VALUE", help="Of ray or slurm (repeatable)."
)
@click.option("--time-limit", type=Number(1, 31536000), help="Seconds a cell (default: none).")
@click.option("--memory-limit", type=Number(0.5, 4096), help="GB a cell, on a CPU (default: none).")
@click.option("--fresh", is_flag=True, help="Run again the cells whose results are there.")
@click.option("--dry-run", is_flag=True, help="Only say which cells there are, and how long they will take.")
@click.option("--json", "as_json", is_flag=True, help="Print the leaderboard, or the cells, as JSON.")
def run(
    experiment,
    data_name,
    budget,
    arms,
    seeds,
    implementation,
    initialisation,
    store,
    jobs,
    device,
    engine_name,
    engine_options,
    time_limit,
    memory_limit,
    fresh,
    dry_run,
    as_json,
):
    """Train the arms of EXPERIMENT on real data, a cell for each arm and seed; finished cells are skipped."""
    from gmbench.experiments import asked, board, cells
    from gmbench.experiments import experiment as find
    from gmbench.runs.cell import cell_id, finished
    from gmbench.runs.child import Limits
    from gmbench.runs.engine import engine as engine_called
    from gmbench.runs.progress import duration

    chosen = find(experiment)
    data_name = chosen.default_data if data_name is None else data_name
    names = None if arms is None else asked.arms(arms)
    numbers = None if seeds is None else asked.seeds(seeds)
    layer = None if implementation is None else asked.implementation(implementation, chosen.layer_type)
    if layer and names and set(names) <= set(chosen.baselines):
        raise ContractError(f"none of the arms {', '.join(names)} has the layer that {layer.key} computes")
    extra = None
    if initialisation is not None:
        extra = asked.initialisation(initialisation, chosen.layer_type, implementation)
    specs = cells(
        chosen,
        data_name,
        None,
        budget,
        arms=names,
        seeds=numbers,
        implementation=layer,
        initialisation=extra,
        device=device,
    )
    for reason in filter(None, map(chosen.absent, () if names else chosen.arms)):
        click.echo(f"gmbench: left out: {reason}", err=True)
    if layer and layer.approximate:
        click.echo(f"gmbench: {layer.key} is approximate: {layer.approximate}", err=True)
    limits = Limits(time_limit, memory_limit and int(memory_limit * 2**30))
    options = asked.options(engine_options)
    engine = engine_called(engine_name)(specs, store, jobs, fresh, limits, _again(), options)
    if dry_run:
        rows = [
            {"cell": cell_id(c.spec), "title": c.title, "state": c.state, "seconds": c.expected} for c in engine.cells
        ]
        if as_json:
            return emit(rows)
        for row in rows:
            about = "" if row["seconds"] is None else f"  about {duration(row['seconds'])}"
            click.echo(f"{row['title']:36} {row['cell'][:12]}  {row['state']}{about}")
        click.echo(engine.plan(), err=True)
        return None
    try:
        engine.run()
    except KeyboardInterrupt:
        done = sum(cell.state in ("done", "skipped") for cell in engine.cells)
        click.echo(f"gmbench: interrupted with {done} of {len(engine.cells)} cells done", err=True)
        click.echo(f"gmbench: this goes on with the others: {_again()}", err=True)
        sys.exit(130)
    rows = board.board(filter(None, (finished(spec, engine.store) for spec in specs)), chosen.metric)
    if as_json:
        emit(rows)
    else:
        from rich.console import Console

        Console().print(board.table(rows, f"{chosen.name} on {data_name}, budget {budget}", chosen.metric))
    failed = [cell for cell in engine.cells if cell.state == "failed"]
    for cell in failed:
        click.echo(f"gmbench: {cell.title} failed: {_in_short(cell.error)}", err=True)
    if failed:
        click.echo(
            f"gmbench: {len(failed)} of {len(specs)} cells failed; all they said: {engine.store}/failed", err=True
        )
        if implementation and any((cell.spec["implementation"] or {}).get("name") == layer.key for cell in failed):
            click.echo(
                f"gmbench: this says whether the implementation is right: gmbench verify {implementation}", err=True
            )
        click.echo(f"gmbench: this runs them again: {_again()}", err=True)
        sys.exit(1)
    return None


def _in_short(error):
    """Why a cell failed: the reason and the last line, and of a traceback the frames in the user's own source."""
    reason, *lines = error.splitlines()
    own = [i for i, line in enumerate(lines) if 'File "' in line and "carried.py" in line]
    if not own:
        return _reason(error)
    return "\n".join([reason, *(part for i in own for part in lines[i : i + 2]), lines[-1]])


def _reason(error):
    """Why a cell failed, in one line."""
    reason, *lines = error.splitlines() or [""]
    return f"{reason}: {lines[-1]}" if lines else reason


def _again():
    """The command line as it was given, without --fresh."""
    import shlex

    return shlex.join(["gmbench", *(word for word in sys.argv[1:] if word != "--fresh")])


@main.command()
@click.argument("spec")
@click.option("--store", metavar="DIR", help="Results (default: $GMBENCH_STORE or gmbench-results).")
@click.option("--memory-limit", type=Number(0.5, 4096), help="GB of address space (default: none).")
@click.option("--driven", is_flag=True, hidden=True, help="By an engine: reports to it, ends with it.")
@click.option("--fresh", is_flag=True, hidden=True, help="Even if another run has done it meanwhile.")
def cell(spec, store, memory_limit, driven, fresh):
    """Run one cell here: SPEC is a JSON file, JSON itself, or - for standard input."""
    from pathlib import Path

    from gmbench.experiments import experiment
    from gmbench.runs.cell import finished, follow, limit, prepare, read_spec, run_cell
    from gmbench.runs.child import BUSY
    from gmbench.runs.running import BusyError, hold

    try:
        text = spec if spec.lstrip().startswith("{") else None
        if text is None:
            read = sys.stdin.buffer.readline if driven else sys.stdin.buffer.read
            text = read() if spec == "-" else Path(spec).read_bytes()
    except OSError as error:
        raise ContractError(f"{spec}: cannot be read ({error.strerror})") from None
    wanted = read_spec(text)
    tell = follow() if driven else lambda **progress: None
    limit(memory_limit and memory_limit * 2**30)
    try:
        with hold(wanted, store) as note:
            if driven and not fresh and finished(wanted, store):
                return
            chosen = experiment(wanted["experiment"])
            if wanted["version"] != chosen.version:
                versions = f"version {wanted['version']} of {chosen.name}, not {chosen.version}"
                raise ContractError(f"the spec is for {versions}")

            def report(**progress):
                tell(**progress)
                note(**progress)

            prepare()
            path = run_cell(wanted, chosen.cell, store, report)
    except BusyError:
        click.echo("gmbench: this cell runs already", err=True)
        sys.exit(BUSY)
    if not driven:
        click.echo(path)


@main.command()
@click.argument("experiment", required=False)
@click.option("--store", metavar="DIR", help="Results (default: $GMBENCH_STORE or gmbench-results).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(experiment, store, as_json):
    """What runs, what is done and what failed in a store, of EXPERIMENT alone or of all."""
    from gmbench.experiments.standing import standing
    from gmbench.runs.engine import title
    from gmbench.runs.estimates import about
    from gmbench.runs.progress import duration, said

    rows = standing(store, experiment)
    if as_json:
        return emit(rows)
    if not rows:
        click.echo("no cell has been run here yet: gmbench run EXPERIMENT")
    for row in rows:
        missing = row["of"] - row["done"] - len(row["running"]) - len(row["failed"])
        words = [f"{row['done']} of {row['of']} cells done"]
        words += [f"{len(row[name])} {name}" for name in ("running", "failed") if row[name]]
        words += [f"{missing} to go"] if missing else []
        words += [f"on one core {about(row['left'])}"] if row["left"] else []
        words += [f"{row['others']} of other versions"] if row["others"] else []
        click.echo(f"{row['experiment']} on {row['data']}, budget {row['budget']}: {', '.join(words)}")
        for cell in row["running"]:
            where = said(title(cell["spec"]), cell["spec"], cell["progress"])
            click.echo(f"  runs    {where}, for {duration(cell['seconds'])}")
        for cell in row["failed"]:
            click.echo(f"  failed  {title(cell['spec'])}, {cell['when']}: {_reason(cell['error'])}")
        for again in dict.fromkeys(cell["again"] for cell in row["failed"] if cell["again"]):
            click.echo(f"  again   {again}")
    return None


@main.command()
@click.option("--store", metavar="DIR", help="Results (default: $GMBENCH_STORE or gmbench-results).")
@click.option("--output", metavar="DIR", help="Where the pages go (default: report in the store).")
def report(store, output):
    """Make pages, tables and figures from the checks, timings and cells of a store."""
    from gmbench.report import write

    click.echo(write(store, output))


@main.command("data")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True)
def data_command(name, as_json):
    """List the data sets, or fetch and verify the one called NAME."""
    from gmbench import data
    from gmbench.data.files import state

    if name:
        loaded, chosen = data.load(name), data.data_set(name)
        row = {
            "name": name,
            "train": list(loaded.train_images.shape),
            "test": list(loaded.test_images.shape),
            "classes": loaded.classes,
            "digest": loaded.digest,
            "licence": chosen.licence,
            "source": chosen.source,
        }
        if as_json:
            return emit(row)
        for key, value in row.items():
            click.echo(f"{key:8} {' x '.join(map(str, value)) if isinstance(value, list) else value}")
        return None
    rows = [
        {"name": d.name, "state": state(d), "summary": d.summary, "licence": d.licence}
        for d in data.data_sets().values()
    ]
    if as_json:
        return emit(rows)
    for row in rows:
        click.echo(f"{row['name']:14} {row['state']:13} {row['summary']}")
    return None


@main.command()
@click.argument("chosen", nargs=-1, metavar="[ID|EXPERIMENT|PAPER]...")
@click.option("--verdict", help="Only those with this verdict, such as 'not reproduced'.")
@click.option(
    "--store",
    metavar="DIR",
    help="Cells to judge by (default: your own of the paper budget, else those committed here).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the ledger as JSON.")
def claims(chosen, verdict, store, as_json):
    """What the papers claim, and whether it holds on the cells of a store.

    A claim is reproduced where the 95 % interval over seeds lies inside published +- margin, not reproduced where it
    is disjoint from that, and otherwise inconclusive; not run without cells. One ID shows all that is known of it.
    """
    from gmbench.experiments import ledger
    from gmbench.experiments.evidence import VERDICTS
    from gmbench.registry import nearest

    if verdict is not None and verdict not in VERDICTS:
        raise ContractError(f"there is no verdict {verdict!r}{nearest(verdict, VERDICTS)}")
    folder = ledger.default_store() if store is None else ledger.store_folder(store)
    if not folder.is_dir():
        raise ContractError(
            f"there is no store {folder}; `gmbench run kumar --budget quick --store {folder}` makes one"
        )
    rows = ledger.ledger(folder)
    names = {row[key] for row in rows for key in ("id", "experiment", "paper")}
    for name in chosen:
        if name not in names:
            raise ContractError(f"there is no claim, experiment or paper {name!r}{nearest(name, names)}")
    if chosen:
        rows = [row for row in rows if set(chosen) & {row["id"], row["experiment"], row["paper"]}]
    rows = [row for row in rows if verdict in (None, row["verdict"])]
    if as_json:
        return emit(rows)
    click.echo(f"gmbench: judged by the cells in {folder} (--store DIR for others)", err=True)
    if len(rows) == 1:
        return _claim(rows[0])
    from rich.console import Console

    from gmbench.experiments.ledger import counts, table

    Console().print(table(rows))
    click.echo(", ".join(f"{number} {name}" for name, number in counts(rows).items()))
    return None


def _claim(row):
    """All that is known of one claim."""
    from gmbench.experiments.evidence import short

    shown = {
        "claim": f"{row['id']}: {row['statement']}",
        "source": f"{row['paper']}, {row['source']}",
        "published": row["printed"] + (f" +- {row['margin']:.4g}" if row["margin"] else ""),
        "measured": row["shown"],
        "95 %": " to ".join(map(short, row["interval"] or ())),
        "seeds": f"{row['seeds']} ({row['experiment']}, {', '.join(row['datasets'])}, budget {row['budget']})",
        "verdict": row["verdict"],
        **{
            f"  part {i}": f"{part['shown']}: {part['verdict']}"
            for i, part in enumerate(row["parts"], 1)
            if part["shown"]
        },
        "decided": row["decided"],
        "detail": row["detail"],
        "remark": row["remark"],
        "command": row["command"],
    }
    for name, text in shown.items():
        if text:
            click.echo(f"{name:10} {text}")


if __name__ == "__main__":
    main()
