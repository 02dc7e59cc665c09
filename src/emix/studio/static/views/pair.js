// Two columns: points or counts in bins, and the ellipses of the components over them.

import { bottom, left, scale } from "./axes.js";
import { blend, bytes, dash, draw, hue, number } from "./look.js";

const MARGIN = { top: 16, right: 16, bottom: 48, left: 72 };

export function frame(scene, state, width, height) {
  const [[low, high], [least, most]] = scene.ranges;
  return {
    x: scale(low, high, MARGIN.left, width - MARGIN.right),
    y: scale(least, most, height - MARGIN.bottom, MARGIN.top), keys: ["x", "y"],
  };
}

export function ground(scene, state, { x, y }) {
  const drawn = scene.points ? dots(scene, state, x, y) : cells(scene, state, x, y);
  return draw("g", {}, drawn, left(y, x.from, scene.titles[scene.pair[1]]),
    bottom(x, y.from, scene.titles[scene.pair[0]]));
}

// An unsure point is larger, and of a colour between.
function dots(scene, state, x, y) {
  const shares = bytes(state.shares && state.shares.points), k = state.mixture.weights.length;
  const size = scene.points.length > 600 ? 2.2 : 3.4;
  return draw("g", { class: shares ? "dots" : "dots unseen" }, ...scene.points.map(([across, up], i) => {
    let sure = 255;
    if (shares) sure = Math.max(...shares.subarray(i * k, (i + 1) * k));
    return draw("circle", {
      cx: x(across).toFixed(1), cy: y(up).toFixed(1), r: (size * Math.sqrt(1 + (8 * (255 - sure)) / 255)).toFixed(1),
      fill: shares ? `rgb(${blend(shares, i * k, k)})` : null,
    });
  }));
}

// Counts as a picture of one pixel for each bin, the fuller the stronger.
function cells(scene, state, x, y) {
  const shares = bytes(state.shares && state.shares.bins), k = state.mixture.weights.length;
  const canvas = document.createElement("canvas");
  canvas.width = scene.across;
  canvas.height = scene.up;
  const context = canvas.getContext("2d"), image = context.createImageData(scene.across, scene.up);
  const most = Math.max(...scene.counts);
  scene.cells.forEach((cell, i) => {
    const at = 4 * ((scene.up - 1 - (cell % scene.up)) * scene.across + Math.floor(cell / scene.up));
    const colour = shares ? blend(shares, i * k, k) : [138, 146, 156];
    image.data.set([...colour, 40 + 215 * Math.sqrt(scene.counts[i] / most)], at);
  });
  context.putImageData(image, 0, 0);
  return draw("image", { class: "cells", href: canvas.toDataURL(), x: x.from, y: y.to,
    width: x.to - x.from, height: y.from - y.to, preserveAspectRatio: "none" });
}

export function curves(scene, mixture, { x, y }) {
  const [across, up] = scene.pair;
  const turns = Array.from({ length: 73 }, (_, i) => (i * Math.PI) / 36);
  return draw("g", { class: "curves", "clip-path": "url(#inside)" }, ...mixture.means.map((mean, j) => {
    const [[a], [b, c]] = mixture.ellipses[j];
    const ring = (radius) => turns.map((turn, i) => {
      const u = radius * Math.cos(turn), v = radius * Math.sin(turn);
      return `${i ? "L" : "M"}${x(mean[across] + a * u).toFixed(1)} ${y(mean[up] + b * u + c * v).toFixed(1)}`;
    }).join("") + "Z";
    return draw("g", { class: hue(j) },
      draw("path", { class: "under", d: ring(2) }),
      draw("path", { class: "component halo", d: ring(1) }),
      draw("path", { class: "component", d: ring(1), "stroke-dasharray": dash(j) }),
      draw("path", { class: "component thin", d: ring(2), "stroke-dasharray": dash(j) }));
  }));
}

export function handles(mixture, { x, y }, scene) {
  const [across, up] = scene.pair;
  return mixture.means.map((mean) => ({ x: x(mean[across]), y: y(mean[up]) }));
}

export function marks(kmeans, { x, y }, scene) {
  const [across, up] = scene.pair;
  if (!kmeans) return draw("g");
  return draw("g", { class: "kmeans" }, ...kmeans.centres.map((centre) =>
    draw("path", { d: `M${x(centre[across])} ${y(centre[up]) - 8}l7 8l-7 8l-7 -8Z` })));
}

export function cursor([across, up], { x, y }) {
  return draw("g", {},
    draw("line", { x1: x(across), x2: x(across), y1: y.to, y2: y.from }),
    draw("line", { x1: x.from, x2: x.to, y1: y(up), y2: y(up) }));
}

export const said = (scene, place) =>
  scene.pair.map((column, i) => `${scene.names[column]} ${number(place[i], 4)}`).join(", ");
