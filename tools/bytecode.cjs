// Compiles what Python reads before a page's first cell: some of its library, and NumPy.
//
//     node tools/bytecode.cjs _build/pyodide
//
// Prints {path of a source in Pyodide: its bytecode in base64} as JSON for tools/pyodide.py.
const path = require("node:path");

const folder = path.resolve(process.argv[2]) + path.sep;
const { loadPyodide } = require(`${folder}pyodide.js`);

const COMPILE = `
import base64, json, pathlib, py_compile, sys, zipfile
import ast, importlib.machinery, linecache, traceback, types  # what live_session imports
import numpy

compiled = {}
(library,) = [path for path in sys.path if path.endswith(".zip")]
archive = zipfile.ZipFile(library)
for module in list(sys.modules.values()):
    path = getattr(module.__spec__, "origin", None) or ""
    if not path.endswith(".py"):
        continue
    inside = path.removeprefix(f"{library}/")
    py_compile.compile(
        path if inside == path else archive.extract(inside, "/sources"),
        cfile="/bytecode",
        dfile=path,
        doraise=True,
        # Dates are lost on the way, and nobody changes these sources.
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    compiled[path] = base64.b64encode(pathlib.Path("/bytecode").read_bytes()).decode()
json.dumps(compiled)
`;

async function main() {
  const env = { PYTHONHASHSEED: "0" }; // the same bytes every time
  const python = await loadPyodide({ indexURL: folder, env });
  await python.loadPackage("numpy", { messageCallback: console.error });
  process.stdout.write(python.runPython(COMPILE));
}

main().catch((error) => {
  console.error(error.message); // without the line, half a megabyte, that threw it
  process.exit(1);
});
