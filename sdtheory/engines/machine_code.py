"""LLVM assembly to machine code that can be called, for this processor; cached in memory and on disk."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sdtheory import cache
from sdtheory.engines.kernel import ARGUMENTS
from sdtheory.engines.vector_code import MATHEMATICS, Mathematics
from sdtheory.errors import NoMachineCode, shown

LIBRARY = "libmvec.so.1"  # glibc's vector forms of the mathematical functions
KEPT = 64  # functions kept in memory
KIND = "machine-code"  # its folder in the cache on disk
# lanes, letter of the vector function ABI, the feature that a processor must have
WIDTHS = ((8, "e", "avx512dq"), (4, "d", "avx2"), (2, "b", "sse2"))
# features that a processor with narrower vectors would not have
BEYOND: dict[int, tuple[str, ...]] = {
    8: (),
    4: ("avx512",),
    2: ("avx", "fma", "f16c", "xop", "vaes", "vpclmulqdq", "gfni"),
}
TYPES = {"ptr": ctypes.c_void_p, "i64": ctypes.c_int64, "double": ctypes.c_double}

_functions: OrderedDict[str, Callable[..., None]] = OrderedDict()
_lock = threading.RLock()


@dataclass(frozen=True)
class Processor:
    """What machine code is made for."""

    name: str
    features: str
    mathematics: Mathematics


@functools.cache
def llvm() -> Any:
    """The compiler.

    Raises
    ------
    NoMachineCode
        When llvmlite is missing or cannot make code for this machine.
    """
    try:
        import llvmlite.binding as binding

        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
    except Exception as error:  # whatever stops a foreign library from loading
        raise NoMachineCode(
            f"llvmlite cannot be used: {shown(error)}", remedy="install llvmlite, or use engine='vectorised'"
        ) from None
    return binding


@functools.cache
def processor(lanes: int | None = None) -> Processor:
    """This machine's processor, or what it would be with narrower vectors.

    Parameters
    ----------
    lanes : int, optional
        Numbers in a vector; the most that the processor has when left out.

    Raises
    ------
    NoMachineCode
        When llvmlite is missing, or the processor has no such vectors.
    """
    binding = llvm()
    try:
        features = dict(binding.get_host_cpu_features())
    except RuntimeError:  # LLVM does not know them on every platform
        features = {}
    name = binding.get_host_cpu_name()
    for width, letter, needed in WIDTHS:
        if features.get(needed) and lanes in (None, width):
            kept = {one: present and not one.startswith(BEYOND[width]) for one, present in features.items()}
            return Processor(name, _flat(kept), _mathematics(binding, width, letter))
    if lanes not in (None, 2):
        raise NoMachineCode(f"this processor has no vectors of {lanes} numbers")
    return Processor(name, _flat(features), Mathematics())


def _flat(features: dict[str, bool]) -> str:
    return ",".join(f"{'+' if present else '-'}{name}" for name, present in sorted(features.items()))


def _mathematics(binding: Any, lanes: int, letter: str) -> Mathematics:
    """The vector functions that this machine's C library has."""
    prefix = f"_ZGV{letter}N{lanes}"
    try:
        binding.load_library_permanently(LIBRARY)
    except RuntimeError:
        return Mathematics(lanes, permutes=lanes == 8)
    present = {
        name
        for key, name in MATHEMATICS.items()
        if binding.address_of_symbol(f"{prefix}{'vv' if key == '^' else 'v'}_{name}")
    }
    return Mathematics(lanes, prefix, frozenset(present), permutes=lanes == 8)


def key_of(text: str, machine: Processor) -> str:
    """The name under which machine code is cached."""
    binding = llvm()
    import llvmlite

    parts = (text, llvmlite.__version__, str(binding.llvm_version_info), machine.name, machine.features)
    lanes = str(machine.mathematics.lanes)
    return hashlib.sha256("\0".join((*parts, lanes)).encode()).hexdigest()


def is_at_hand(text: str, machine: Processor) -> bool:
    """Whether a function can be had without compiling it."""
    key = key_of(text, machine)
    return key in _functions or cache.read(KIND, key) is not None


def forget() -> None:
    """Keep no function in memory; machine code is then read from disk or made again."""
    with _lock:
        _functions.clear()


def function(text: str, machine: Processor) -> Callable[..., None]:
    """The function ``run`` of a module.

    Parameters
    ----------
    text : str
        LLVM assembly.
    machine : Processor

    Raises
    ------
    NoMachineCode
        When LLVM refuses the text.
    """
    return _made(text, machine, _stored_or_compiled)


def function_at_once(text: str, machine: Processor) -> Callable[..., None]:
    """What `function` gives, made in about a tenth of the time: slower code, which is not kept on disk.

    Parameters
    ----------
    text : str
        LLVM assembly that `function` is never asked for.
    machine : Processor

    Raises
    ------
    NoMachineCode
        When LLVM refuses the text.
    """
    return _made(text, machine, _compiled_at_once)


def _made(text: str, machine: Processor, code_of: Callable[[str, Processor], bytes]) -> Callable[..., None]:
    """The function in memory, or made from its code."""
    key = key_of(text, machine)
    with _lock:
        if key not in _functions:
            _keep(key, _loaded(code_of(text, machine), machine))
        _functions.move_to_end(key)
        return _functions[key]


def _stored_or_compiled(text: str, machine: Processor) -> bytes:
    key = key_of(text, machine)
    code = cache.read(KIND, key)
    if code is None:
        code = _compiled(text, machine)
        cache.write(KIND, key, code)
    return code


def _keep(key: str, function: Callable[..., None]) -> None:
    _functions[key] = function
    if len(_functions) > KEPT:
        _functions.popitem(last=False)


def _target(machine: Processor, level: int = 2) -> Any:
    binding = llvm()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(
        cpu=machine.name,
        features=machine.features,
        opt=level,
        reloc="default",
        codemodel="jitdefault",
        jit=True,
    )


def _module(text: str, target: Any) -> Any:
    module = llvm().parse_assembly(text)
    module.triple = target.triple
    module.data_layout = str(target.target_data)
    module.verify()
    return module


def _compiled(text: str, machine: Processor) -> bytes:
    """The object code of a module."""
    binding = llvm()
    try:
        target = _target(machine)
        module = _module(text, target)
        tuning = binding.create_pipeline_tuning_options(speed_level=1)
        passes = binding.create_new_function_pass_manager()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        builder = binding.create_pass_builder(target, tuning)
        for one in module.functions:
            if not one.is_declaration:
                passes.run(one, builder)
        return target.emit_object(module)
    except RuntimeError as error:
        raise NoMachineCode(f"LLVM refuses the model: {shown(error, 300)}") from None


def _compiled_at_once(text: str, machine: Processor) -> bytes:
    """The object code of a module as it stands."""
    try:
        target = _target(machine, level=0)
        return target.emit_object(_module(text, target))
    except RuntimeError as error:
        raise NoMachineCode(f"LLVM refuses the model: {shown(error, 300)}") from None


def _loaded(code: bytes, machine: Processor) -> Callable[..., None]:
    """The function in object code; ctypes lets other threads run during a call."""
    binding = llvm()
    try:
        target = _target(machine)
        engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target)
        engine.add_object_file(binding.ObjectFileRef.from_data(code))
        engine.finalize_object()
        address = engine.get_function_address("run")
    except RuntimeError as error:
        raise NoMachineCode(f"LLVM cannot load machine code: {shown(error, 300)}") from None
    called = ctypes.CFUNCTYPE(None, *(TYPES[kind] for kind, _ in ARGUMENTS))(address)
    called.engine = engine  # type: ignore[attr-defined]  # the code lives as long as its engine
    return called
