// Lets the keyboard reach formulas and tables that are wider than the screen, to scroll
// them: not every browser does so itself. The theme does the same for code.
const wide = document.querySelectorAll(".bd-article :is(.katex-display, div:has(> table))");

const update = () => {
  for (const part of wide) {
    if (part.scrollWidth > part.clientWidth) {
      part.tabIndex = 0;
      part.setAttribute("role", "group");
      part.ariaLabel = part.matches(".katex-display") ? "Wide formula" : "Wide table";
    } else if (part.tabIndex === 0) {
      for (const name of ["tabindex", "role", "aria-label"]) part.removeAttribute(name);
    }
  }
};

new ResizeObserver(update).observe(document.querySelector(".bd-article"));
