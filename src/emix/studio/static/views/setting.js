// Which data, which columns, and which model of them.

import { $, count, make } from "./look.js";

const STRUCTURES = {
  one: [["V", "V: each its own σ"], ["E", "E: one σ for all"]],
  more: [["VVV", "VVV: any ellipses"], ["EEE", "EEE: one ellipse for all"], ["VVI", "VVI: along the axes"], ["EEI", "EEI: axes, all alike"],
    ["VII", "VII: circles"], ["EII", "EII: circles, all alike"],
    ..."VEI EVI VEE EVE VVE EEV VEV EVV".split(" ").map((name) => [name, name])],
};

function options(select, pairs, chosen) {
  const key = JSON.stringify(pairs);
  if (select.dataset.key !== key) {
    select.replaceChildren(...pairs.map(([value, words]) => make("option", { value }, words)));
    select.dataset.key = key;
  }
  select.value = chosen;
}

export function setting(on) {
  $("#fewer").addEventListener("click", () => on.more(-1));
  $("#more").addEventListener("click", () => on.more(1));
  $("#structure").addEventListener("change", (event) => on.configure({ covariance: event.target.value }));
  $("#kind").addEventListener("change", (event) => on.configure({ kind: event.target.value }));
  $("#draw").addEventListener("click", () => on.configure({ seed: on.seed() + 1 }));
  const pair = () => on.pair([Number($("#across").value), Number($("#up").value)]);
  $("#across").addEventListener("change", pair);
  $("#up").addEventListener("change", pair);
  let shown = null;

  return function render({ begin, run, scene, state }) {
    if (!scene) return;
    $("#title").textContent = `${run.title}, ${count(scene.n)} row${scene.n === 1 ? "" : "s"}`;
    if (run.id !== shown) {
      shown = run.id;
      $("#columns .chips").replaceChildren(...run.columns.map(({ name, numbers }) => make("label", { class: "chip" },
        make("input", { type: "checkbox", name: "column", value: name, disabled: !numbers,
          onchange: () => on.choose([...document.querySelectorAll("#columns input:checked")].map((each) => each.value)) }),
        make("span", { title: numbers ? "" : "holds no numbers" }, name))));
    }
    for (const box of document.querySelectorAll("#columns input")) box.checked = scene.names.includes(box.value);
    $("#pair").hidden = scene.d < 3;
    const columns = scene.names.map((name, c) => [String(c), name]);
    options($("#across"), columns, String(scene.pair[0]));
    options($("#up"), columns, String(scene.pair[1]));
    const { k, covariance, kind, words } = state.model;
    $("#k").textContent = k;
    options($("#structure"), scene.d === 1 ? STRUCTURES.one : STRUCTURES.more, covariance);
    options($("#kind"), begin.starts[scene.d === 1 ? 0 : 1].map((name) => [name, name]), kind);
    $("#model").textContent = `${words[0].toUpperCase()}${words.slice(1)}.`;
  };
}
