// The picture: data and components, handles to place means by, and a cursor to look around with.

import * as column from "./column.js";
import { calm, draw, hue } from "./look.js";
import { alike, between } from "./normal.js";
import * as pair from "./pair.js";

const MOVE_MS = 260;

export function picture(element, on) {
  const layers = Object.fromEntries(["ground", "marks", "curves", "cursor", "handles"]
    .map((name) => [name, draw("g", { class: name })]));
  const clip = draw("rect", {});
  const svg = draw("svg", { role: "group", "aria-label": "Data and components" },
    draw("defs", {}, draw("clipPath", { id: "inside" }, clip)), ...Object.values(layers));
  element.append(svg);
  let known = null, frame = null, moving = 0, grabbed = null;
  const kind = () => (known.scene.d === 1 ? column : pair);
  const knobs = [], look = lookout();
  layers.cursor.append(look.line, look.knob);

  function size() {
    const width = Math.max(element.clientWidth, 240);
    return [width, Math.round(Math.min(Math.max(0.56 * width, 280), 460))];
  }

  function render(state) {
    known = state;
    if (!known.scene || !element.clientWidth) return;
    const [width, height] = size();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    frame = kind().frame(known.scene, known.state, width, height);
    const { x, y } = frame;
    for (const [name, value] of Object.entries({ x: x.from, y: y.to, width: x.to - x.from, height: y.from - y.to })) {
      clip.setAttribute(name, value);
    }
    layers.ground.replaceChildren(kind().ground(known.scene, known.state, frame));
    layers.marks.replaceChildren(kind().marks(known.kmeans, frame, known.scene));
    move();
    look.place();
  }

  // From where the components were to where they are.
  function move() {
    cancelAnimationFrame(moving);
    const now = known.state.mixture, old = known.before && known.before.mixture;
    known.before = null;
    if (!alike(old, now) || calm() || grabbed !== null || known.hurried) return show(now);
    const began = performance.now();
    const tick = (time) => {
      const share = Math.min(Math.max((time - began) / MOVE_MS, 0), 1);
      show(between(old, now, 1 - (1 - share) ** 3));
      if (share < 1) moving = requestAnimationFrame(tick);
    };
    tick(began);
  }

  function show(mixture) {
    layers.curves.replaceChildren(kind().curves(known.scene, mixture, frame));
    const places = kind().handles(mixture, frame, known.scene);
    while (knobs.length > places.length) knobs.pop().remove();
    while (knobs.length < places.length) {
      knobs.push(knob(knobs.length));
      layers.handles.append(knobs.at(-1));
    }
    places.forEach(({ x, y }, j) => {
      knobs[j].setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
      const place = known.scene.d === 1 ? mixture.means[j] : known.scene.pair.map((c) => mixture.means[j][c]);
      tell(knobs[j], place);
    });
  }

  function tell(slider, place) {
    const said = { valuemin: frame.x.low, valuemax: frame.x.high, valuenow: place[0], valuetext: kind().said(known.scene, place) };
    for (const [name, value] of Object.entries(said)) slider.setAttribute(`aria-${name}`, value);
  }

  function knob(j) {
    const made = draw("g", { class: `knob ${hue(j)}`, tabindex: 0, role: "slider", "data-component": j,
      "aria-label": `Mean of component ${j + 1}` },
    draw("circle", { class: "reach", r: 22 }), draw("circle", { r: 11.5 }),
    draw("text", { dy: 4.5, "text-anchor": "middle" }, String(j + 1)));
    made.addEventListener("pointerdown", (event) => {
      grabbed = j;
      made.setPointerCapture(event.pointerId);
      event.preventDefault();
      made.focus();
    });
    made.addEventListener("pointermove", (event) => {
      if (grabbed === j) placed(j, under(event));
    });
    for (const end of ["pointerup", "pointercancel"]) made.addEventListener(end, () => { grabbed = null; });
    made.addEventListener("keydown", (event) => steered(event, (steps) => {
      const { x, y } = frame, mean = known.state.mixture.means[j];
      const columns = known.scene.d === 1 ? [0] : known.scene.pair;
      const spans = [x.high - x.low, y.high - y.low];
      placed(j, columns.map((c, i) => mean[c] + (steps[i] * spans[i]) / 100));
    }));
    return made;
  }

  function placed(j, place) {
    const means = known.state.mixture.means.map((mean) => [...mean]);
    (known.scene.d === 1 ? [0] : known.scene.pair).forEach((c, i) => { means[j][c] = place[i]; });
    on.place(means);
  }

  // Arrow keys go a hundredth of the picture, with Shift a tenth.
  function steered(event, go) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1, one = known.scene.d === 1;
    go(one ? [far * (way[0] + way[1])] : way.map((step) => far * step));
  }

  function under(event) {
    const box = svg.getBoundingClientRect();
    const within = (scale, place) => scale.back(Math.min(Math.max(place, Math.min(scale.from, scale.to)), Math.max(scale.from, scale.to)));
    const place = [within(frame.x, event.clientX - box.left), within(frame.y, event.clientY - box.top)];
    return known.scene.d === 1 ? place.slice(0, 1) : place;
  }

  function lookout() {
    const line = draw("g", { class: "look" });
    const mark = draw("g", { class: "knob looking", tabindex: 0, role: "slider", "aria-label": "Where to look" },
      draw("circle", { class: "reach", r: 16 }), draw("path", { d: "M0 -9l7 12h-14Z" }));
    mark.addEventListener("keydown", (event) => steered(event, (steps) => {
      on.look((known.cursor || middle()).map((value, i) => {
        const { low, high } = frame[frame.keys[i]];
        return Math.min(Math.max(value + (steps[i] * (high - low)) / 100, low), high);
      }));
    }));
    mark.addEventListener("focus", () => known.cursor || on.look(middle()));
    const middle = () => frame.keys.map((key) => (frame[key].low + frame[key].high) / 2);
    return {
      line, knob: mark,
      place() {
        const at = known.cursor || middle(), { x, y } = frame;
        line.replaceChildren(...(known.cursor ? [kind().cursor(at, frame)] : []));
        mark.setAttribute("transform", `translate(${x(at[0])} ${y.from + (known.scene.d === 1 ? 20 : 8)})`);
        tell(mark, at);
      },
    };
  }

  svg.addEventListener("pointermove", (event) => {
    if (frame && grabbed === null) on.look(under(event));
  });
  new ResizeObserver(() => known && known.scene && render(known)).observe(element);
  return { render, look: () => frame && look.place(), svg };
}
