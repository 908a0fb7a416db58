// A QR code as an inline picture: drawn in the page, because a card's secret must not travel to be drawn.

const SVG = "http://www.w3.org/2000/svg";
const QUIET = 4; // modules of margin (ISO/IEC 18004)

// `rows`: an array of arrays of booleans, without margin or with one.
export function drawn(rows) {
  const size = rows.length + 2 * QUIET;
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${size} ${size}`);
  picture.setAttribute("class", "code");
  const ground = document.createElementNS(SVG, "path");
  ground.setAttribute("d", `M0 0h${size}v${size}H0z`);
  ground.setAttribute("class", "ground");
  const modules = document.createElementNS(SVG, "path");
  modules.setAttribute("d", rows.map((row, y) => row.map((is, x) => (is ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : "")).join("")).join(""));
  picture.append(ground, modules);
  return picture;
}
