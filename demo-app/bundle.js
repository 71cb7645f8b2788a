/** Bundles the demo for the package, so that `npx express-login-kit demo` needs nothing more. */
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const folder = "dist/demo";

const { metafile } = await build({
  entryPoints: ["demo-app/demo.ts"],
  outdir: folder,
  bundle: true,
  minify: true,
  // oidc-provider finds its models by the names of their classes.
  keepNames: true,
  format: "esm",
  platform: "node",
  target: "node20",
  // What the package's users have already: the package, its dependencies and its peers.
  external: [
    "express-login-kit",
    "express-login-kit/*",
    "express",
    "escape-html",
    "jose",
  ],
  // CommonJS among the bundled packages asks for Node's modules by require.
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});
await cp("demo-app/public", join(folder, "public"), { recursive: true });
await writeFile(join(folder, "LICENSES.txt"), await licenses());

/** The licenses of the packages that are in the bundle, which have to go with them. */
async function licenses() {
  const homes = Object.keys(metafile.inputs).flatMap(
    (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [],
  );
  const texts = await Promise.all([...new Set(homes)].map(licenseOf));
  return [...new Set(texts)].sort().join(`\n${"-".repeat(72)}\n\n`);
}

async function licenseOf(home) {
  const { name, version, license } = JSON.parse(
    await readFile(join(home, "package.json"), "utf8"),
  );
  const files = await readdir(home);
  const file = files.find((one) => /^licen[cs]e/i.test(one));
  const text = file
    ? await readFile(join(home, file), "utf8")
    : `License: ${license}\n`;
  return `${name} ${version}\n\n${text}`;
}
