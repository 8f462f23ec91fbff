"""Fuzz the reader of Vensim files: ``python tests/security/fuzz_vensim.py --minutes 10``."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from random import Random

from mutations import COMMON, NUMBERS, SIGNS, equation, mutated, parts_moved, raw

NAMES = [
    "stock",
    "birth rate",
    "Größe",
    '"a | b"',
    "d",
    "Time",
    "INITIAL TIME",
    "table",
    "x",
    "e1",
    "_",
    "a\\\n\tb",
]
LEFT = [
    *3 * ["", "[d]"],
    *("[d,e1]", "[d] :EXCEPT: [e1]", ":INTERPOLATE:", "[d]:RAW:", ":TEST INPUT:", "[d!]", "(a)"),
]
MARKERS = [
    "\\\\\\---/// Sketch information\nV300  text\n*View\n$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|72,72,100,0\n",
    "\\\\---///\nV160\n*Old\n", "///---\\\\\\\n", ":L\x7f<%^E!@\n", ":L<%^E!@\n", ":GRAPH one\n:VAR x\n",
    ":MACRO: M(a,b:c)\n", ":END OF MACRO:\n", "{UTF-8}\n", "****\n\t.Control\n****~\n\t\ttext\n\t|\n", "{**Group**}",
]  # fmt: skip
SETTINGS = [
    "15:0,0,0,5,0,0",
    "15:0,0",
    "15:",
    "22:$,Dollar,$s",
    "22:,",
    "30:?a=b",
    "5:x[e1]",
    "4:Time",
    "1:a:b.vdf",
]


def block(chance: Random) -> str:
    """A random equation block."""
    name = chance.choice(NAMES)
    names = chance.sample(NAMES, 4)
    body = chance.choice(
        [
            lambda: equation(chance, names),
            lambda: f"INTEG ({equation(chance, names, 1)}, {equation(chance, names, 1)})",
            lambda: "e1, e2, (A1-A9)",
            lambda: "e1, e2 -> (d: e2, e1)",
            lambda: "([(0,0)-(10,10)],(0,0),(5,1),(10,2))",
            lambda: f"WITH LOOKUP({names[0]}, ([(0,0)-(1,1)],(0,0),(1,{chance.choice(NUMBERS)})))",
            lambda: "1,2,3;4,5,6;",
            lambda: "",
        ]
    )()
    operator = chance.choice(["=", "=", "=", "=", ":", ":=", "==", "<->", "", " = \\\n\t"])
    units = chance.choice(["", "kg", "a/b [0,10,1]", "Dmnl [?,?]", "[", "x [1]", "\\\n\t"])
    endings = ["~|", "~|", "~text|", "~text\n|", "~\ttext\\\n\tmore\n\t~ :SUPPLEMENTARY|", "|", "~~~~|"]
    ending = chance.choice(endings) if chance.random() < 0.98 else ""
    return f"{name}{chance.choice(LEFT)}{operator}{body}\n\t~{units}{ending}\n"


def sketch_line(chance: Random) -> str:
    """A random line of a sketch."""
    kind = chance.choice([1, 1, 10, 10, 10, 11, 12, 30])
    number, other = chance.randrange(8), chance.randrange(8)
    if kind == 1:
        shape, thick = chance.choice([0, 1, 4, 100, 68]), chance.choice([0, 22])
        sign = chance.choice([0, 43, 45, 83, 79, 200])
        bends = "".join(
            f"({chance.randrange(400)},{chance.randrange(400)})|" for _ in range(chance.randrange(4))
        )
        line = f"1,{number},{other},{chance.randrange(8)},{shape},0,{sign},{thick},0,{sign},0,-1--1--1,,1|{bends}"
    else:
        name = chance.choice([*NAMES, "48", "0", '"a, b"'])
        look = (
            f"{chance.choice([3, 8, 40, 34, 33])},{chance.choice([2, 3, 7, 131])},0,{chance.choice([0, 3])},"
        )
        line = f"{kind},{number},{name},{chance.randrange(500)},{chance.randrange(500)},40,20,{look}-1,0,0,0"
        line += chance.choice(["", ",128-128-128,0-0-0,|12||128-128-128", ",0,0,0", "\nsome text"])
    fields = line.split(",")
    for _ in range(chance.choice([0, 0, 0, 1, 3])):
        fields[chance.randrange(len(fields))] = chance.choice([*NUMBERS, *SIGNS, ""])
    return ",".join(fields) + "\n"


def with_block(text: str, chance: Random, _: Sequence[str]) -> str:
    """Another block behind one."""
    ends = [match.end() for match in re.finditer(r"\|", text)] or [0]
    place = chance.choice(ends)
    return text[:place] + "\n" + raw(block(chance)) + text[place:]


def with_line(text: str, chance: Random, _: Sequence[str]) -> str:
    """Another line of the sketch or of the settings, or a mark of a part of the file."""
    ends = [match.end() for match in re.finditer("\n", text)] or [0]
    place = chance.choice(ends if chance.random() < 0.3 else ends[-40:])
    setting, marker = chance.choice(SETTINGS) + "\n", chance.choice(MARKERS)
    new = chance.choice([sketch_line(chance), sketch_line(chance), setting, marker])
    return text[:place] + raw(new) + text[place:]


def other_equation(text: str, chance: Random, _: Sequence[str]) -> str:
    """Another equation in the place of one."""
    places = list(re.finditer(r"=[^~|=]*(?=~)", text))
    if not places:
        return text
    match = chance.choice(places)
    names = re.findall(r"^([A-Za-z][\w ]{0,30}?) *=", text, re.MULTILINE)[:20] + NAMES[:3]
    return text[: match.start()] + "= " + raw(equation(chance, names)) + "\n\t" + text[match.end() :]


def other_field(text: str, chance: Random, _: Sequence[str]) -> str:
    """Another number or word in a line of the sketch or settings."""
    lines = text.split("\n")
    numbers = [number for number, line in enumerate(lines) if re.match(r"\d+[,:]", line)]
    if not numbers:
        return text
    number = chance.choice(numbers)
    fields = lines[number].split(",")
    words = [*NUMBERS, *SIGNS, *NAMES, str(chance.randrange(40)), ""]
    fields[chance.randrange(len(fields))] = raw(chance.choice(words))
    lines[number] = ",".join(fields)
    return "\n".join(lines)


def blocks_moved(text: str, chance: Random, others: Sequence[str]) -> str:
    """Blocks in another order, twice, or from another file."""
    return parts_moved(text, chance, others, "|")


def lines_moved(text: str, chance: Random, others: Sequence[str]) -> str:
    """Lines in another order, twice, or from another file."""
    return parts_moved(text, chance, others, "\n")


def other_encoding(text: str, chance: Random, _: Sequence[str]) -> str:
    """The same characters in another encoding, which the file may or may not name."""
    codec = chance.choice(
        ["utf-16", "utf-16-be", "utf-32", "cp1252", "shift_jis", "gb18030", "utf-8-sig", "utf-7"]
    )
    plain = text.encode("latin-1").decode("utf-8", "replace").removeprefix("{UTF-8}")
    named = chance.choice(["", "{UTF-8}", "{" + codec.upper() + "}", "{cp1252}", "{hz}"])
    return (named + plain).encode(codec, "replace").decode("latin-1")


CHANGES = [
    *COMMON, with_block, with_block, with_line, with_line, other_equation, other_equation, other_field, other_field,
    blocks_moved, blocks_moved, lines_moved, other_encoding,
]  # fmt: skip


def mutate(data: bytes, chance: Random, others: Sequence[bytes] = ()) -> bytes:
    """A Vensim file, changed."""
    return mutated(data, chance, CHANGES, others)


def document(chance: Random) -> bytes:
    """A Vensim file put together at random."""
    blocks = "".join(block(chance) for _ in range(chance.randrange(1, 8)))
    lines = "".join(sketch_line(chance) for _ in range(chance.randrange(9)))
    settings = "".join(chance.choice(SETTINGS) + "\n" for _ in range(chance.randrange(4)))
    tail = chance.choice(["", MARKERS[0] + lines, MARKERS[0] + lines + MARKERS[2] + MARKERS[3] + settings])
    return ("{UTF-8}\n" + blocks + tail).encode()


if __name__ == "__main__":
    from fuzzing import main

    sys.exit(main("vensim", mutate, document))
