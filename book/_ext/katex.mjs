// Sets one formula per line: {tex, display} comes in, {html} or {error} goes out.
// MathML for screen readers is part of the HTML.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { lean } from "./lean.mjs";

const katex = createRequire(import.meta.url)(process.argv[2]);
const options = { throwOnError: true, strict: "error", output: "htmlAndMathml" };

for await (const line of createInterface({ input: process.stdin })) {
  const { tex, display } = JSON.parse(line);
  let answer;
  try {
    const tree = katex.__renderToDomTree(tex, { ...options, displayMode: display });
    answer = { html: lean(tree).toMarkup() };
  } catch (error) {
    answer = { error: error.message };
  }
  console.log(JSON.stringify(answer));
}
