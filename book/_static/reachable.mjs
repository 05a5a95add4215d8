// Lets the keyboard reach code, formulas and tables that are wider than the screen, to
// scroll them: not every browser does so itself. Only what is drawn is measured; whenever
// something is drawn that was not (course.css), the page changes its height.
const parts =
  ".bd-article :is(pre:not([class]), .cell_output > .output, .katex-display, div:has(> table))";

const label = (part) => {
  if (part.matches(".katex-display")) return "Wide formula";
  return part.matches("div:has(> table)") ? "Wide table" : null; // code speaks for itself
};

const update = () => {
  const drawn = [...document.querySelectorAll(parts)].filter((part) =>
    part.checkVisibility({ contentVisibilityAuto: true }),
  );
  const wide = drawn.map((part) => part.scrollWidth > part.clientWidth);
  drawn.forEach((part, k) => {
    const ariaLabel = label(part);
    if (wide[k]) {
      Object.assign(part, { tabIndex: 0 }, ariaLabel && { role: "group", ariaLabel });
    } else if (part.tabIndex === 0) {
      for (const name of ["tabindex", "role", "aria-label"]) part.removeAttribute(name);
    }
  });
};

let soon; // not within the frame that draws: it would come later
const later = () => {
  clearTimeout(soon);
  soon = setTimeout(update);
};

new ResizeObserver(later).observe(document.querySelector(".bd-article"));
// A letter may come late and be wider than the one that stood for it.
document.fonts.addEventListener("loadingdone", later);
