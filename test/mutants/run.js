/** Breaks lines of `lib` that matter for security, one at a time, and looks whether the tests named for each notice. */
import { spawn } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";

const ROOT = join(import.meta.dirname, "../..");
const LEFT_OUT = new Set([".git", "coverage", "dist", "node_modules"]);
const AT_A_TIME = 2;

const temporary = realpathSync(
  mkdtempSync(join(tmpdir(), "express-login-kit-mutants-")),
);
process.once("exit", () => {
  rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
});
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

// An argument names the files of lib whose lines are broken: npm run mutants -- login-fetch
const [wanted = ""] = process.argv.slice(2);
const mutants = JSON.parse(
  readFileSync(join(import.meta.dirname, "mutants.json"), "utf8"),
).filter(({ file }) => file.includes(wanted));

const workers = Array.from({ length: AT_A_TIME }, (_, index) =>
  copyOfTree(join(temporary, String(index))),
);
await requireUnbrokenPass(workers[0]);

const outcomes = [];
const waiting = [...mutants];
await Promise.all(
  workers.map(async (folder) => {
    for (;;) {
      const mutant = waiting.shift();
      if (mutant === undefined) return;
      const outcome = await judge(mutant, folder);
      outcomes.push(outcome);
      say(`${mutant.file}: ${firstLine(mutant.text)} -> ${outcome.told}`);
    }
  }),
);
const caught = outcomes.filter(({ isCaught }) => isCaught).length;
const slipped = outcomes.length - caught;
say(`${String(caught)} caught, ${String(slipped)} slipped`);
process.exit(slipped === 0 && caught > 0 ? 0 : 1);

/** A folder of its own, so that the tree itself is never broken. */
function copyOfTree(folder) {
  cpSync(ROOT, folder, {
    recursive: true,
    filter: (path) => !LEFT_OUT.has(basename(path)),
  });
  // What is built serves the inspector's page; no line of it is broken.
  for (const shared of ["dist", "node_modules"]) {
    symlinkSync(join(ROOT, shared), join(folder, shared));
  }
  return folder;
}

/** A test that fails anyway catches nothing. */
async function requireUnbrokenPass(folder) {
  const { tests, failure } = await runTests(folder, mutants);
  const problems = failure === undefined ? [] : [failure];
  for (const { test, title } of mutants) {
    const named = tests.filter((one) => isNamed(one, test, title));
    if (!named.some(({ status }) => status === "passed")) {
      problems.push(`${test}: no test passes that is named by: ${title}`);
    }
    for (const { status, fullName } of named) {
      if (status === "failed") problems.push(`${test}: fails: ${fullName}`);
    }
  }
  if (problems.length === 0) return;
  say(["Nothing is broken yet, and:", ...new Set(problems)].join("\n"));
  process.exit(1);
}

/** Breaks the line, runs its tests, and puts the line back. */
async function judge({ file, text, becomes, test, title }, folder) {
  const path = join(folder, file);
  const source = readFileSync(path, "utf8");
  const pieces = source.split(text);
  if (pieces.length !== 2) {
    const times = String(pieces.length - 1);
    return slips(`the text is there ${times} times, not once`);
  }
  try {
    writeFileSync(path, pieces.join(becomes));
    const { tests, failure } = await runTests(folder, [{ test, title }]);
    if (failure !== undefined) return slips(failure);
    const failed = tests.find(({ status }) => status === "failed");
    return failed === undefined
      ? slips(`every test passes that is named by: ${title}`)
      : { isCaught: true, told: `caught by ${test}: ${failed.fullName}` };
  } finally {
    writeFileSync(path, source);
  }
}

function slips(reason) {
  return { isCaught: false, told: `SLIPPED: ${reason}` };
}

/**
 * Runs the named tests. Gives what came of each, or why there are none: a file
 * that does not compile or is not there.
 */
async function runTests(folder, named) {
  const answer = join(folder, "mutants-outcome.json");
  rmSync(answer, { force: true });
  const files = [...new Set(named.map(({ test }) => test))];
  const titles = [...new Set(named.map(({ title }) => escaped(title)))];
  const printed = await run(
    [
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      "node_modules/jest/bin/jest.js",
      "--runTestsByPath",
      ...files,
      `--testNamePattern=${titles.join("|")}`,
      "--maxWorkers=1",
      // What is broken may leave a timer behind that runs for weeks.
      "--forceExit",
      "--json",
      `--outputFile=${answer}`,
    ],
    folder,
  );
  let results;
  try {
    results = JSON.parse(readFileSync(answer, "utf8")).testResults;
  } catch {
    return { tests: [], failure: `Jest gives no outcome:\n${printed}` };
  }
  const tests = results.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status }) => ({
      test: name.slice(folder.length + 1),
      fullName,
      status,
    })),
  );
  const unread = results.find(
    ({ status, assertionResults }) =>
      status === "failed" && assertionResults.length === 0,
  );
  return { tests, failure: unread?.message };
}

function isNamed({ test, fullName }, file, title) {
  return test === file && fullName.includes(title);
}

function escaped(text) {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Runs node to its end; what it prints. */
function run(parameters, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, parameters, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        printed += text;
      });
    }
    child.once("error", reject).once("close", () => {
      resolve(printed);
    });
  });
}

function firstLine(text) {
  return text.trim().split("\n", 1)[0];
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
