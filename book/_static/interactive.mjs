// Lets the slider of an interactive figure (everygrad.interactive) exchange its lines.
// Each <li> holds one frame: its words, and in data-lines the points of every line.
for (const figure of document.querySelectorAll("div.interactive")) {
  const [label, output] = [figure.querySelector("label"), figure.querySelector("output")];
  const slider = label.querySelector("input");
  const frames = figure.querySelectorAll("li");
  const lines = figure.querySelectorAll("g.moving");

  const draw = () => {
    const frame = frames[slider.value];
    frame.dataset.lines.split("|").forEach((points, k) => {
      const [line, dots] = lines[k].children;
      line.setAttribute("points", points);
      dots.setAttribute("d", points.replace(/(\S+) ?/g, "M$1h0"));
    });
    output.textContent = frame.textContent;
    slider.setAttribute("aria-valuetext", frame.firstChild.textContent);
  };

  slider.addEventListener("input", draw);
  label.hidden = false;
  draw(); // a reloaded page remembers where its sliders were
}
