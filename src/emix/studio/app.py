"""Routes: from a request to a run, and back as JSON. What computes runs off the event loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emix import datasets
from emix.errors import EmixError, ParameterError
from emix.initialise import STARTS, STARTS_OF_ROWS
from emix.studio import exporting, jobs, views
from emix.studio.answers import as_json, asked_of, sensible
from emix.studio.backend import (
    FileResponse,
    JSONResponse,
    Mount,
    Request,
    Response,
    Route,
    Starlette,
    StaticFiles,
    StreamingResponse,
    run_in_threadpool,
)
from emix.studio.lasting import Job, lines
from emix.studio.opening import Opened
from emix.studio.registry import Kept, Refusal, Studio
from emix.studio.uploading import uploaded

STATIC = Path(__file__).parent / "static"
MOST_UPLOADED = 512 << 20
MOST_STEPS_AT_ONCE = 500

Endpoint = Callable[[Request], Any]


def application(
    folder: Path, source: str | None = None, most_uploaded: int = MOST_UPLOADED
) -> Starlette:
    """The studio's application, without the gate; it writes nothing outside `folder`."""
    studio = Studio(folder, source, most_uploaded)
    asked = {"choose": _choose, "configure": _configure, "hold": _hold, "place": _place,
             "look": _look, "act": _act, "pair": _pair}
    lasting: dict[str, Job] = {"search": jobs.search, "finish": jobs.finish, "select": jobs.select,
               "certify": jobs.certify}

    async def failed(_: Request, error: Exception) -> Response:
        status = error.status if isinstance(error, Refusal) else 422
        return JSONResponse({"error": studio.words(error)}, status)

    routes = [
        Route("/api/begin", _beginning(studio)),
        Route("/api/data", _opening(studio), methods=["POST"]),
        Route("/api/upload", _uploading(studio), methods=["POST"]),
        *[Route(f"/api/{{run}}/{name}", _changing(studio, change), methods=["POST"])
          for name, change in asked.items()],
        *[Route(f"/api/{{run}}/{name}", _working(studio, job), methods=["POST"])
          for name, job in lasting.items()],
        Route("/api/{run}/under", _answering(studio, _under), methods=["POST"]),
        Route("/api/{run}/kmeans", _answering(studio, _kmeans), methods=["POST"]),
        Route("/api/{run}/reproduce", _answering(studio, _reproduce), methods=["POST"]),
        Route("/api/{run}/file/{name}", _sending(studio)),
        Mount("/", StaticFiles(directory=STATIC, html=True)),
    ]
    app = Starlette(routes=routes, exception_handlers={EmixError: failed, Refusal: failed})
    app.state.studio = studio
    return app


def _beginning(studio: Studio) -> Endpoint:
    """The visual language, the bundled data sets, and the run of SOURCE where one was given."""
    async def begin(_: Request) -> Response:
        found = [datasets.load(name) for name in datasets.names()]
        plain: dict[str, Any] = {
            "look": views.look(), "starts": [list(STARTS), list(STARTS_OF_ROWS)],
            "datasets": [{"name": each.name, "title": each.title, "n": each.n,
                          "columns": each.columns} for each in found],
            "most_uploaded": studio.most_uploaded, "run": None, "refused": None,
        }
        if studio.source is not None:
            try:
                plain["run"] = await run_in_threadpool(_open, studio, Opened.source, studio.source)
            except EmixError as error:
                # The page is there all the same, to open something else.
                plain["refused"] = studio.words(error)
        return as_json(plain)

    return begin


def _opening(studio: Studio) -> Endpoint:
    async def open_bundled(request: Request) -> Response:
        name = str((await asked_of(request)).get("name"))
        return as_json(await run_in_threadpool(_open, studio, Opened.bundled, name))

    return open_bundled


def _uploading(studio: Studio) -> Endpoint:
    async def upload(request: Request) -> Response:
        kept = await uploaded(studio, request)
        return as_json(await run_in_threadpool(_whole, kept))

    return upload


def _open(studio: Studio, opened: Callable[[str], Opened], word: str) -> dict[str, Any]:
    return _whole(studio.add(*studio.new_folder(), opened(word)))


def _whole(kept: Kept) -> dict[str, Any]:
    """All that a page needs of a run to begin with."""
    opened = kept.session.opened
    columns = [{"name": each.name, "numbers": each.holds_numbers} for each in opened.columns]
    return {"id": kept.name, "title": opened.title, "word": opened.word, "columns": columns,
            **_seen(kept)}


def _seen(kept: Kept) -> dict[str, Any]:
    return {"scene": views.scene(kept.session.run.rows, kept.pair), **_state(kept)}


def _state(kept: Kept) -> dict[str, Any]:
    return {"state": views.state(kept.session.run, kept.pair)}


def _changing(studio: Studio, change: Callable[[Kept, dict[str, Any]], bool | None]) -> Endpoint:
    """A change of a run; what changes the data that is drawn says True, and sends that too."""
    def work(kept: Kept, asked: dict[str, Any]) -> dict[str, Any]:
        with kept.lock:
            if sensible(change, kept, asked):
                return _seen(kept)
            return _state(kept)

    return _answering(studio, work)


def _answering(studio: Studio, answer: Callable[[Kept, dict[str, Any]], Any]) -> Endpoint:
    async def respond(request: Request) -> Response:
        kept, asked = studio.get(request.path_params["run"]), await asked_of(request)
        return as_json(await run_in_threadpool(sensible, answer, kept, asked))

    return respond


def _choose(kept: Kept, asked: dict[str, Any]) -> bool:
    kept.session.choose([str(name) for name in asked["columns"]])
    kept.pair = [0, 1]
    return True


def _pair(kept: Kept, asked: dict[str, Any]) -> bool:
    across, up = (int(j) for j in asked["pair"])
    d = kept.session.run.rows.d
    if not (0 <= across < d and 0 <= up < d and across != up):
        raise ParameterError(f"columns {across} and {up} of {d} are no pair")
    kept.pair = [across, up]
    return True


def _configure(kept: Kept, asked: dict[str, Any]) -> None:
    kinds = {"k": int, "covariance": str, "kind": str, "seed": int}
    kept.session.configure(**{name: kinds[name](value) for name, value in asked.items()})


def _hold(kept: Kept, asked: dict[str, Any]) -> None:
    kept.session.hold(asked["weights"], asked["means"], asked["sds"], asked["covariances"])


def _place(kept: Kept, asked: dict[str, Any]) -> None:
    kept.session.place(asked["means"])


def _look(kept: Kept, asked: dict[str, Any]) -> None:
    kept.session.look(int(asked["optimum"]))


def _act(kept: Kept, asked: dict[str, Any]) -> None:
    run, count = kept.session.run, min(int(asked.get("count", 1)), MOST_STEPS_AT_ONCE)
    acts: dict[str, Callable[[], None]] = {
        "expect": run.expect, "maximise": run.maximise, "iterate": lambda: run.iterate(count),
        "back": run.back, "reset": run.reset,
    }
    acts[asked["act"]]()


def _under(kept: Kept, asked: dict[str, Any]) -> dict[str, Any]:
    place = [float(value) for value in asked["place"]]
    if len(place) != min(kept.session.run.rows.d, 2) or not all(map(math.isfinite, place)):
        raise ParameterError(f"{place} is no place in this picture")
    return views.under(kept.session.run, place, kept.pair)


def _kmeans(kept: Kept, _: dict[str, Any]) -> dict[str, Any]:
    return jobs.kmeans(kept.session.run)


def _reproduce(kept: Kept, _: dict[str, Any]) -> dict[str, Any]:
    return exporting.reproduction(kept.session.run, kept.session.opened)


def _working(studio: Studio, job: Job) -> Endpoint:
    """Something that lasts: lines of JSON, progress first, then what came of it. It is stopped
    when the page hangs up."""
    async def work(request: Request) -> Response:
        kept, asked = studio.get(request.path_params["run"]), await asked_of(request)
        return StreamingResponse(lines(studio, job, kept, asked), media_type="application/jsonl")

    return work


def _sending(studio: Studio) -> Endpoint:
    """A file to keep: the model, its start, or the responsibilities."""
    async def send(request: Request) -> Response:
        kept, name = studio.get(request.path_params["run"]), request.path_params["name"]
        if name == "responsibilities.csv":
            pieces = exporting.responsibilities(kept.session.run)
            return StreamingResponse(pieces, media_type="text/csv", headers={
                "content-disposition": f'attachment; filename="{name}"'})
        savers = {"model.json": exporting.save_model, exporting.START_FILE: exporting.save_start}
        if name not in savers:
            raise Refusal(f"there is no file {name!r} to send", 404)
        path = kept.folder / f"sent-{name}"
        await run_in_threadpool(savers[name], kept.session.run, kept.session.opened, path)
        return FileResponse(path, media_type="application/json", filename=name)

    return send
