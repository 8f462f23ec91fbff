"""Who may talk to the editor's server: an address that works once, and the cookie that it gives."""

from __future__ import annotations

import hmac
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={address}"><link rel="icon" href="data:,"><title>sdtheory</title></head>
<body><p><a href="{address}">Open the editor</a></p></body></html>
"""


def going_on_to(address: str) -> str:
    """A small page that goes on to an address of our own by itself.

    It names an empty icon, as the editor does: a browser would ask for one otherwise, and report that there is none.

    Examples
    --------
    >>> 'content="0; url=/"' in going_on_to("/")
    True
    """
    return _PAGE.format(address=address)


@dataclass
class Admission:
    """The secrets of one run of the server.

    A cookie that is sent to its own site only is not sent on a redirect begun elsewhere, such as a terminal in
    a web page; so the address with the token answers a page that goes on to the editor, and no redirect.

    Parameters
    ----------
    port : int
        Other servers on this machine have cookies of their own names.

    Examples
    --------
    >>> admission = Admission(8000)
    >>> token = admission.new_address().partition("?t=")[2]
    >>> admission.enter(token), admission.enter(token)
    (True, False)
    """

    port: int
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    _token: str | None = field(default=None, repr=False)
    _folder: Path | None = field(default=None, repr=False)

    @property
    def origin(self) -> str:
        """What addresses of this server begin with."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cookie(self) -> str:
        """Name of the cookie."""
        return f"sdtheory-{self.port}"

    def new_address(self) -> str:
        """An address that opens the editor once; the one before it is dead."""
        self._token = secrets.token_urlsafe(32)
        return f"{self.origin}/?t={self._token}"

    def enter(self, token: str) -> bool:
        """Whether a token is the present one; it is used up then."""
        if self._token is None or not _same(token, self._token):
            return False
        self._token = None
        self.forget_file()
        return True

    def knows(self, cookie: str) -> bool:
        """Whether a cookie's value is the one that `enter` gives out."""
        return _same(cookie, self.secret)

    def address_file(self, address: str) -> Path:
        """A page on disk, for this user's eyes only, that goes on to an address.

        A browser is opened on it, so that the token is in no command line.
        """
        self.forget_file()
        self._folder = Path(tempfile.mkdtemp(prefix="sdtheory-edit-"))
        path = self._folder / "open.html"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(going_on_to(address))
        return path

    def forget_file(self) -> None:
        """Remove the page on disk."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
