/** What the inspector's page is made of: its HTML, and the files that it loads. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";

/** A file that is served. */
export interface Asset {
  /** For Express's `res.type`. */
  readonly type: string;
  readonly body: string;
}

/** Where the build puts the files, below the folder of the package. */
const FOLDER = "dist/inspector/page";

const TYPES: Readonly<Record<string, string>> = {
  ".js": "js",
  ".css": "css",
};

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#4338ca"/><path d="M9 6v20M23 6v20" stroke="#a5a0ff" stroke-width="2"/><path d="M9 12h12m-4-4 4 4-4 4M23 21H11" stroke="#fff" stroke-width="2.5" fill="none"/></svg>`;

/** Its addresses are relative to the path at which the inspector is mounted, which ends in a slash. */
const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Login inspector</title>
<link rel="icon" href="icon.svg">
<link rel="stylesheet" href="inspector.css">
<script type="module" src="inspector.js"></script>
</head>
<body>
<header class="top">
<h1>Login inspector</h1>
<nav aria-label="Parts"><a href="#runs">Runs</a> <a href="#playground">Playground</a> <a href="#held">Held now</a></nav>
<p class="connection connecting" role="status">Connecting …</p>
</header>
<main><noscript><p>The inspector needs JavaScript.</p></noscript></main>
</body>
</html>
`;

/** The page itself. */
export function page(): Asset {
  return { type: "html", body: HTML };
}

/**
 * Scripts and styles, by their paths below the mount path, such as `/inspector.js`.
 *
 * @throws {Error} where the package is not complete
 */
export function assets(): ReadonlyMap<string, Asset> {
  const folder = pageFolder();
  const files = readdirSync(folder).map((name): [string, Asset] => [
    `/${name}`,
    {
      type: TYPES[extname(name)] ?? "text",
      body: readFileSync(join(folder, name), "utf8"),
    },
  ]);
  return new Map([...files, ["/icon.svg", { type: "svg", body: ICON }]]);
}

/** This module is at another depth in the sources than in a bundle. */
function pageFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, FOLDER))) {
    const above = dirname(folder);
    if (above === folder) {
      throw new Error(
        `the inspector's files are not there: ${FOLDER} is missing in the folder of express-login-kit. Run the application with the package in node_modules, not bundled into one file.`,
      );
    }
    folder = above;
  }
  return join(folder, FOLDER);
}
