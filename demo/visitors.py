"""Who asks: the session and the address, and how much each of them may have."""

from __future__ import annotations

import ipaddress
import math
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .limits import InputError

COOKIE = "visitor"
"""Name of the cookie that ties a browser's uploads to it."""

HOUR = 3600.0
SHARE = 3
"""An address may have so many times what a session may: several people sit behind one."""

_COOKIE_VALUE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Visitor:
    """Whose event or request this is.

    Attributes:
        browser: value of the browser's cookie; empty for programs and where cookies are off.
        session: name of the page that is open in the browser, which Gradio makes up.
        address: where the request comes from.
    """

    browser: str = ""
    session: str = ""
    address: str = ""

    @classmethod
    def of(cls, request: Any) -> Visitor:
        """The visitor of a request of Gradio's or Starlette's."""
        received = getattr(request, "request", None) or request
        value = (getattr(received, "cookies", None) or {}).get(COOKIE, "")
        client = getattr(received, "client", None)
        return cls(
            browser=value if _COOKIE_VALUE.fullmatch(value) else "",
            session=getattr(request, "session_hash", None) or "",
            address=_network(getattr(client, "host", "") or ""),
        )

    @property
    def owner(self) -> str:
        """What results belong to: the browser, or else the session, or else nobody again."""
        return self.browser or self.session or secrets.token_hex(16)


def new_cookie() -> str:
    """A value for :data:`COOKIE` that nobody guesses."""
    return secrets.token_hex(16)


def _network(host: str) -> str:
    """The address; of IPv6 the network that one customer has."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


class Quota:
    """So much of something within an hour, for each session and each address.

    Args:
        most: for a session or a browser; an address may have :data:`SHARE` times as much.
        called: what it is, such as ``evaluations``.
    """

    def __init__(self, most: float, called: str, clock: Callable[[], float] = time.monotonic):
        self.most, self.called = most, called
        self._clock = clock
        self._used: dict[str, deque[tuple[float, float]]] = {}
        self._lock = threading.Lock()

    def take(self, visitor: Visitor, amount: float = 1) -> None:
        """Count so much.

        Raises:
            InputError: that would be too much; nothing is counted.
        """
        now = self._clock()
        shares = {
            visitor.browser or visitor.session: self.most,
            visitor.address and f"from {visitor.address}": SHARE * self.most,
        }
        holders = {holder: most for holder, most in shares.items() if holder}
        with self._lock:
            self._forget(now)
            for holder, most in holders.items():
                used = self._used.get(holder, ())
                if sum(each for _, each in used) + amount > most:
                    raise InputError(self._sentence(used, now))
            for holder in holders:
                self._used.setdefault(holder, deque()).append((now, amount))

    def _forget(self, now: float) -> None:
        for holder in list(self._used):
            used = self._used[holder]
            while used and used[0][0] <= now - HOUR:
                used.popleft()
            if not used:
                del self._used[holder]

    def _sentence(self, used: Any, now: float) -> str:
        text = f"This server gives one visitor {self.most:,.0f} {self.called} an hour"
        if not used:
            return f"{text}: ask for less."
        minutes = math.ceil((used[0][0] + HOUR - now) / 60)
        return f"{text}, and you have had them: there is room again in {minutes} min."
