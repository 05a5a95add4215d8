// Paper is white: who reads in the dark prints what others see by day.
const { dataset } = document.documentElement;
let before;

addEventListener("beforeprint", () => {
  before = dataset.theme;
  dataset.theme = "light";
});
addEventListener("afterprint", () => {
  dataset.theme = before;
});
