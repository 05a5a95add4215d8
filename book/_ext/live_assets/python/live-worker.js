// Python for the cells of one page, in a worker: the page never waits for it.
// This file lies beside Pyodide. It is a classic worker, and its name ends in .js, because
// a plain file server may know no other type of script, and no WebAssembly either.
importScripts("pyodide.js");

const here = new URL(".", self.location).href;
const { instantiateStreaming } = WebAssembly;
WebAssembly.instantiateStreaming = async (response, imports) => {
  const reply = await response;
  if (reply.headers.get("Content-Type")?.startsWith("application/wasm")) {
    return instantiateStreaming.call(WebAssembly, reply, imports);
  }
  return WebAssembly.instantiate(await reply.arrayBuffer(), imports);
};

async function start({ packages, absent, setUp }) {
  const code = fetch(new URL("course.zip", here)).then((reply) => {
    if (!reply.ok) throw new Error(`course.zip: ${reply.status}`);
    return reply.arrayBuffer();
  });
  const [python, archive] = await Promise.all([
    loadPyodide({ indexURL: here, packages, env: { MPLBACKEND: "AGG" } }),
    code,
  ]);
  python.unpackArchive(archive, "zip", { extractDir: "/course" });
  python.runPython(`
    import sys
    sys.path.insert(0, "/course")
    sys.pycache_prefix = "/course/pycache"  # NumPy, compiled when the book was built
  `);
  const session = python.pyimport("live_session");
  session.start(absent, setUp);
  return session;
}

let session;
const PAUSE = 50; // milliseconds for which output is held: what is quick comes at once

self.onmessage = async ({ data }) => {
  const { id, source, name, options } = data;
  let parts = [];
  let begun = 0;
  const send = (end) => {
    self.postMessage({ id, parts, end });
    parts = [];
  };
  const emit = (kind, text) => {
    parts.push({ kind, text });
    if (performance.now() - begun > PAUSE) send();
  };
  try {
    if (!session) {
      session = start(options);
      await session;
      emit("started");
    }
    const python = await session;
    begun = performance.now();
    send(python.run(source, name, emit) ? "well" : "error");
  } catch (error) {
    emit("broken", String(error.message ?? error));
    send("broken");
  }
};
