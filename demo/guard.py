"""What of Gradio's server the world may reach, and how much of it.

Gradio serves more than this page needs: addresses that fetch other addresses, that write states of
the page to the disk, that edit the app.  Here is the list of what the page and its programs use;
all else is not there.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from gradio.route_utils import MultiPartException, upload_fn
from gradio.routes import file_upload_statuses
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from replicate.errors import ImageError

from . import parts, pictures
from .limits import InputError, Limits
from .opening import ASSETS
from .uploads import Uploads
from .visitors import COOKIE, Quota, Visitor, new_cookie

API = "/gradio_api"
FILE = f"{API}/file="
UPLOAD = f"{API}/upload"

_READ = re.compile(
    r"/|/examples/[\w-]+\.webp|/own/[\w./-]+|/config/?|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt|/pwa_icon(/\d+)?"
    r"|/(assets|static|svelte)/.*"
    rf"|{API}/(info/?|openapi\.json|startup-events|theme\.css|app_id/?|login_check/?|user/?|queue/data"
    r"|queue/status|upload_progress|heartbeat/[\w-]+|call/(v2/)?\w+/\w+|file=.*)"
)
_WRITTEN = re.compile(
    rf"{API}/(queue/join/?|call/(v2/)?\w+/?|(run|api)/\w+/?|cancel|reset/?|upload)"
)

_STREAM = re.compile(rf"{API}/(?:queue/data|call/(?:v2/)?\w+/(\w+))")

BODY = 1_000_000
"""Bytes of a question that is no upload: the longest form has a fiftieth of it."""

AT_ONCE = 6
"""Uploads of one address under way."""

PICTURE = "picture"
"""Parameter of an upload that must be a picture; other files may be anything until used."""

PARTS = 4
"""Files of one upload."""

_PROGRESS_KEPT = 60.0
"""Seconds for which a browser may still ask how an upload goes."""

Scope = MutableMapping[str, Any]


class Guard:
    """ASGI middleware before Gradio's own.

    Args:
        listening: counts the open streams on which each session hears of its jobs.
    """

    def __init__(self, app: Any, uploads: Uploads, limits: Limits, listening: Counter[str]):
        self.app, self.uploads, self.limits, self.listening = app, uploads, limits, listening
        self.files = Quota(limits.uploads, "uploads")
        self.bytes = Quota(limits.uploaded_megabytes * 1e6, "bytes of uploads")
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, answer = scope["path"], self._refusal(scope) or self.app
        if answer is not self.app:
            pass
        elif path == UPLOAD:
            answer = await self._uploaded(scope, receive)
        elif path.startswith("/examples/"):
            answer = _example(self.uploads.examples / path.removeprefix("/examples/"))
        elif path.startswith("/own/"):
            answer = GZipMiddleware(_own(path.removeprefix("/own/")))
        elif path == "/":
            answer, send = GZipMiddleware(answer), _with_cookie(scope, send)
        elif scope["method"] == "POST":
            receive = _counted(receive, _at_most(BODY))
        with self._listened(scope):
            await answer(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        known = {"GET": _READ, "HEAD": _READ, "POST": _WRITTEN}.get(scope["method"])
        if known is None or not known.fullmatch(scope["path"]):
            return _refused("Not found.", 404)
        file = scope["path"].removeprefix(FILE)
        if file == scope["path"] or self.uploads.allows(file, Visitor.of(Request(scope)).browser):
            return None
        return _refused("There is no such file.", 403)

    @contextmanager
    def _listened(self, scope: Scope) -> Iterator[None]:
        """Count a stream on which a session, or who asked for one event, hears of it."""
        stream = _STREAM.fullmatch(scope["path"])
        if stream is None or scope["method"] != "GET":
            yield
            return
        query = parse_qs(scope["query_string"].decode("latin-1"))
        who = stream[1] or query.get("session_hash", [""])[0]
        self.listening[who] += 1
        try:
            yield
        finally:
            self.listening[who] -= 1
            if not self.listening[who]:
                del self.listening[who]

    async def _uploaded(self, scope: Scope, receive: Any) -> Response:
        """Keep the files of an upload in a folder of its own; or nothing of it."""
        visitor = Visitor.of(Request(scope))
        if self._under_way[visitor.address] >= AT_ONCE:
            return _refused("Too many uploads at once.", 429)
        self._under_way[visitor.address] += 1
        folder = self.uploads.new(visitor.browser)
        kept: list[str] = []
        try:
            self.files.take(visitor)
            counted = _counted(receive, lambda count: self.bytes.take(visitor, count))
            request = Request(scope, counted)
            received = await self._received(request, folder)
            if PICTURE in request.query_params:
                for path in received:
                    await run_in_threadpool(pictures.check, path, self.limits)
            kept = received
            return JSONResponse(kept)
        except ImageError as error:
            return _refused(str(error), 415)
        except InputError as error:
            return _refused(str(error), 429)
        except MultiPartException as error:
            if "maximum allowed size" in error.message:
                return _refused(f"The file is over {self.limits.megabytes} MB.", 413)
            return _refused("This is no upload.", 400)
        except (HTTPException, ClientDisconnect):
            return _refused("This is no upload.", 400)
        finally:
            self._under_way -= Counter([visitor.address])
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)

    async def _received(self, request: Request, folder: Path) -> list[str]:
        progress = request.query_params.get("upload_id")
        if progress:  # forgotten later, for the browser asks once more after the end
            loop = asyncio.get_running_loop()
            loop.call_later(_PROGRESS_KEPT, file_upload_statuses.stop_tracking, progress)
        kept, _, _ = await upload_fn(
            request,
            folder,
            self.limits.megabytes * 1_000_000,
            progress,
            upload_progress=file_upload_statuses if progress else None,
        )
        if len(kept) > PARTS:
            raise HTTPException(400)
        return [str(path) for path in kept]


def _refused(sentence: str, status: int) -> Response:
    return PlainTextResponse(sentence, status)


def _example(path: Path) -> Response:
    if not path.is_file():
        return _refused("Not found.", 404)
    return FileResponse(path, headers={"Cache-Control": "max-age=3600"})


def _own(path: str) -> Response:
    """A file of the page itself: its script, its sheet, pictures drawn beforehand."""
    made = {"page.js": (parts.script, "text/javascript"), "page.css": (parts.sheet, "text/css")}
    kept = {"Cache-Control": "max-age=3600"}
    if path in made:
        content, kind = made[path]
        return Response(content(), headers=kept, media_type=kind)
    file = ASSETS / path
    if not re.fullmatch(r"(grid|examples)/[\w-]+\.webp", path) or not file.is_file():
        return _refused("Not found.", 404)
    return FileResponse(file, headers=kept)


def _counted(receive: Any, count: Callable[[int], None]) -> Any:
    async def counting() -> Any:
        message = await receive()
        count(len(message.get("body", b"")))
        return message

    return counting


def _at_most(most: int) -> Callable[[int], None]:
    total = 0

    def count(more: int) -> None:
        nonlocal total
        total += more
        if total > most:
            raise HTTPException(413, "Too large.")

    return count


def _with_cookie(scope: Scope, send: Any) -> Any:
    """``send`` that gives the browser a cookie if it has none."""
    if Visitor.of(Request(scope)).browser:
        return send
    # In a frame of another site, as on the hub, only a partitioned cookie comes back.
    how = "Secure; SameSite=None; Partitioned" if scope["scheme"] == "https" else "SameSite=Lax"
    cookie = (b"set-cookie", f"{COOKIE}={new_cookie()}; Path=/; HttpOnly; {how}".encode())

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], cookie]}
        await send(message)

    return sending
