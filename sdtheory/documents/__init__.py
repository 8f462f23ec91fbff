"""Model files, Vensim ``.mdl`` and XMILE, kept byte for byte."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from sdtheory.documents.document import Document, Source, Span
from sdtheory.documents.text import byte_order_mark, codec_name, file_name
from sdtheory.errors import DocumentError, LimitError, shown
from sdtheory.limits import Limits

__all__ = ["Document", "Limits", "Source", "Span", "contents", "from_bytes", "read", "recognised"]

_XMILE_SUFFIXES = frozenset({".xmile", ".stmx", ".itmx", ".xml"})
_XML_ENCODING = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_VENSIM_ENCODING = re.compile(rb"\{([A-Za-z0-9._-]{1,40})\}")
_EXPECTED = "expected a Vensim .mdl or an XMILE .xmile, .stmx or .xml model"


def read(path: str | os.PathLike[str], encoding: str | None = None, limits: Limits | None = None) -> Document:
    """Read a Vensim or XMILE model file; nothing in it is run, and its bytes are kept.

    Parameters
    ----------
    path : path-like
    encoding : str, optional
        Codec of the file when it is not what the file says (default: what it says, else UTF-8).
    limits : Limits, optional

    Returns
    -------
    Document

    Raises
    ------
    DocumentError
        The file cannot be opened, is not a regular file, or is not a model.
    LimitError
        The file is larger than ``limits.file_bytes``.
    """
    limits = limits or Limits()
    data, source = contents(path, limits)
    return from_bytes(data, None, encoding, source, limits)


def from_bytes(
    data: bytes,
    format: str | None = None,
    encoding: str | None = None,
    source: Source | None = None,
    limits: Limits | None = None,
) -> Document:
    """The document that these bytes are.

    Parameters
    ----------
    data : bytes
    format : str, optional
        ``"vensim"`` or ``"xmile"`` (default: as the content shows; the name of the source breaks ties).
    encoding : str, optional
    source : Source, optional
        The file that the bytes come from.
    limits : Limits, optional

    Examples
    --------
    >>> from_bytes(b"{UTF-8}\\nstock = INTEG(flow, 1) ~~|").variables["stock"].kind
    'stock'
    """
    format, codec = recognised(data, format, encoding, source)
    return Document(data, format, codec, source, limits or Limits())


def recognised(
    data: bytes, format: str | None = None, encoding: str | None = None, source: Source | None = None
) -> tuple[str, str]:
    """The format and the codec of a file's bytes.

    Parameters
    ----------
    data : bytes
    format, encoding : str, optional
        When they are known.
    source : Source, optional

    Raises
    ------
    DocumentError
        When the bytes are no model file.

    Examples
    --------
    >>> recognised(b"{UTF-8} a = 1 ~~|")
    ('vensim', 'utf-8')
    """
    file = file_name(source.path) if source else "<document>"
    if not data.strip():
        raise DocumentError("the file is empty", file=file, remedy=_EXPECTED)
    mark, length = byte_order_mark(data)
    if not (mark or "").startswith(("utf-16", "utf-32")) and (position := data.find(b"\0")) >= 0:
        raise DocumentError(
            f"byte {position} is NUL, so this is not a text file", file=file, remedy=_EXPECTED
        )
    if format is None:
        format = _format(data, mark, length, Path(source.path).suffix.lower() if source else "", file)
    elif format not in ("vensim", "xmile"):
        raise DocumentError(f"unknown format '{shown(format)}'", file=file, remedy="use 'vensim' or 'xmile'")
    chosen = encoding or mark or _declared(data[length:], format)
    codec = codec_name(chosen)
    if codec is None:
        raise DocumentError(
            f"unknown encoding '{shown(chosen)}'",
            file=file,
            line=1,
            remedy='pass encoding="utf-8" or another',
        )
    if mark is not None and codec[:6] == mark[:6]:
        codec = mark  # the mark also says the order of the bytes
    return format, codec


def contents(path: str | os.PathLike[str], limits: Limits) -> tuple[bytes, Source]:
    """The bytes of a regular file; opened without waiting, so that a pipe or device cannot hold us up."""
    name = os.fsdecode(path)
    data = _contents(name, limits)
    return data, Source(name, hashlib.sha256(data).hexdigest(), len(data))


def _contents(name: str, limits: Limits) -> bytes:
    file = shown(name.encode("utf-8", "backslashreplace").decode(), 4096)
    try:
        handle = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise DocumentError(f"cannot be read: {reason}", file=file) from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise DocumentError(f"this is {kind}", file=file, remedy=_EXPECTED)
    try:
        with open(handle, "rb") as stream:
            data = stream.read(limits.file_bytes + 1)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}", file=file) from None
    if len(data) > limits.file_bytes:
        size = max(status.st_size, len(data))
        raise LimitError(
            f"the file has {size:,} bytes; the limit is {limits.file_bytes:,}",
            file=file,
            remedy="pass limits=Limits(file_bytes=...)",
        )
    return data


def _format(data: bytes, mark: str | None, length: int, suffix: str, file: str) -> str:
    """Content decides; the suffix only where the content leaves it open."""
    head = data[length : length + 4096].decode(mark or "latin-1", "ignore").lstrip()
    if head.startswith("<"):
        return "xmile"
    if suffix == ".mdl":
        return "vensim"
    text = data[length:].decode(mark or "latin-1", "ignore")
    if "|" in text and ("~" in text or head.startswith("{")):
        return "vensim"
    if suffix in _XMILE_SUFFIXES:
        raise DocumentError("this is not XML", file=file, line=1, column=1, remedy=_EXPECTED)
    raise DocumentError("this is neither a Vensim nor an XMILE model", file=file, remedy=_EXPECTED)


def _declared(data: bytes, format: str) -> str:
    """The encoding that the file names at its beginning, else UTF-8."""
    if format == "xmile":
        found = _XML_ENCODING.match(data, max(data.find(b"<"), 0))
        return found.group(1).decode() if found else "utf-8"
    found = _VENSIM_ENCODING.match(data)
    name = found.group(1).decode() if found else "utf-8"
    return name if codec_name(name) else "utf-8"
