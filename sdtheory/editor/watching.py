"""Notices when another program has changed the model file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from sdtheory.documents import Document, read
from sdtheory.errors import SDError


@dataclass
class Watch:
    """The file on disk, looked at again and again.

    Parameters
    ----------
    path : str
    """

    path: str
    _marks: tuple[int, int, int] | None = None
    _document: Document | None = field(default=None, repr=False)

    def look(self, known: str) -> Document | None:
        """The document that the file holds now, when it is another one than known; None otherwise.

        Size and time are looked at first, then the bytes. A file that cannot be read, such as one that is
        half written, is left for the next look; so is one that is missing for a moment.

        Parameters
        ----------
        known : str
            SHA-256 of what the file holds as far as is known.
        """
        try:
            status = os.stat(self.path)
            marks = (status.st_size, status.st_mtime_ns, status.st_ino)
            if marks != self._marks or self._document is None:
                self._document = read(self.path)
                self._marks = marks
        except (OSError, SDError):
            return None
        source = self._document.source
        return self._document if source is not None and source.sha256 != known else None
