"""Run in a process of its own: the attacks under an audit hook, which notes whatever reaches outside.

``under_hook.py attack FOLDER OUT HOW_MANY`` tries the attacks in FOLDER, with files of ours in OUT alone;
``under_hook.py see FOLDER OUT`` does what is forbidden, to show that it would be noted;
``under_hook.py import MODULE...`` imports modules. Each prints what was noted as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import sysconfig
import tempfile
import warnings
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOTS = tuple(
    {*map(os.path.realpath, (*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix))}
    | {os.path.realpath(Path(__file__).parents[2])}
)
NEVER = (
    *("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile"),
    *("subprocess.Popen", "pty.spawn", "pickle.find_class", "code.__new__", "webbrowser.open", "os.putenv"),
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "urllib.Request", "os.chdir"),
)
CHANGES = (
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.link", "os.symlink"),
    *("os.truncate", "shutil.rmtree", "shutil.copyfile", "shutil.move"),
)
noted: list[str] = []
state: dict[str, Any] = {"armed": False, "permitted": (), "looking": False}


def frames() -> list[str]:
    """Files of the code that is running, the innermost first."""
    found, frame = [], sys._getframe(2)
    while isinstance(frame, FrameType):
        found.append(frame.f_code.co_filename)
        frame = frame.f_back  # type: ignore[assignment]
    return found


def below(path: Any, folders: tuple[str, ...]) -> bool:
    if isinstance(path, int) or path is None:
        return True  # a descriptor was opened before
    real = os.path.realpath(os.fsdecode(path))
    return any(real == folder or real.startswith(folder + os.sep) for folder in folders)


def hook(event: str, arguments: tuple) -> None:
    if not state["armed"] or state["looking"]:
        return
    state["looking"] = True
    try:
        wrong = forbidden(event, arguments)
        if wrong:
            noted.append(f"{event}: {wrong}")
    finally:
        state["looking"] = False


def forbidden(event: str, arguments: tuple) -> str:
    """What is wrong with an event, or nothing."""
    if event in NEVER:
        return ascii(arguments)[:200]
    if event == "open":
        path, mode, flags = arguments
        writes = any(sign in (mode or "") for sign in "wax+") or flags & (
            os.O_WRONLY | os.O_RDWR | os.O_CREAT
        )
        return "" if not writes or path == os.devnull or below(path, state["permitted"]) else ascii(path)
    if event in CHANGES:
        paths = [one for one in arguments[:2] if isinstance(one, str | bytes | os.PathLike)]
        if (
            isinstance(arguments[-1], int) and arguments[-1] >= 0 and len(arguments) < 4
        ):  # below an open folder
            with contextlib.suppress(OSError):
                paths = [
                    os.path.join(os.readlink(f"/proc/self/fd/{arguments[-1]}"), *map(os.fsdecode, paths))
                ]
        return "" if all(below(path, state["permitted"]) for path in paths) else ascii(arguments)[:200]
    if event == "exec" and isinstance(arguments[0], CodeType):
        file = arguments[0].co_filename
        if file.startswith("<"):  # made by a library, such as the methods of a dataclass
            file = next((one for one in frames()[1:] if not one.startswith("<")), file)
        return "" if file.startswith("<frozen") or below(file, (*ROOTS, *state["private"])) else ascii(file)
    if event == "marshal.loads":
        return "" if "importlib" in frames()[1] else ascii(frames()[:3])
    if event.startswith("ctypes.") and event not in ("ctypes.addressof", "ctypes.create_string_buffer"):
        knows = any(one.endswith(("machine_code.py", "compiled.py")) or "llvmlite" in one for one in frames())
        return "" if knows else ascii(frames()[:4])
    return ""


def arm(*permitted: str) -> None:
    own = tuple(map(os.path.realpath, permitted))
    state["private"] = (os.path.realpath(tempfile.gettempdir()),)
    state["permitted"] = (*own, *state["private"], os.path.realpath(os.environ["SDTHEORY_CACHE"]))
    state["armed"] = True


def attack(folder: Path, out: Path, many: int) -> None:
    """Some payloads in every place, each with some use."""
    from payloads import payloads
    from places import FILES
    from unharmed import NEED_NO_MODEL, USES, answered

    import sdtheory as sd

    uses = list(USES)
    harmless = out / "harmless.mdl"
    harmless.write_text(FILES["mdl"][1]("documentation", "harmless"), encoding="utf-8")
    for use in uses:  # what is imported on first use is imported before the hook is armed
        USES[use](harmless, out)
    path = folder / "theory.mdl"
    arm(str(out))
    turn = 0
    for suffix, (places, write) in FILES.items():
        for place in places:
            chosen = list(payloads(turn).values())
            for _ in range(many):
                turn += 1
                path = out / f"theory.{suffix}"
                path.write_text(write(place, chosen[turn * 7 % len(chosen)]), encoding="utf-8", newline="")
                model = answered(lambda path=path: sd.load(path), path.name)
                use = uses[turn % len(uses)]
                if model is not None or use in NEED_NO_MODEL:
                    answered(lambda path=path, use=use: USES[use](path, out), "")
    for name, module in list(sys.modules.items()):
        if below(getattr(module, "__file__", None) or 0, (str(folder),)) and getattr(
            module, "__file__", None
        ):
            noted.append(f"import of {name} from the folder")


def see(folder: Path, out: Path) -> None:
    """Do each thing that is forbidden, as far as it does no harm."""
    import ctypes
    import marshal
    import pickle
    import socket
    import subprocess

    (folder / "evil.py").write_text("evil = True\n")
    stored = pickle.dumps(Path)
    arm(str(out))
    open(folder / "written", "w").close()
    os.rename(folder / "written", folder / "renamed")
    os.system("true")
    subprocess.run(["true"], check=True)
    with contextlib.suppress(OSError), socket.socket() as one:
        one.connect(("127.0.0.1", 9))
    pickle.loads(stored)
    marshal.loads(marshal.dumps(1))
    exec(compile("evil = True", str(folder / "evil.py"), "exec"), {})
    ctypes.CDLL(None)


def main() -> None:
    what, *words = sys.argv[1:]
    warnings.simplefilter("ignore")
    sys.addaudithook(hook)
    if what == "import":
        arm()
        for word in words:
            __import__(word)
        found = [
            one for one in noted if one.startswith(("socket", "subprocess", "os.system", "urllib", "pickle"))
        ]
    else:
        folder, out, *many = words
        (attack if what == "attack" else see)(Path(folder), Path(out), *map(int, many))
        found = noted
    state["armed"] = False
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
