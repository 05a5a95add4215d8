// Sets one formula per line: {tex, display} comes in, {html} or {error} goes out.
// MathML for screen readers is part of the HTML.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const katex = createRequire(import.meta.url)(process.argv[2]);
const options = { throwOnError: true, strict: "error", output: "htmlAndMathml" };

for await (const line of createInterface({ input: process.stdin })) {
  const { tex, display } = JSON.parse(line);
  let answer;
  try {
    answer = { html: katex.renderToString(tex, { ...options, displayMode: display }) };
  } catch (error) {
    answer = { error: error.message };
  }
  console.log(JSON.stringify(answer));
}
