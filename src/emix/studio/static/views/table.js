// The components in numbers, each with a lock that holds it, and the rows under the pointer.

import { dash, draw, hue, make, number, percent } from "./look.js";

export const swatch = (j) => {
  const line = draw("line", { x1: 1, x2: 21, y1: 7, y2: 7, "stroke-dasharray": dash(j) });
  return make("span", { class: `swatch ${hue(j)}` },
    draw("svg", { viewBox: "0 0 22 14", width: 22, height: 14, "aria-hidden": "true" }, line), String(j + 1));
};

const LOCK = { true: "M4 8V6a4 4 0 0 1 8 0v2M3 8h10v7H3Z", false: "M4 8V5a4 4 0 0 1 7.5-2M3 8h10v7H3Z" };

function lock(held, name, press) {
  return make("button", { type: "button", class: "lock", "aria-pressed": String(held), "aria-label": `Hold ${name}`,
    title: held ? `${name} is held; press to learn it` : `Hold ${name}`, onclick: press },
  draw("svg", { viewBox: "0 0 16 17", width: 14, height: 15, "aria-hidden": "true" }, draw("path", { d: LOCK[held] })));
}

// A value, or a field to edit it in where it is held.
function cell(value, held, name, hold) {
  const shown = held ? make("input", { type: "text", inputmode: "decimal", value: number(value).replace("−", "-"),
    "aria-label": name, onchange: (event) => hold(event.target.value) }) : make("span", {}, number(value));
  return make("td", { "data-value": value }, make("span", { class: "held" }, shown, lock(held, name, () => hold(held ? null : value))));
}

export function components(element, on) {
  let shown = "";
  return function render({ scene, state }) {
    if (!state) return;
    const focused = element.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
    const { weights, means, sds } = state.mixture, held = state.model.held, one = scene.d === 1;
    const key = JSON.stringify([state.mixture, state.expected, held, scene.names]);
    if (key === shown) return;
    shown = key;
    const change = (what, j, c) => (value) => on.hold(asked(state, scene, what, j, c, value));
    const weight = (j) => cell(weights[j], held.weights[j], `weight ${j + 1}`, change("weights", j));
    const points = (j) => make("td", {}, state.expected ? number(state.expected[j], 4) : "–");
    const mean = (j, c) => cell(means[j][c], held.means[j][c], `mean ${j + 1}${one ? "" : ` of ${scene.names[c]}`}`, change("means", j, c));
    const who = (j, rowspan) => make("th", { scope: "row", rowspan }, swatch(j));
    if (one) {
      element.replaceChildren(table([NO, PHI, MU, SIGMA, POINTS], means.map((_, j) => make("tr", {}, who(j), weight(j), mean(j, 0),
        cell(sds[j][0], held.sds[j], `standard deviation ${j + 1}`, change("sds", j)), points(j)))));
    } else {
      element.replaceChildren(
        table([NO, PHI, POINTS, ["Σ", "covariance"]], means.map((_, j) => make("tr", {}, who(j), weight(j), points(j),
          make("td", {}, lock(held.sds[j], `covariance ${j + 1}`, () => change("sds", j)(held.sds[j] ? null : 1)))))),
        table([NO, ["Column", "column"], MU, SIGMA], means.flatMap((all, j) => all.map((_, c) => make("tr", {},
          ...(c ? [] : [who(j, all.length)]), make("td", { class: "name" }, scene.names[c]), mean(j, c),
          make("td", {}, number(sds[j][c])))))));
    }
    if (focused) [...element.querySelectorAll("[aria-label]")].find((each) => each.getAttribute("aria-label") === focused)?.focus();
  };
}

const NO = ["", "component"], PHI = ["Φ", "weight"], MU = ["μ", "mean"], SIGMA = ["σ", "standard deviation"];
const POINTS = ["Points", "expected points"];

const head = ([sign, name]) => make("th", { scope: "col" },
  sign ? make("abbr", { title: name }, sign) : make("span", { class: "unseen-text" }, name));
const table = (heads, rows) => make("table", {}, make("thead", {}, make("tr", {}, ...heads.map(head))),
  make("tbody", {}, ...rows));

// All that is held, as the server takes it, with one value changed.
function asked({ mixture, model }, scene, what, j, c, value) {
  const { held } = model, one = scene.d === 1;
  const plain = {
    weights: mixture.weights.map((each, i) => (held.weights[i] ? each : null)),
    means: mixture.means.map((mean, i) => mean.map((each, at) => (held.means[i][at] ? each : null))),
    sds: mixture.sds.map(([each], i) => (one && held.sds[i] ? each : null)),
    covariances: held.sds.map((each) => !one && each),
  };
  const given = value === null ? null : Number(String(value).replace("−", "-").replace(",", "."));
  if (value !== null && (!Number.isFinite(given) || String(value).trim() === "")) return null;
  if (what === "weights") plain.weights[j] = given;
  else if (what === "means") plain.means[j][c] = given;
  else if (one) {
    const all = model.covariance === "E";
    plain.sds = plain.sds.map((each, i) => (i === j || all ? given : each));
  } else plain.covariances[j] = given !== null;
  return plain;
}

export function near(element) {
  return function render({ near: found, scene, state }) {
    if (!found || !found.rows.length) {
      element.replaceChildren(make("p", { class: "muted small" },
        "Move over the picture, or move the small triangle below it with the arrow keys."));
      return;
    }
    const names = scene.d === 1 ? scene.names : scene.pair.map((c) => scene.names[c]);
    element.replaceChildren(make("table", {},
      make("thead", {}, make("tr", {}, ...["Row", ...names, "Belongs to"].map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...found.rows.map((row, i) => make("tr", {}, make("th", { scope: "row" }, String(row + 1)),
        ...found.values[i].map((value) => make("td", {}, number(value, 5))),
        make("td", { class: "belongs" }, ...belonging(found.shares && found.shares[i])))))));
  };
}

function belonging(shares) {
  if (!shares) return [make("span", { class: "muted" }, "not known yet")];
  let at = 0;
  const parts = shares.map((share, j) => {
    const part = draw("rect", { class: hue(j), x: at, y: 0, width: 100 * share, height: 8 });
    at += 100 * share;
    return part;
  });
  const order = shares.map((share, j) => [share, j]).sort((a, b) => b[0] - a[0]).slice(0, 2);
  return [draw("svg", { class: "shares", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" }, ...parts),
    make("span", {}, order.map(([share, j]) => `${j + 1}: ${percent(share)}`).join("  "))];
}
