// What stands beside the run: K-Means, many starts, the choice of k, a certificate, exports.

import { count, fixed, make, number, percent } from "./look.js";
import { saveImage } from "./save.js";
import { swatch } from "./table.js";

const say = (text, kind = "small") => make("p", { class: kind }, text);
const button = (text, press, kind = "") => make("button", { type: "button", class: kind, onclick: press }, text);

function table(heads, rows, label) {
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...rows)));
}
const row = (attributes, ...cells) => make("tr", attributes, ...cells.map((each) => make("td", {}, each)));

const views = {
  kmeans({ kmeans, state, scene }, on) {
    if (!kmeans) return [button("Compare", on.kmeans)];
    const order = kmeans.order, now = state.mixture, one = scene.d === 1;
    const c = one ? 0 : scene.pair[0];
    return [say("K-Means gives each point whole to the nearest centre (◆ in the picture, cuts dashed)."),
      table(["", "share", one ? "centre" : `centre (${scene.names[c]})`, ...(one ? ["spread"] : [])],
        kmeans.centres.flatMap((centre, i) => {
          const j = order[i], hard = [percent(kmeans.shares[i]), number(centre[c], 5)];
          if (!one) return [row({}, "◆", ...hard)];
          return [row({}, swatch(j), ...hard, number(kmeans.sds[i], 4)),
            row({ class: "muted" }, "mixture", percent(now.weights[j]), number(now.means[j][c], 5), number(now.sds[j][0], 4))];
        }), "K-Means beside the mixture"),
      say(kmeans.words), ...(kmeans.live ? [] : [button("Compare again", on.kmeans)])];
  },

  optima({ fit, state, scene }, on) {
    const ask = [say("The likelihood has many tops. A search climbs from many starts and lists the distinct ones."),
      make("div", { class: "row" }, button("Search", () => on.job("search"), "primary"),
        button("Climb from this start", () => on.job("finish")))];
    if (!fit) return ask;
    return [...ask, table(["log-likelihood", "runs", "means", ""], fit.optima.map((optimum, i) => row({},
      fixed(optimum.loglik, 4), String(optimum.starts),
      optimum.means.map((mean) => number(mean[scene.d === 1 ? 0 : scene.pair[0]], 4)).join("  "),
      button("Look", () => on.look(i)))), "Optima found"),
    ...fit.optima.slice(0, 1).flatMap((optimum) => optimum.degenerate.map((why) => say(`Degenerate: ${why}`))),
    say(`Of a ${fit.words}: BIC ${fixed(fit.bic, 3)}  ICL ${fixed(fit.icl, 3)}  df ${fit.df}. ${fit.outcome}.`),
    ...fit.warnings.map((warning) => say(warning, "small warn"))];
  },

  select({ selection, state }, on) {
    const most = make("input", { type: "number", min: 1, max: 15, value: 6, "aria-label": "Most components to try" });
    const every = make("input", { type: "checkbox" });
    const ask = [say("Fits every number of components and compares them by BIC, which charges for each parameter. Smaller is better."),
      make("div", { class: "row" }, make("label", {}, "k up to ", most), make("label", { class: "check" }, every, " every structure"),
        button("Compare", () => on.job("select", { most: Number(most.value), every_structure: every.checked }), "primary"))];
    if (!selection) return ask;
    const structures = [...new Set(selection.table.map((each) => each.covariance))];
    const ks = [...new Set(selection.table.map((each) => each.k))];
    const found = (k, name) => selection.table.find((each) => each.k === k && each.covariance === name);
    return [...ask, table(["k", ...structures], ks.map((k) => row({}, String(k), ...structures.map((name) => {
      const each = found(k, name);
      if (!each || each.bic === null) return make("span", { title: (each && each.failure) || "", class: "muted" }, "–");
      const words = `Take ${name} with ${k} components, BIC ${fixed(each.bic, 1)}${each.best ? ", the best" : ""}`;
      return make("button", { type: "button", class: each.best ? "pick best" : "pick", "aria-label": words,
        onclick: () => on.configure({ k, covariance: name }) }, fixed(each.bic, 1));
    }))), "BIC by number of components and structure"),
    say(`Best: ${selection.best.covariance} with k = ${selection.best.k}. Press a number to take that model.`),
    ...(selection.complete ? [] : [say("Stopped before all were tried.", "small warn")])];
  },

  certificate({ certificate, scene }, on) {
    if (scene.d > 1) return [say("A certificate is of one column so far. Choose one of the columns to have its fit certified.")];
    const ask = [say("Bounds what any mixture could reach on these data, so that a fit can be seen to be near the best there is."),
      button(certificate ? "Certify again" : "Certify", () => on.job("certify"), "primary")];
    if (!certificate) return ask;
    return [...ask, say(`No mixture is better than the best fit by more than ${number(certificate.gap, 4)} nats.`, "lead"),
      make("pre", { tabindex: 0, "aria-label": "The certificate in words" }, certificate.report)];
  },

  export({ reproduction, run, state }, on) {
    if (!reproduction) return [button("Show", on.reproduce)];
    const copied = (text) => button("Copy", async (event) => {
      await navigator.clipboard.writeText(text);
      event.target.textContent = "Copied";
    });
    const link = (name, words) => make("a", { href: `api/${run.id}/file/${name}`, download: name }, words);
    const block = (head, text, id) => [make("div", { class: "head" }, make("h3", {}, head), copied(text)),
      make("pre", { id, tabindex: 0, "aria-label": head }, text)];
    return [
      ...(reproduction.command ? block("Command", reproduction.command, "command")
        : [say("The command line cannot hold means or covariances of several columns; the Python can.")]),
      ...(reproduction.needs_start ? [say("It begins at a file; save this one beside it:"), link("start.json", "start.json")] : []),
      ...block("Python", reproduction.python, "python"),
      make("h3", {}, "Files"), make("ul", { class: "files" },
        make("li", {}, link("model.json", "Model (JSON)")),
        make("li", {}, link("responsibilities.csv", "Responsibilities (CSV)")),
        make("li", {}, button("Picture (SVG)", () => saveImage(on.svg(), "svg"), "link")),
        make("li", {}, button("Picture (PNG)", () => saveImage(on.svg(), "png"), "link"))),
      say(`Numbers are those of emix on all ${count(on.n())} rows; bins are only for the eye.`, "small muted")];
  },
};

export function panels(elements, on) {
  const opened = { kmeans: on.kmeans, export: on.reproduce };
  for (const element of elements) {
    element.addEventListener("toggle", () => {
      if (element.open && opened[element.dataset.panel]) opened[element.dataset.panel]();
      else on.closed(element.dataset.panel);
    });
  }
  return function render(known) {
    if (!known.scene) return;
    for (const element of elements) {
      const body = element.querySelector(".body"), fresh = views[element.dataset.panel](known, on);
      const key = fresh.map((each) => each.outerHTML).join("");
      // Left alone while nothing in it changes, so that what is typed or focused stays.
      if (body.dataset.key !== undefined && body.known === key) continue;
      body.known = key;
      body.dataset.key = "";
      body.replaceChildren(...fresh);
    }
  };
}
