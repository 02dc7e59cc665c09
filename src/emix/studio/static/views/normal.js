// The bell curve, to draw with; what is drawn was computed by emix.

const ROOT = Math.sqrt(2 * Math.PI);

export const density = (x, mean, sd) => Math.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * ROOT);

// A mixture on its way from one to another, as the eye should follow it.
export function between(old, now, share) {
  const mix = (a, b) => (Array.isArray(b) ? b.map((each, i) => mix(a[i], each)) : a + share * (b - a));
  return {
    weights: mix(old.weights, now.weights), means: mix(old.means, now.means),
    sds: mix(old.sds, now.sds), ellipses: now.ellipses && mix(old.ellipses, now.ellipses),
  };
}

export const alike = (old, now) =>
  old && old.means.length === now.means.length && old.means[0].length === now.means[0].length;
