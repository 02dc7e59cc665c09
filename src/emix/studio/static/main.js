// What the page does: from a click to a request, from an answer to the state that views show.

import { get, stale, subscribe, update } from "./state.js";
import * as transport from "./transport.js";
import { $, calm, count, draw, dress, fixed, make } from "./views/look.js";
import { density } from "./views/normal.js";
import { panels } from "./views/panels.js";
import { picture } from "./views/picture.js";
import { setting } from "./views/setting.js";
import { components, near } from "./views/table.js";
import { trace } from "./views/trace.js";

const PACE = { slow: [900, 1], plain: [320, 1], fast: [0, 5] };
let ends = null;

// Whatever is refused is shown in emix's own words.
async function attempt(work) {
  try {
    const changes = await work();
    update({ error: null, ...changes });
    return true;
  } catch (reason) {
    if (reason.name === "AbortError") return false;
    if (!(reason instanceof transport.Refused)) console.error(reason);
    update({ error: reason.message, playing: false });
    return false;
  }
}

const on = (path, asked) => transport.ask(`${get().run.id}/${path}`, asked);

// Changes go one after the other, so that the last one asked for is the last one shown.
let queue = Promise.resolve();
function change(path, asked, outdated) {
  const run = get().run;
  queue = queue.then(async () => {
    if (get().run !== run) return false;
    const done = await attempt(async () => ({ ...stale[outdated], ...(await on(path, asked)) }));
    if (done) await refresh();
    return done;
  });
  return queue;
}

// Panels that follow the run, where they are open.
async function refresh() {
  const open = (name) => document.querySelector(`[data-panel=${name}]`).open;
  if (open("export")) await actions.reproduce();
  if (open("kmeans") && (!get().kmeans || get().kmeans.live)) await actions.kmeans();
  if (get().cursor) look(get().cursor);
}

const look = transport.newest(async (place) => {
  update({ cursor: place });
  await attempt(async () => ({ near: await on("under", { place }) }));
});
const place = transport.newest((means) => change("place", { means }, "model"));

const opened = ({ id, title, word, columns, scene, state }) =>
  ({ ...stale.data, run: { id, title, word, columns }, scene, state, playing: false });

const actions = {
  open: (name) => attempt(async () => opened(await transport.ask("data", { name }))),
  upload: (file) => attempt(async () => {
    const limit = get().begin.most_uploaded;
    if (file.size > limit) throw new transport.Refused(`${file.name} is larger than the studio takes (${limit >> 20} MB)`);
    update({ busy: { words: `reading ${file.name}` } });
    try {
      return opened(await transport.upload(file));
    } finally {
      update({ busy: null });
    }
  }),
  async choose(columns) {
    if (!columns.length) update({ error: "choose one column at least" });
    else await change("choose", { columns }, "data");
  },
  configure: (asked) => change("configure", asked, "model"),
  more: (by) => actions.configure({ k: get().state.model.k + by }),
  seed: () => get().state.model.seed,
  pair: (pair) => change("pair", { pair }, "step"),
  hold: (asked) => (asked ? change("hold", asked, "model") : update({ error: "a held value must be a number, such as 2.5" })),
  place, look: (optimum) => change("look", { optimum }, "model"),
  act: (act, count = 1) => change("act", { act, count }, "step"),
  kmeans: () => attempt(async () => ({ kmeans: await on("kmeans") })),
  closed: (name) => name === "kmeans" && update({ kmeans: null }),
  reproduce: () => attempt(async () => ({ reproduction: await on("reproduce") })),
  async job(name, asked) {
    ends = new AbortController();
    update({ busy: { words: "working" } });
    await attempt(async () => {
      const found = await transport.last(`${get().run.id}/${name}`, asked, (busy) => update({ busy }), ends.signal);
      const kept = found.fit ? { fit: found.fit } : {};
      if (name === "select") return { selection: found };
      return name === "certify" ? { ...kept, certificate: found } : kept;
    });
    update({ busy: null });
    if (name === "finish" && get().fit && !get().error) await change("look", { optimum: 0 }, "model");
  },
  svg: () => shown.svg,
  n: () => get().scene.n,
};

async function play() {
  update({ playing: !get().playing });
  while (get().playing) {
    const [pause, steps] = PACE[$("#pace").value];
    if (!(await actions.act("iterate", steps)) || get().state.still) break;
    await new Promise((resolve) => { setTimeout(resolve, calm() ? Math.max(pause, 60) : pause); });
  }
  update({ playing: false });
}

const shown = picture($("#picture"), { place, look });
const renderings = [
  ["run scene state", setting(actions)],
  ["scene state kmeans", shown.render],
  ["cursor", shown.look],
  ["scene state", components($("#components"), actions)],
  ["scene state near", near($("#near"))],
  ["scene state", trace($("#trace"))],
  ["scene state kmeans fit selection certificate reproduction", panels(document.querySelectorAll("[data-panel]"), actions)],
];

subscribe((known, changes) => {
  const started = known.scene !== null;
  $("#empty").hidden = started;
  $("#work").hidden = !started;
  $("#other").hidden = !started;
  $("#error").hidden = !known.error;
  $("#error p").textContent = known.error || "";
  $("#busy").hidden = !known.busy;
  if (known.busy) {
    $("#busy span").textContent = known.busy.words;
    if (known.busy.share === undefined) $("#busy progress").removeAttribute("value");
    else $("#busy progress").value = known.busy.share;
    $("#busy button").hidden = known.busy.words.startsWith("reading");
  }
  if (!started) return;
  for (const [keys, render] of renderings) {
    if (keys.split(" ").some((key) => key in changes)) render(known);
  }
  controls(known);
});

function controls({ state, playing, scene }) {
  const off = { expect: state.seen, maximise: !state.seen, back: !state.back, reset: !state.back };
  for (const button of document.querySelectorAll("[data-act]")) {
    // Kept in the order of keys, and told, rather than taken away from under the focus.
    button.setAttribute("aria-disabled", String(Boolean(off[button.dataset.act]) || playing));
  }
  $("#play").textContent = playing ? "Pause" : "Play";
  $("#iteration").textContent = state.iteration;
  $("#loglik").textContent = state.loglik === null ? "after the next E-step" : fixed(state.loglik, 6);
  $("#sentence").setAttribute("aria-live", playing ? "off" : "polite");
  $("#sentence").textContent = state.sentence;
  const bins = scene.n > 2000 && scene.d > 1 ? ` Of ${count(scene.n)} rows, counts in bins are drawn.` : "";
  $("#hint").textContent = `Drag a numbered mean, or move it with the arrow keys.${bins}`;
}

document.querySelectorAll("[data-act]").forEach((button) => button.addEventListener("click", () => {
  if (button.getAttribute("aria-disabled") !== "true") actions.act(button.dataset.act);
}));
$("#play").addEventListener("click", play);
$("#error button").addEventListener("click", () => update({ error: null }));
$("#busy button").addEventListener("click", () => ends && ends.abort());
$("#other").addEventListener("click", () => update({ ...stale.data, run: null, scene: null, state: null, playing: false, error: null }));
$("#file").addEventListener("change", (event) => {
  if (event.target.files.length) actions.upload(event.target.files[0]);
  event.target.value = "";
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  $("#drop").classList.add("over");
});
addEventListener("dragleave", () => $("#drop").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  $("#drop").classList.remove("over");
  if (event.dataTransfer.files.length) actions.upload(event.dataTransfer.files[0]);
});

const dark = matchMedia("(prefers-color-scheme: dark)");
function theme(name) {
  document.documentElement.dataset.theme = name;
  $("#theme").setAttribute("aria-pressed", String(name === "dark"));
}
$("#theme").addEventListener("click", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
dark.addEventListener("change", () => theme(dark.matches ? "dark" : "light"));
theme(dark.matches ? "dark" : "light");
if (matchMedia("(max-width: 720px)").matches) $("#setting").open = false;

function welcome({ datasets }) {
  $("#datasets").replaceChildren(...datasets.map(({ name, title, n, columns }) => make("li", {},
    make("button", { type: "button", onclick: () => actions.open(name) }, make("strong", {}, name), make("span", {}, title),
      make("small", { class: "muted" }, `${count(n)} rows, ${columns.length} column${columns.length === 1 ? "" : "s"}`)))));
  const bell = (at, wide, high) => Array.from({ length: 131 }, (_, i) =>
    `${i ? "L" : "M"}${6 * i} ${(128 - high * density(6 * i, at, wide) * wide * 2.5).toFixed(1)}`).join("");
  $(".hero").replaceChildren(...[[210, 62, 66], [390, 84, 108], [590, 52, 52]].map(([at, wide, high], j) =>
    draw("g", { class: `hue hue-${j}` },
      draw("path", { class: "under", d: `${bell(at, wide, high)}V128H0Z` }),
      draw("path", { class: "component", d: bell(at, wide, high) }))));
}

attempt(async () => {
  const begin = await transport.begin();
  dress(begin.look);
  welcome(begin);
  return { begin, error: begin.refused, ...(begin.run ? opened(begin.run) : {}) };
});
