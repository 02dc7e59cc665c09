// One column: bars, the values below them, the mixture's density and its components.

import { bottom, left, scale } from "./axes.js";
import { blend, bytes, dash, draw, hue, number } from "./look.js";
import { density } from "./normal.js";

const MARGIN = { top: 30, right: 16, bottom: 66, left: 72 };
const POINTS = 260;

export function frame(scene, state, width, height) {
  const x = scale(scene.low, scene.high, MARGIN.left, width - MARGIN.right);
  const y = scale(0, peak(scene, state.mixture), height - MARGIN.bottom, MARGIN.top);
  return { x, y, keys: ["x"] };
}

// Bars decide the height; a component may be twice as high, and is cut off above that.
function peak(scene, mixture) {
  const bars = Math.max(...scene.heights);
  const curves = mixture.means.map(([mean], j) => mixture.weights[j] * density(mean, mean, mixture.sds[j][0]));
  return 1.1 * Math.max(bars, Math.min(Math.max(...curves), 2.2 * bars));
}

export function ground(scene, state, { x, y }) {
  return draw("g", {}, bars(scene, state, x, y), rug(scene, state, x, y), left(y, x.from, scene.density),
    bottom(x, y.from + 18, scene.titles[0]));
}

// Each bar is divided among the components as its middle is believed to belong to them.
function bars(scene, state, x, y) {
  const shares = bytes(state.shares && state.shares.bins), k = state.mixture.weights.length;
  const paths = shares ? Array.from({ length: k }, () => "") : [""];
  scene.heights.forEach((height, i) => {
    const from = x(scene.edges[i]), to = x(scene.edges[i + 1]), gap = to - from > 4 ? 0.5 : 0;
    let base = 0;
    paths.forEach((_, j) => {
      const part = shares ? (height * shares[i * k + j]) / 255 : height;
      if (part > 0) {
        paths[j] += `M${fixedly(from + gap)} ${fixedly(y(base))}V${fixedly(y(base + part))}H${fixedly(to - gap)}V${fixedly(y(base))}Z`;
      }
      base += part;
    });
  });
  return draw("g", {}, ...paths.map((d, j) =>
    draw("path", { d, class: shares ? `bar ${hue(j)}` : "bar unseen" })));
}

const fixedly = (value) => value.toFixed(2);

function rug(scene, state, x, y) {
  if (!scene.values) return draw("g");
  const shares = bytes(state.shares && state.shares.points), k = state.mixture.weights.length;
  const few = scene.values.length <= 40, top = y.from + 3;
  return draw("g", { class: shares ? "rug" : "rug unseen" }, ...scene.values.map((value, i) => {
    const stroke = shares ? `rgb(${blend(shares, i * k, k)})` : null;
    return few ? draw("circle", { cx: x(value), cy: top + 6, r: 4.5, fill: stroke })
      : draw("line", { x1: x(value), x2: x(value), y1: top, y2: top + 11, stroke });
  }));
}

export function curves(scene, mixture, { x, y }) {
  const at = Array.from({ length: POINTS }, (_, i) => scene.low + (i / (POINTS - 1)) * (scene.high - scene.low));
  // A narrow component lies between the points of an even grid.
  const places = (mean, sd) => [...at, ...Array.from({ length: 49 }, (_, i) => mean + ((i - 24) / 6) * sd)]
    .filter((place) => place >= scene.low && place <= scene.high).sort((a, b) => a - b);
  const of = (j, place) => mixture.weights[j] * density(place, mixture.means[j][0], mixture.sds[j][0]);
  const line = (points, height) => points.map((place, i) =>
    `${i ? "L" : "M"}${fixedly(x(place))} ${fixedly(Math.max(y(height(place)), y.to - 8))}`).join("");
  const all = [...new Set(mixture.means.flatMap(([mean], j) => places(mean, mixture.sds[j][0])))].sort((a, b) => a - b);
  return draw("g", { class: "curves" },
    ...mixture.means.map(([mean], j) => {
      const points = places(mean, mixture.sds[j][0]), path = line(points, (place) => of(j, place));
      return draw("g", { class: hue(j) },
        draw("path", { class: "under", d: `${path}V${y.from}H${fixedly(x(points[0]))}Z` }),
        draw("path", { class: "component", d: path, "stroke-dasharray": dash(j) }));
    }),
    draw("path", { class: "density", d: line(all, (place) => mixture.means.reduce((sum, _, j) => sum + of(j, place), 0)) }));
}

// Where a component is taken hold of: at its peak, apart from those at the same place.
export function handles(mixture, { x, y }) {
  const taken = [];
  return mixture.means.map(([mean], j) => {
    const height = mixture.weights[j] * density(mean, mean, mixture.sds[j][0]);
    const place = { x: Math.min(Math.max(x(mean), x.from), x.to), y: Math.max(y(height), y.to) };
    while (taken.some((other) => Math.hypot(other.x - place.x, other.y - place.y) < 25)) {
      place.y += place.y > y.from - 30 ? -60 : 26;
    }
    taken.push(place);
    return place;
  });
}

export function marks(kmeans, { x, y }) {
  if (!kmeans) return draw("g");
  return draw("g", { class: "kmeans" },
    ...kmeans.cuts.map((cut) => draw("line", { x1: x(cut), x2: x(cut), y1: y.to, y2: y.from })),
    ...kmeans.centres.map(([centre]) => draw("path", { d: `M${x(centre)} ${y.from - 7}l6 7l-6 7l-6 -7Z` })));
}

export function cursor([value], { x, y }) {
  return draw("g", {}, draw("line", { x1: x(value), x2: x(value), y1: y.to, y2: y.from + 16 }));
}

export const said = (scene, place) => `${scene.names[0]} ${number(place[0], 4)}`;
