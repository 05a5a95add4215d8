// Lets the slider of an interactive figure (everygrad.interactive) exchange its lines.
// Each <li> holds one frame: its words, in data-lines the points of every line, and in
// data-texts what stands in every box. A mark's data-mark is drawn at each of the points.
for (const figure of document.querySelectorAll("div.interactive")) {
  const [label, output] = [figure.querySelector("label"), figure.querySelector("output")];
  const slider = label.querySelector("input");
  const frames = figure.querySelectorAll("li");
  const lines = figure.querySelectorAll("g.moving");
  const boxes = figure.querySelectorAll("text.box");

  const draw = () => {
    const frame = frames[slider.value];
    frame.dataset.lines.split("|").forEach((points, k) => {
      const [line, marks] = lines[k].children;
      line.setAttribute("d", points && `M${points}`);
      marks.setAttribute("d", points.replace(/[ M]?([^ M]+)/g, `M$1${marks.dataset.mark}`));
    });
    const texts = frame.dataset.texts.split("|");
    boxes.forEach((box, k) => {
      box.textContent = texts[k];
    });
    output.textContent = frame.textContent;
    slider.setAttribute("aria-valuetext", frame.firstChild.textContent);
  };

  slider.addEventListener("input", draw);
  label.hidden = false;
  draw(); // a reloaded page remembers where its sliders were
}
