"""One format into the other: the equations from the model's trees, everything else from the document."""

from __future__ import annotations

import warnings
from collections import Counter

from sdtheory.documents import from_bytes
from sdtheory.documents.convert_common import Conversion
from sdtheory.documents.convert_equations import Rewriting
from sdtheory.documents.convert_losses import count_losses
from sdtheory.documents.convert_sketch import sketch_text
from sdtheory.documents.convert_views import view_lines
from sdtheory.documents.document import Document
from sdtheory.documents.print_vensim import vensim_text
from sdtheory.documents.print_xmile import xmile_text
from sdtheory.errors import SDWarning, UsageError, shown
from sdtheory.model.model import Model


def converted(document: Document, format: str, model: Model) -> Document:
    """The document in another format.

    Parameters
    ----------
    document : Document
    format : str
        ``"vensim"`` or ``"xmile"``.
    model : Model
        What the document means.

    Returns
    -------
    Document
        Without a source. In the format that the document has already, it has the same bytes.

    Raises
    ------
    ModelError
        For something that the format cannot express; names the variable and the construct.

    Warns
    -----
    SDWarning
        One for each kind of thing that the format cannot hold, with its count.
    """
    if format not in ("vensim", "xmile"):
        raise UsageError(f"unknown format '{shown(format)}'", remedy="use 'vensim' or 'xmile'")
    if format == document.format:
        return Document(document.bytes, document.format, document.encoding, None, document.limits)
    lost: Counter[str] = Counter()
    rewriting = Rewriting(model, format, lost)
    variables = rewriting.run()
    conversion = Conversion(document, model, format, variables, rewriting.sources, lost)
    count_losses(conversion)
    if format == "xmile":
        text = xmile_text(conversion, view_lines(conversion))
    else:
        text = vensim_text(conversion, sketch_text(conversion))
    for what, count in sorted(lost.items()):
        warnings.warn(SDWarning(f"convert-lost: {count} × {what}"), stacklevel=3)
    return from_bytes(text.encode(), format, "utf-8", None, document.limits)
