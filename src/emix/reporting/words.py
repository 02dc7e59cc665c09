"""A fit in sentences: what was found, how sure rows are of it, and what should be known of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from emix.names import listed
from emix.plots.style import counted, fixed, number, share

if TYPE_CHECKING:
    from emix.result import Fit

# Components up to which each has a clause of its own.
MOST_NAMED = 4
# Names in a heading.
MOST_IN_A_TITLE = 4


def plural(n: int, what: str) -> str:
    """So many of something.

    >>> plural(1, "row"), plural(12000, "row")
    ('1 row', '12\u2009000 rows')
    """
    return f"{counted(n)} {what}{'s' * (n != 1)}"


def title(fit: Fit) -> str:
    """What the page is of."""
    names = fit.columns[:MOST_IN_A_TITLE]
    more = len(fit.columns) - len(names)
    of = ", ".join(names) + (f" and {more} more" if more else "")
    kind = "a normal component" if fit.k == 1 else f"a mixture of {fit.k} normal components"
    return f"{of}: {kind}"


def rows_of(fit: Fit) -> str:
    """How much data, in words."""
    what = "row" if fit.mixture.n_features > 1 else "value"
    if fit.n == int(fit.n):
        return plural(int(fit.n), what)
    return f"{what}s of a total weight of {number(fit.n, 6)}"


def lead(fit: Fit) -> list[str]:
    """The first paragraph, a sentence each."""
    d = fit.mixture.n_features
    of = f" in {d} columns ({listed(fit.columns, str)})" if d > 1 else f" of {fit.columns[0]}"
    found = [f"{rows_of(fit).capitalize()}{of}, described by a {fit.model.describe()}."]
    if d == 1 and fit.k <= MOST_NAMED:
        found.append(_each(fit))
    found += _sureness(fit)
    return found


def _each(fit: Fit) -> str:
    m = fit.mixture
    if fit.k == 1:
        return (f"Its mean is {number(float(m.means[0, 0]), 5)}, its standard deviation "
                f"{number(float(m.sds[0]))}.")
    clauses = [f"component {j + 1} holds {share(float(m.weights[j]))} around "
               f"{number(float(m.means[j, 0]), 4)} with a standard deviation of "
               f"{number(float(m.sds[j]))}" for j in range(fit.k)]
    text = f"{'; '.join(clauses[:-1])}; and {clauses[-1]}."
    return text[0].upper() + text[1:]


def _sureness(fit: Fit) -> list[str]:
    if fit.k == 1 or not fit.n > 0:
        return []
    what = "row" if fit.mixture.n_features > 1 else "value"
    sure = 100 * math.exp(fit.classification[0] / fit.n)
    words = f"{sure:.0f}%" if sure < 99.5 else f"{math.floor(sure * 10) / 10:.1f}%"
    return [f"On (geometric) average a {what}'s most probable component has a probability of "
            f"{words}."]


def verdict(fit: Fit) -> list[tuple[bool, str]]:
    """Whether all is well and in what respect, a few words each."""
    found = [(fit.converged, f"{fit.outcome.value}, {plural(fit.n_iter, 'step')}")]
    bad = [str(d.component + 1) for d in fit.degenerate]
    found.append((not bad, f"component{'s' * (len(bad) > 1)} {', '.join(bad)} degenerate"
                  if bad else "no degenerate component"))
    if fit.effective_k < fit.k:
        found.append((False, f"{fit.effective_k} of {fit.k} components are distinct"))
    sound = sum(not optimum.is_degenerate for optimum in fit.optima)
    found.append((True, "one optimum found" if len(fit.optima) == 1 else
                  f"the best of {len(fit.optima)} optima, {sound} of them sound"))
    return found


def optima(fit: Fit) -> str:
    """How often the optimum was found, and how far the next is."""
    starts = sum(optimum.starts for optimum in fit.optima)
    if len(fit.optima) == 1:
        return (f"The likelihood of a mixture has many maxima. Here all of the search's "
                f"{plural(starts, 'run')} ended at the same." if starts > 1 else
                "The likelihood of a mixture has many maxima. Here one run was made, so that "
                "nothing is known of others.")
    below = fit.optima[0].objective - fit.optima[1].objective
    what = "log-likelihood" if fit.model.prior.is_flat else "log-posterior"
    if below < 0:
        return (f"The search's {plural(starts, 'run')} ended at {len(fit.optima)} distinct optima. "
                f"Some lie higher than the first, but rest on degenerate components: spikes, whose "
                f"likelihood has no bound. The first is the best of the others.")
    return (f"The search's {plural(starts, 'run')} ended at {len(fit.optima)} distinct optima; the "
            f"first, which this page is of, has a {what} {fixed(below, 3)} nats above the next.")
