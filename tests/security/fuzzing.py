"""Run a fuzz target for a fixed time, or on given files; what breaks a law is kept as a find.

The work is done by a child process, guided by coverage when atheris is installed. A find is written down and the
child goes on; a child that dies (endless loop, memory) is replaced by another for the rest of the time.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import pkgutil
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "laws")]
SUFFIXES = {"vensim": {".mdl"}, "xmile": {".xmile", ".stmx", ".itmx"}}
LONGEST = 65_536  # bytes of an input
STUCK = 20  # seconds after which a child is taken to hang; slow steps are found by the oracle before
MEMORY = 1024  # MB
DEEP = 6  # one input in so many is held to every law, translated and run

Mutate = Callable[..., bytes]


def main(format: str, mutate: Mutate, invent: Callable[[Random], bytes]) -> int:
    """The command line of a fuzz target.

    Parameters
    ----------
    format : str
    mutate : callable
        Of a file, a random source and other files: the file changed.
    invent : callable
        Of a random source: a new file.

    Returns
    -------
    int
        0, or 1 when something was found.
    """
    parser = argparse.ArgumentParser(description=f"Fuzz the reader of {format} files.")
    parser.add_argument("files", nargs="*", type=Path, help="examine these files and nothing else")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument(
        "--corpus", type=Path, action="append", default=[], help="further folder of model files"
    )
    parser.add_argument("--finds", type=Path, default=Path("fuzz-finds"), help="folder for what was found")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.files:
        return examine_files(options.files, format)
    if options.child:
        child(format, mutate, invent, options)
        return 0
    return run(format, options)


def examine_files(files: list[Path], format: str) -> int:
    """Show how far each file comes, with the whole trace of what breaks a law."""
    from oracle import TookTooLong, examine

    broken = 0
    for path in files:
        try:
            print(f"{path}: {examine(path.read_bytes(), format, deep=True)}")
        except (Exception, TookTooLong):
            broken += 1
            print(f"{path}:\n{traceback.format_exc()}")
    return 1 if broken else 0


def seeds(format: str, folders: list[Path]) -> list[bytes]:
    """The small example, the models of the study and those below other folders, each once and none too long."""
    import document_checks

    example = {"vensim": document_checks.MDL, "xmile": document_checks.XMILE}[format]
    found = {example.encode(): None}
    for folder in [ROOT / "models", *folders]:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES[format] and path.is_file() and path.stat().st_size <= LONGEST:
                found[path.read_bytes()] = None
    return list(found)


# the parent


@dataclass
class Progress:
    """What the children have said so far."""

    inputs: int = 0
    coverage: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    corpus: int = 0
    finds: list[str] = field(default_factory=list)


def run(format: str, options: argparse.Namespace) -> int:
    """Let children work until the time is over; say what they did."""
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed (the extra 'fuzz'), so inputs are mutated without regard to coverage")
    progress = Progress()
    start = time.monotonic()
    options.finds.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sdtheory-fuzz-") as folder:
        corpus = Path(folder)
        for data in seeds(format, [*options.corpus, options.finds]):
            (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)
        number = 0
        while (left := options.minutes * 60 - (time.monotonic() - start)) > 1:
            if not one_child(format, options, corpus, left, number, progress):
                break
            number += 1
        progress.corpus = len(list(corpus.iterdir()))
    took = time.monotonic() - start
    spent = sum(os.times()[2:4])  # processor time of the children
    covered = f"{progress.coverage:,} branches covered, " if progress.coverage else ""
    print(
        f"{format}: {progress.inputs:,} inputs in {took:,.0f} s ({progress.inputs / took:.1f} a second, "
        f"{progress.inputs / spent:.1f} a second of processor time), "
        f"{covered}{progress.corpus:,} inputs kept, {len(progress.finds)} finds"
    )
    print(", ".join(f"{share:.0%} {outcome}" for outcome, share in shares(progress.outcomes)))
    for line in progress.finds:
        print(line)
    return 1 if progress.finds else 0


def shares(outcomes: Counter[str]) -> list[tuple[str, float]]:
    """How far the inputs came, in parts of all but the last few; the most frequent first."""
    return [(outcome, number / outcomes.total()) for outcome, number in outcomes.most_common()]


def one_child(format, options, corpus: Path, seconds: float, number: int, progress: Progress) -> bool:
    """Start a child and follow what it says; one that dies is a find. Gives whether another one makes sense."""
    command = [sys.executable, sys.argv[0], "--child", str(corpus), "--minutes", str(seconds / 60)]
    command += ["--finds", str(options.finds), "--seed", str(options.seed + number)]
    inputs, tail = 0, []
    outcomes: Counter[str] = Counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stderr or ():
            tail = [*tail[-200:], line]
            if line.startswith("FIND "):
                progress.finds += [line.strip()] if line.strip() not in progress.finds else []
            elif line.startswith("OUTCOMES "):
                outcomes = Counter(json.loads(line.removeprefix("OUTCOMES ")))
            elif status := re.match(r"#(\d+)\s", line):
                inputs = int(status[1])
                covered = re.search(r"cov: (\d+)", line)
                progress.coverage = max(progress.coverage, int(covered[1]) if covered else 0)
            elif done := re.match(r"(?:stat::number_of_executed_units:|Done) (\d+)", line):
                inputs = int(done[1])
    progress.inputs += inputs
    progress.outcomes += outcomes
    if process.returncode == 0:
        return True
    text = "".join(tail)
    killer = re.search(r"written to (\S+)", text)
    name = Path(killer[1] if killer else options.finds / f"child-{number}")
    if killer and name.exists():
        (corpus / hashlib.sha1(name.read_bytes()).hexdigest()).unlink(missing_ok=True)
        name = name.rename(name.with_name(name.name + min(SUFFIXES[format])))
    name.with_suffix(".txt").write_text(text)
    reason = next(
        (line.strip() for line in tail if re.match(r"==\d+== ?ERROR|\w*Error: ", line)), "no reason given"
    )
    progress.finds.append(f"FIND {name}: the process ended with {process.returncode}: {reason}")
    return inputs > 0


# the child


class Finds:
    """What broke a law, one of each kind, the shortest input of each."""

    def __init__(self, folder: Path, format: str):
        self.folder = folder
        self.suffix = min(SUFFIXES[format])
        self.sizes: dict[str, int] = {}

    def keep(self, data: bytes, error: BaseException) -> None:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.name != "late"]
        places = [
            f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames if str(ROOT) in frame.filename
        ]
        kind = hashlib.sha1(repr((type(error).__name__, places[-2:])).encode()).hexdigest()[:10]
        if len(data) >= self.sizes.get(kind, sys.maxsize):
            return
        if kind not in self.sizes:
            reason = str(error).split("\n", 1)[0][:100]
            where = places[-1] if places else "?"
            sys.stderr.write(
                f"FIND {self.folder / kind}{self.suffix}: {type(error).__name__} at {where}: {reason!a}\n"
            )
        self.sizes[kind] = len(data)
        path = self.folder / f"{kind}{self.suffix}"
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(
            "".join(traceback.format_exception(error)), errors="backslashreplace"
        )


def child(format: str, mutate: Mutate, invent: Callable[[Random], bytes], options) -> None:
    """Work on inputs until the time is over."""
    guided = importlib.util.find_spec("atheris") is not None
    if guided:
        instrument()
    from oracle import TookTooLong, examine

    finds = Finds(options.finds, format)
    outcomes: Counter[str] = Counter()

    def one_input(data: bytes) -> None:
        count = outcomes.total()
        try:
            outcomes[examine(data, format if data[-1:] != b" " else None, deep=count % DEEP == 0)] += 1
        except (Exception, TookTooLong) as error:
            outcomes["found"] += 1
            finds.keep(data, error)
        if count % 100 == 0:
            sys.stderr.write(f"OUTCOMES {json.dumps(outcomes)}\n")

    pool = [path.read_bytes() for path in sorted(options.child.iterdir())]

    def changed(data: bytes, chance: Random) -> bytes:
        if not data or chance.random() < 0.1:
            return invent(chance)
        if chance.random() < 0.35:
            # inputs that are kept for being new are often broken beyond reading; short ones are quick
            data = min(chance.choices(pool, k=2), key=len)
        return mutate(data, chance, chance.sample(pool, min(3, len(pool))))

    if guided:
        guided_run(one_input, changed, options)
    else:
        plain_run(one_input, changed, pool, options)


def instrument() -> None:
    """Load the readers and the translation with counters of coverage, and the rest of the package without."""
    import atheris

    import sdtheory

    names = [
        module.name
        for module in pkgutil.walk_packages(sdtheory.__path__, "sdtheory.", onerror=lambda _: None)
    ]
    wanted = [name for name in names if name.startswith(("sdtheory.documents", "sdtheory.translate"))]
    others = [name for name in names if name not in wanted]
    with atheris.instrument_imports(include=["sdtheory"], exclude=others):
        for name in wanted:
            importlib.import_module(name)


def guided_run(one_input, changed, options: argparse.Namespace) -> None:
    import atheris

    def mutator(data: bytes, size: int, seed: int) -> bytes:
        chance = Random(seed)
        if chance.random() < 0.1:
            return atheris.Mutate(data, size)
        return changed(data, chance)[:size]

    arguments = [f"-max_total_time={max(1, round(options.minutes * 60))}", f"-timeout={STUCK}", f"-seed={options.seed}",
                 f"-rss_limit_mb={MEMORY}", f"-max_len={LONGEST}", "-len_control=0", "-print_final_stats=1",
                 f"-artifact_prefix={options.finds}/"]  # fmt: skip
    atheris.Setup([sys.argv[0], *arguments, str(options.child)], one_input, custom_mutator=mutator)
    atheris.Fuzz()


def plain_run(one_input, changed, pool: list[bytes], options: argparse.Namespace) -> None:
    chance = Random(options.seed)
    stop = time.monotonic() + options.minutes * 60
    count = 0
    while time.monotonic() < stop:
        one_input(changed(chance.choice(pool), chance)[:LONGEST])
        count += 1
    sys.stderr.write(f"Done {count}\n")
