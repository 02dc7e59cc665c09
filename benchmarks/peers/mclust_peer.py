"""R's mclust, in an R process beside this one; R's own clock times it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from peers.peer import Ended, Peer, Unable

if TYPE_CHECKING:
    from data import Problem

# Each request is a line: a function below and its arguments; each answer a line of numbers.
SERVER = r"""
suppressMessages(library(mclust))
seconds <- function(work, times) {
  begin <- Sys.time()
  for (i in seq_len(times)) work()
  as.numeric(difftime(Sys.time(), begin, units = "secs")) / times
}
numbers <- function(path) readBin(path, "double", file.size(path) / 8)
# Rows as they lie in memory elsewhere, one after another.
put <- function(path, d) {
  x <<- matrix(numbers(path), ncol = d, byrow = TRUE)
  if (d == 1) x <<- x[, 1]
  0
}
begin_at <- function(path, k, d, name) {
  all <- numbers(path)
  sigma <- array(all[(k + k * d + 1):length(all)], c(d, d, k))
  variance <- list(modelName = name, d = d, G = k, sigma = sigma)
  if (name == "V") variance$sigmasq <- as.numeric(sigma)
  if (name == "VVV") variance$cholsigma <- array(apply(sigma, 3, chol), c(d, d, k))
  if (name == "VVI") {
    axes <- matrix(apply(sigma, 3, diag), d, k)
    variance$scale <- exp(colMeans(log(axes)))
    variance$shape <- sweep(axes, 2, variance$scale, "/")
  }
  model <<- name
  means <- matrix(all[(k + 1):(k + k * d)], d, k)
  begun <<- list(pro = all[1:k], mean = if (d == 1) means[1, ] else means, variance = variance)
  0
}
em_steps <- function(steps)
  em(x, model, begun, control = emControl(tol = c(0, 0), itmax = c(steps, steps)))
step <- function(times) seconds(function() em_steps(1), times)
climb <- function(steps) {
  took <- seconds(function() found <<- em_steps(steps), 1)
  p <- found$parameters
  sigma <- if (model == "V") p$variance$sigmasq else p$variance$sigma
  c(took, p$pro, p$mean, sigma)
}
small <- function(k, name, times)
  seconds(function() Mclust(x, G = k, modelNames = name, verbose = FALSE), times)
choose <- function() seconds(function() Mclust(x, verbose = FALSE), 1)
input <- file("stdin", "r")
while (length(line <- readLines(input, n = 1)) > 0) {
  answer <- tryCatch(eval(parse(text = line)), error = function(e) NaN)
  cat(format(answer, digits = 17), "\n")
  flush(stdout())
}
"""


class Mclust(Peer):
    name, module = "mclust (R)", "mclust"

    def __init__(self) -> None:
        self._held: object = None
        self._folder = tempfile.TemporaryDirectory()
        self._r = subprocess.Popen(
            ["Rscript", "--vanilla", "-e", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )

    @classmethod
    def is_installed(cls) -> bool:
        if shutil.which("Rscript") is None:
            return False
        asked = ["Rscript", "--vanilla", "-e", "cat(requireNamespace('mclust', quietly = TRUE))"]
        return subprocess.run(asked, capture_output=True, text=True).stdout.endswith("TRUE")

    @cached_property
    def version(self) -> str:
        asked = ["Rscript", "--vanilla", "-e", "cat(format(packageVersion('mclust')))"]
        return subprocess.run(asked, capture_output=True, text=True).stdout

    def _ask(self, request: str) -> list[float]:
        assert self._r.stdin is not None and self._r.stdout is not None
        print(request.replace("\n", " "), file=self._r.stdin, flush=True)
        answer = [float(number) for number in self._r.stdout.readline().split()]
        if not answer or answer[0] != answer[0]:
            raise Unable("ended with an error, or without a model")
        return answer

    def _put(self, x: np.ndarray) -> None:
        if self._held is x:
            return
        path = Path(self._folder.name) / "x"
        np.ascontiguousarray(x, dtype=float).tofile(path)
        self._ask(f"put('{path}', {x.shape[1]})")
        self._held = x

    def _begin(self, problem: Problem) -> None:
        self._put(problem.x)
        _, d, k = problem.shape
        name = "V" if d == 1 else "VVV" if problem.covariance == "full" else "VVI"
        start, path = problem.start, Path(self._folder.name) / "start"
        np.concatenate([start.weights, start.means.ravel(), start.covariances.ravel()]).tofile(path)
        self._ask(f"begin_at('{path}', {k}, {d}, '{name}')")

    def step(self, problem: Problem) -> Callable[[], float]:
        def step() -> float:
            self._begin(problem)
            return self._ask("step(1)")[0]

        return step

    def climb(self, problem: Problem, steps: int) -> Ended:
        self._begin(problem)
        _, d, k = problem.shape
        seconds, *numbers = self._ask(f"climb({steps})")
        parts = np.split(np.array(numbers), [k, k + k * d])
        return Ended(parts[0], parts[1].reshape(k, d), parts[2].reshape(k, d, d), seconds)

    def small(self, x: np.ndarray, k: int) -> Callable[[], float]:
        name = "V" if x.shape[1] == 1 else "VVV"

        def fit() -> float:
            self._put(x)
            return self._ask(f"small({k}, '{name}', 5)")[0]

        return fit

    def select(self, x: np.ndarray) -> Callable[[], float]:
        def select() -> float:
            self._put(x)
            return self._ask("choose()")[0]

        return select

    def memory(self, problem: Problem, steps: int) -> float:
        """MB by which the peak of R's own memory rises, once the rows are there."""
        self._begin(problem)
        self._ask("{ gc(reset = TRUE); 0 }")
        before = self._ask("sum(gc()[, 2])")[0]
        self._ask(f"{{ climb({steps}); 0 }}")
        return self._ask("sum(gc()[, 6])")[0] - before

    def close(self) -> None:
        assert self._r.stdin is not None
        self._r.stdin.close()
        self._r.wait(10)
        self._folder.cleanup()
