/**
 * Copies what we use of @tensorflow/tfjs-node-gpu (its backend class and its kernels: plain JavaScript) to dist/vendor.
 * The package itself is no dependency of ours: its install script downloads a binary that we do not use.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";

const from = new URL("../node_modules/@tensorflow/tfjs-node-gpu/", import.meta.url);
const to = new URL("../dist/vendor/tfjs-node-gpu/", import.meta.url);

if (!existsSync(from)) {
  console.error("scripts/vendor.mjs: node_modules/@tensorflow/tfjs-node-gpu is missing. Run 'npm ci' first.");
  process.exit(1);
}
rmSync(to, { recursive: true, force: true });
mkdirSync(new URL("kernels/", to), { recursive: true });
mkdirSync(new URL("proto/", to), { recursive: true });
for (const file of ["nodejs_kernel_backend.js", "register_all_kernels.js", "int64_tensors.js"]) {
  cpSync(new URL(`dist/${file}`, from), new URL(file, to));
}
for (const file of readdirSync(new URL("dist/kernels/", from))) {
  if (file.endsWith(".js") && !file.endsWith("_test.js"))
    cpSync(new URL(`dist/kernels/${file}`, from), new URL(`kernels/${file}`, to));
}
// Its licence is ours: Apache-2.0.
cpSync(new URL("../LICENSE", import.meta.url), new URL("LICENSE", to));
// The backend asks for TensorBoard's messages when it loads; only its summary writer, which we leave out, reads them.
writeFileSync(new URL("proto/api_pb.js", to), "module.exports = {};\n");
writeFileSync(new URL("package.json", to), `${JSON.stringify({ type: "commonjs", private: true })}\n`);
