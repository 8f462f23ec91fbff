"""Text that a hostile author may write: code in the shapes that end a string, a line or a name, and other tricks.

Every code leaves one canary, which `unharmed` looks for. Whatever the shape, a model's text must never run.
"""

from __future__ import annotations

import socket
import string

CANARY = "sdtheory_canary"
LISTENER = socket.create_server(("127.0.0.1", 0))  # where the canary of the network would sing
LISTENER.setblocking(False)
PORT = LISTENER.getsockname()[1]

# lower-case, as PySD makes the words that it pastes into its code
CODES = {
    "an attribute": f"setattr(__import__('builtins'),'{CANARY}',1)",
    "a file": f"open('{CANARY}','w')",
    "the environment": f"__import__('os').environ.setdefault('{CANARY}','1')",
    "a line": f"print('{CANARY}')",
    "a socket": f"__import__('socket').create_connection(('127.0.0.1',{PORT}),1)",
    "a command": f"__import__('os').system('echo {CANARY} > {CANARY}')",
}
_WIDE = str.maketrans({letter: chr(ord(letter) - 0x21 + 0xFF01) for letter in string.ascii_letters})
_BOLD = str.maketrans({letter: chr(0x1D41A + place) for place, letter in enumerate(string.ascii_lowercase)})


def _other_quotes(code: str) -> str:
    return code.replace("'", '"')


SHAPES = {
    "plain": lambda code: code,
    "three quotes": lambda code: f'"""\n{code}\n"""',
    "three quotes on one line": lambda code: f'""";{code};"""',
    "three apostrophes": lambda code: f"'''+str({_other_quotes(code)})+'''",
    "one quote": lambda code: f'" + str({code}) + "',
    "an apostrophe": lambda code: f"' + str({_other_quotes(code)}) + '",
    "the end of a key": lambda code: f"'] = {_other_quotes(code)} #",
    "the end of a mapping": lambda code: f"x': {_other_quotes(code)}}} #",
    "the end of a call": lambda code: f"x'), {_other_quotes(code)}, ('",
    "a body of its own": lambda code: f"x():\n    {code}\n#",
    "escaped line breaks": lambda code: f'\\"\\"\\"\\\n{code}\\\n\\"\\"\\"',
    "written line breaks": lambda code: f'"""\\n{code}\\n"""',
    "returns": lambda code: f'"""\r{code}\r"""',
    "line separators": lambda code: f'"""\u2028{code}\u2029"""\x85{code}\x0c{code}',
    "a backslash at the end": lambda code: f"{code}\\",
    "a NUL": lambda code: f'\0"""\n{code}\n"""',
    "braces": lambda code: f"{{{code}}}{{0}}{{0.__class__.__init__.__globals__}}",
    "percent signs": lambda code: f"%s %(name)s %({code})s %",
    "a dollar": lambda code: f"${{{code}}} $({code}) `{code}`",
    "a semicolon": lambda code: f"1; {code}; x",
    "a hash": lambda code: f"1 # coding: utf-7\n{code}",
    "unicode escapes": lambda code: "".join(f"\\x{ord(sign):02x}" for sign in code),
    "a lambda": lambda code: f"(lambda: {code})()",
    "full-width letters": lambda code: code.translate(_WIDE),
    "bold letters": lambda code: code.translate(_BOLD),
    "marks of direction": lambda code: f"\u202e{code}\u2066\u200f\u061c",
    "signs of a terminal": lambda code: f"\x1b[31m\x1b]0;{code}\x07\x9b2J\x08",
    "markup": lambda code: f"<script>{code}</script>]]><a href='javascript:{code}'>&lt;--><!--",
    "machine code": lambda code: f'\n}}\ndefine void @evil() {{ ret void }}\n; {code} c"\\00"',
    "very long": lambda code: f"{code}\n" + "x" * 65_536,
}
# names that mean something where a name becomes part of a program or a path
WORDS = (
    *(
        "__init__",
        "__class__",
        "__builtins__",
        "exec",
        "print",
        "lambda",
        "None",
        "self",
        "component",
        "data",
    ),
    *("numpy", "setup", "conftest", "theory", "np", "_root", "__data", "time", "../../setup", "/etc/passwd"),
    *(
        "C:\\con",
        "CON",
        ".",
        "..",
        "%2e%2e%2f",
        "~root",
        "$HOME",
        "file:///etc/passwd",
        "=1+1",
        "-",
        "'",
        '"',
    ),
    *("\\", "\t", "\u200b", "\ufdd0", "e\u0301", "\u1e9e", "\u0130"),
)


def payloads(turn: int = 0) -> dict[str, str]:
    """Every shape once, with the codes in turn, and every word."""
    codes = list(CODES.values())
    shaped = {
        name: shape(codes[(place + turn) % len(codes)]) for place, (name, shape) in enumerate(SHAPES.items())
    }
    return shaped | {f"the word {word!r}": word for word in WORDS}


def all_payloads() -> dict[str, str]:
    """Every shape with every code, and every word."""
    found = {}
    for turn, word in enumerate(CODES):
        found |= {
            f"{name}, {word}" if name in SHAPES else name: text for name, text in payloads(turn).items()
        }
    return found
