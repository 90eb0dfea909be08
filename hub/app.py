"""The composition root: builds the hub's parts around its settings; runs ingest, mail and feed beside the pages."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from hub.chores import Chores
from hub.clock import now_ms
from hub.counting import Counting
from hub.errors import (
    AlreadyRegisteredError,
    HubError,
    InputError,
    NotAllowedError,
    NotIdentifiedError,
    OutdatedError,
    StoreUnavailableError,
    ThrottledError,
    UnknownSubjectError,
)
from hub.exchange.credentials import load_token
from hub.exchange.mail import SmtpMailer
from hub.exchange.oidc import OidcProvider
from hub.exchange.pts_doors import open_door
from hub.exchange.webhooks import Webhooks
from hub.ingest import Ingest
from hub.jobs import AlertJob, BoardJob, DeviceReportJob, MailJob, MissingJob, TellJob
from hub.keys import ensure_receipt_key
from hub.scheduler import Scheduler
from hub.sealing import Sealer
from hub.services.accept_blocks import Terms
from hub.services.notice_sources import SOURCES
from hub.services.open_hub import TIMELINE_LENGTH, open_hub
from hub.store import registry
from hub.web.bounding import Bounded
from hub.web.compressing import Compressing
from hub.web.context import Hub
from hub.web.feed import Feed
from hub.web.headers import SecurityHeaders
from hub.web.idempotency import Idempotent
from hub.web.observing import Observing
from hub.web.openapi import make_app
from hub.web.origins import SameOrigin
from hub.web.pages.signing_in import keep_and_sign_in, send_to_sign_in
from hub.web.problems import answer_bug, answer_problem, explain_invalid, is_for_people
from hub.web.routers import methods_at
from hub.web.tagging import Tagging

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI, Request
    from fastapi.responses import Response

    from hub.clock import Now
    from hub.config import HubSettings
    from hub.scheduler import Job
    from hub.store.database import Database

_STATIC = Path(__file__).parent / "web" / "static"
_STATUSES: dict[type[HubError], int] = {
    InputError: 422,
    AlreadyRegisteredError: 409,
    OutdatedError: 412,
    NotIdentifiedError: 401,
    NotAllowedError: 403,
    UnknownSubjectError: 404,
    ThrottledError: 429,
    StoreUnavailableError: 503,
}


def build_app(settings: HubSettings, now: Now = now_ms) -> FastAPI:
    """Return the hub as an ASGI application, its database open and migrated.

    Ingest (if `settings.broker` is set), mail (if `settings.mail` is) and feed run from start-up to shut-down; then the
    database is closed. Raises SettingsError or StoreUnavailableError if the data folder cannot be used.
    """
    key = ensure_receipt_key(settings.data_folder)
    mailer = None if settings.mail is None else SmtpMailer(settings.mail)
    door = None if settings.forward is None else open_door(settings.forward)
    token = None if settings.metrics_token is None else load_token(settings.metrics_token)
    counting = Counting(now)
    database = open_hub(settings.data_folder, new_timeline=secrets.token_bytes(TIMELINE_LENGTH), at=now())
    database.tell_writes(counting.write_done)
    terms = _terms(settings, database)
    ingest = None
    if settings.broker is not None:
        ingest = Ingest(database.beside(), key, settings.broker, terms, now, counting=counting)
    hub = Hub(
        settings=settings,
        database=database,
        feed=Feed(database),
        ingest=ingest,
        now=now,
        terms=terms,
        receipt_key=key,
        counting=counting,
        chores=Chores(now),
        sealer=Sealer(key),
        webhooks=Webhooks(settings.webhook_allow),
        pts=door,
        oidc=None if settings.oidc is None else OidcProvider(settings.oidc, now),
        metrics_token=token,
    )
    app = make_app(_lifespan)
    app.state.hub = hub
    jobs: list[Job] = [
        DeviceReportJob(database.beside(), now),
        BoardJob(database.beside(), counting, now),
        AlertJob(database.beside(), counting, now, settings),
        MissingJob(database.beside(), now),
        TellJob(
            database.beside(),
            # A mailer is for one thread.
            None if settings.mail is None else SmtpMailer(settings.mail),
            hub.webhooks,
            hub.sealer,
            now,
            counting=counting,
        ),
    ]
    if mailer is not None:
        jobs.append(MailJob(database.beside(), mailer, SOURCES, now, counting=counting))
    app.state.schedulers = [Scheduler(job, counting) for job in jobs]
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_middleware(Idempotent)
    app.add_middleware(Tagging)
    app.add_middleware(Compressing)
    app.add_middleware(Bounded)
    app.add_middleware(SameOrigin)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Observing, counting=counting)
    app.add_exception_handler(HubError, _answer_hub_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(Exception, answer_bug)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    hub: Hub = app.state.hub
    async with contextlib.AsyncExitStack() as ends:
        ends.callback(hub.database.close)
        ends.push_async_callback(asyncio.to_thread, hub.chores.wait)
        if hub.ingest is not None:
            hub.ingest.start()
            ends.push_async_callback(asyncio.to_thread, hub.ingest.stop)
        schedulers: list[Scheduler] = app.state.schedulers
        for scheduler in schedulers:
            scheduler.start()
            ends.push_async_callback(asyncio.to_thread, scheduler.stop)
        watching = asyncio.create_task(hub.feed.watch(), name="hub-feed")
        watching.add_done_callback(_crash_on_bug)
        ends.push_async_callback(asyncio.wait, [watching])
        ends.callback(hub.feed.stop)
        yield


def _crash_on_bug(task: asyncio.Task[None]) -> None:
    """Do with a task that met a bug what is done with such a thread: in a served hub that ends the process loudly."""
    bug = None if task.cancelled() else task.exception()
    if bug is not None:
        threading.excepthook(threading.ExceptHookArgs((type(bug), bug, bug.__traceback__, threading.current_thread())))


def _terms(settings: HubSettings, database: Database) -> Terms:
    with database.read() as connection:
        timeline = registry.find_timeline(connection)
    assert timeline is not None, "an opened hub has a timeline"
    return Terms(
        safe=settings.safe,
        window=settings.window,
        window_backfill=settings.window_backfill,
        pace_ms=settings.pace_ms,
        timeline=timeline,
    )


async def _answer_hub_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubError), "registered for this family only"
    if isinstance(error, NotIdentifiedError) and is_for_people(request):
        is_form = request.method not in {"GET", "HEAD"}
        return await keep_and_sign_in(request, error) if is_form else send_to_sign_in(request, error)
    status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 500)
    answer = answer_problem(request, status, str(error))
    if isinstance(error, ThrottledError):
        answer.headers["retry-after"] = str(error.seconds)
    return answer


def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for this class only"
    if error.status_code == HTTPStatus.NOT_FOUND:
        return answer_problem(request, 404, f"There is nothing at {request.url.path}: begin at your first page.")
    detail = str(error.detail)
    if error.status_code == HTTPStatus.BAD_REQUEST and is_for_people(request):
        detail = "this form has more in it than is taken, or was cut off: go back, shorten it, and send it again"
    answer = answer_problem(request, error.status_code, detail)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["allow"] = ", ".join(methods_at(request.scope))
    return answer


def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError), "registered for this class only"
    first = error.errors()[0]
    told = explain_invalid(first) if is_for_people(request) else f"{first['msg']}."
    return answer_problem(request, 422, f"{first['loc'][-1]}: {told}")
