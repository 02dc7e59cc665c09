// What the page knows, in one place. Views are told of every change; nothing else is kept.

const known = {
  begin: null, // look, data sets, kinds of start
  run: null, // id, title, word, columns
  scene: null, // the data as it is drawn; changes with the columns
  state: null, // where EM stands
  before: null, // where it stood, for the way from there to here
  near: null, // rows under the pointer
  cursor: null, // where that is, in the units of the data
  kmeans: null, fit: null, selection: null, certificate: null, reproduction: null,
  playing: false, busy: null, error: null,
};
const views = [];

export const get = () => known;

export function subscribe(view) {
  views.push(view);
}

export function update(changes) {
  if (changes.scene) changes = { near: null, cursor: null, before: null, ...changes };
  else if (changes.state && known.state && !("before" in changes)) {
    changes = { before: known.state, ...changes };
  }
  Object.assign(known, changes);
  for (const view of views) view(known, changes);
}

// What a change of data, of model, or of step leaves true no longer.
export const stale = {
  data: { kmeans: null, fit: null, selection: null, certificate: null, reproduction: null },
  model: { kmeans: null, certificate: null, reproduction: null },
  step: { reproduction: null },
};
