// Elements, numbers and colours, as all views use them.

const SVG = "http://www.w3.org/2000/svg";

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export const $ = (selector) => document.querySelector(selector);

const minus = (text) => text.replace("-", "−");

// Six significant digits, as `emix steps` prints them.
export const number = (value, digits = 6) =>
  value == null ? "–" : minus(String(Number(value.toPrecision(digits))));
export const fixed = (value, decimals) => (value == null ? "–" : minus(value.toFixed(decimals)));
export const percent = (share) =>
  `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)}%`;
export const count = (n) => n.toLocaleString("en").replaceAll(",", "\u2009");

let palette = [], dashes = [];
const DASH = { "-": null, "-.": "7 3 1.5 3", ":": "1.5 3" };

export function dress(look) {
  palette = look.palette;
  dashes = look.lines.map((line) => DASH[line]);
  look.palette.forEach((colour, j) => {
    document.documentElement.style.setProperty(`--hue-${j}`, colour);
    document.documentElement.style.setProperty(`--shade-${j}`, look.shades[j]);
  });
}

// Component j wears its hue by class, so that light and dark may each have their own.
export const hue = (j) => `hue hue-${j % palette.length}`;
export const dash = (j) => dashes[Math.floor(j / palette.length) % dashes.length];

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

// A point wears what its shares make of the hues: an unsure one lies between.
export function blend(shares, offset, k) {
  const mixed = [0, 0, 0];
  for (let j = 0; j < k; j += 1) {
    const share = shares[offset + j] / 255;
    rgb(palette[j % palette.length]).forEach((part, i) => { mixed[i] += share * part; });
  }
  return mixed.map((part) => Math.min(255, Math.round(part)));
}

export function bytes(text) {
  return text == null ? null : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
