// Scales and ticks.

import { draw } from "./look.js";

export function scale(low, high, from, to) {
  const at = (value) => from + ((value - low) / (high - low)) * (to - from);
  at.back = (place) => low + ((place - from) / (to - from)) * (high - low);
  return Object.assign(at, { low, high, from, to });
}

export function ticks(low, high, most) {
  const raw = (high - low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) {
    found.push(i * step);
  }
  return { values: found, step };
}

export function tickLabel(value, step) {
  const largest = Math.max(Math.abs(value), step);
  if (largest >= 1e6 || step < 1e-5) return String(Number(value.toPrecision(4))).replace("-", "−");
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9 + (step / 10 ** Math.floor(Math.log10(step)) === 2.5 ? 1 : 0)));
  return (Math.abs(value) < step / 1e6 ? 0 : value).toFixed(decimals).replace("-", "−");
}

export function bottom(x, y, title) {
  const { values, step } = ticks(x.low, x.high, (x.to - x.from) / 80);
  return draw("g", { class: "axis" },
    draw("line", { x1: x.from, x2: x.to, y1: y, y2: y }),
    ...values.flatMap((value) => [
      draw("line", { x1: x(value), x2: x(value), y1: y, y2: y + 5 }),
      draw("text", { x: x(value), y: y + 18, "text-anchor": "middle" }, tickLabel(value, step)),
    ]),
    draw("text", { class: "name", x: (x.from + x.to) / 2, y: y + 37, "text-anchor": "middle" }, title));
}

export function left(y, x, title) {
  const { values, step } = ticks(y.low, y.high, Math.abs(y.to - y.from) / 55);
  const middle = (y.from + y.to) / 2, labels = values.map((value) => tickLabel(value, step));
  const out = x - 21 - 6.8 * Math.max(1, ...labels.map((label) => label.length));
  return draw("g", { class: "axis" },
    draw("line", { x1: x, x2: x, y1: y.from, y2: y.to }),
    ...values.flatMap((value, i) => [
      draw("line", { x1: x - 5, x2: x, y1: y(value), y2: y(value) }),
      draw("text", { x: x - 9, y: y(value) + 4, "text-anchor": "end" }, labels[i]),
    ]),
    draw("text", { class: "name", x: out, y: middle, "text-anchor": "middle",
      transform: `rotate(-90 ${out} ${middle})` }, title));
}
