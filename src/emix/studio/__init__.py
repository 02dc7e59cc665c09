"""The studio: EM in a browser, on this machine alone. `emix studio` opens it.

backend     the one place that imports Starlette and uvicorn
security    who is let in                       serving     a port, and Ctrl-C
app         routes: a request, a run, an answer, with
            answers (JSON within bounds), uploading (dropped files), lasting (what reports progress)
registry    the runs that are kept              session     data, a run on it, what a search found
run         EM from one start, step by step     opening     from a name or a file to rows
views       what is sent: bins, points, shares  jobs        search, choice of k, certificate
exporting   what reproduces a run elsewhere     static/     the page: state, transport, views

There is no mathematics of EM here: every number is that of emix.steps, fit, select or certify.
"""
