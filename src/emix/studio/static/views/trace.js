// The log-likelihood, iteration by iteration: it never falls.

import { scale, tickLabel, ticks } from "./axes.js";
import { draw, fixed } from "./look.js";

export function trace(element) {
  const svg = draw("svg", { role: "img", "aria-label": "Log-likelihood by iteration" });
  element.prepend(svg);
  return function render({ state }) {
    const width = Math.max(element.clientWidth, 200), height = 96;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    const points = state ? state.trace : [];
    if (!points.length) {
      svg.replaceChildren(draw("text", { x: width / 2, y: height / 2, "text-anchor": "middle" },
        "It begins with the first E-step"));
      return;
    }
    const values = points.map(([, value]) => value), low = Math.min(...values), high = Math.max(...values);
    const room = high > low ? 0.08 * (high - low) : Math.abs(high) * 1e-3 || 1;
    const x = scale(0, Math.max(points.at(-1)[0], 4), 64, width - 12), y = scale(low - room, high + room, height - 20, 8);
    const across = ticks(0, x.high, Math.min(8, x.high, (x.to - x.from) / 60)), up = ticks(y.low, y.high, 3);
    svg.replaceChildren(draw("g", { class: "axis" },
      draw("line", { x1: x.from, x2: x.to, y1: y.from, y2: y.from }),
      ...across.values.filter(Number.isInteger).map((value) =>
        draw("text", { x: x(value), y: height - 5, "text-anchor": "middle" }, tickLabel(value, across.step))),
      ...up.values.map((value) => draw("text", { x: x.from - 8, y: y(value) + 4, "text-anchor": "end" }, tickLabel(value, up.step)))),
    draw("polyline", { class: "climb", points: points.map(([i, value]) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ") }),
    draw("circle", { class: "here", cx: x(points.at(-1)[0]), cy: y(values.at(-1)), r: 4 }));
    svg.setAttribute("aria-label", `Log-likelihood by iteration: from ${fixed(values[0], 3)} to ${fixed(values.at(-1), 3)}`);
  };
}
