// The picture as a file: what is seen, with its colours written into it.

const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin",
  "opacity", "font-family", "font-size", "font-weight", "text-anchor", "paint-order"];

function standalone(svg) {
  const copy = svg.cloneNode(true), seen = [svg, ...svg.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((element, i) => {
    const style = getComputedStyle(seen[i]);
    for (const name of KEPT) element.setAttribute(name, style.getPropertyValue(name));
    for (const name of ["class", "tabindex", "role"]) element.removeAttribute(name);
    for (const { name } of [...element.attributes]) if (/^(aria|data)-/.test(name)) element.removeAttribute(name);
  });
  copy.querySelectorAll("g").forEach((group) => group.childElementCount === 0 && group.remove());
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const paper = document.createElementNS(svg.namespaceURI, "rect");
  paper.setAttribute("width", width);
  paper.setAttribute("height", height);
  paper.setAttribute("fill", getComputedStyle(svg.closest(".panel")).backgroundColor);
  copy.prepend(paper);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  copy.setAttribute("xmlns", svg.namespaceURI);
  return { text: new XMLSerializer().serializeToString(copy), width, height };
}

function keep(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function saveImage(svg, kind) {
  const { text, width, height } = standalone(svg);
  const drawn = new Blob([text], { type: "image/svg+xml" });
  if (kind === "svg") return keep(drawn, "emix.svg");
  const image = new Image();
  image.src = URL.createObjectURL(drawn);
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: 2 * width, height: 2 * height });
  canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
  URL.revokeObjectURL(image.src);
  canvas.toBlob((blob) => keep(blob, "emix.png"));
}
