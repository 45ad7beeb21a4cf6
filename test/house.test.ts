/**
 * The rules of the house, held over the parsed source: which room may import which, sizes, and what
 * is said in only one place. CONTRIBUTING.md gives the reasons.
 */
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { isAllowed, roomOf } from "./support/rooms.ts";
import {
  ROOT,
  readSources,
  type SourceFile,
  type SyntaxNode,
  trackedFiles,
  visit,
} from "./support/source-file.ts";
import {
  BUN_VERSION,
  DENO_VERSION,
  ENVOY_VERSION,
  FORTIO_VERSION,
  H2SPEC_VERSION,
} from "./support/tools.ts";

const LINES_MAX = 400;
const COLUMNS_MAX = 100;
const FUNCTION_LINES_MAX = 60;
/** An address, an import of one name: no formatter can break them. */
const UNBREAKABLE = /https:\/\/|^import .* from "|^} from "/;
const FILES_PER_FOLDER_MAX = 12;

const HOT_PATH = "// hot path: no allocation per request";

/** Descriptors of services are generated too: these speak them over their own sockets. */
const MAY_IMPORT_GEN = [
  /^src\/xds\//,
  /^src\/agent\/(bundle|issuance|sds)\//,
  /^src\/control\/(ca\/issuance|circuits|server)\//,
  /^src\/proxy\/(config-client|circuit\/mesh\/|secrets\/sds-feed)/,
];

const MAY_OPEN_SOCKETS = [
  /^src\/proxy\/(listener|tls|upstream)\//,
  /^src\/control\/server\//,
  /^src\/up\//,
];
const SOCKETS = new Set(["node:net", "node:tls"]);
/** Bytes in, bytes out on floor 0: what reaches outside the process stays above it. */
const OUTSIDE =
  /^node:(child_process|cluster|dgram|dns|fs|http|http2|https|net|tls|worker_threads)/;
/** Never on the request path (docs/adr/0001-raw-sockets.md); the admin server is off it. */
const ON_THE_REQUEST_PATH = /^src\/proxy\/(?!admin\/)/;
const FRAMEWORKS = /^node:(http|http2|https|stream)/;

/** Time, chance and the environment come in by parameter everywhere else. */
const MAY_READ_THE_WORLD = [/^src\/(base\/|cli\/|breaker\/clock\.ts$)/, /(^|\/)main\.ts$/];
const WORLD = new Set([
  "Date.now",
  "Math.random",
  "performance.now",
  "process.env",
  "process.hrtime",
  "setInterval",
  "setTimeout",
]);

const FUNCTIONS = new Set(["ArrowFunctionExpression", "FunctionDeclaration", "FunctionExpression"]);

const sources = readSources("src", "test", "bench", "scripts", "samples");
const rooms = sources.filter((file) => file.path.startsWith("src/") && !file.isTest);
const tracked = trackedFiles();

/** One line for each breach; `says` names what is wrong with a file, each with its position. */
function breaches(
  files: readonly SourceFile[],
  says: (file: SourceFile) => readonly string[],
): string[] {
  return files.flatMap((file) => says(file));
}

function isAmong(file: SourceFile, places: readonly RegExp[]): boolean {
  return places.some((place) => place.test(file.path));
}

/** Nodes for which `wanted` holds, as `path:line: what`. */
function found(
  file: SourceFile,
  wanted: (node: SyntaxNode, ancestors: readonly SyntaxNode[]) => string | undefined,
): string[] {
  const lines: string[] = [];
  visit(file.program, (node, ancestors) => {
    const what = wanted(node, ancestors);
    if (what !== undefined) lines.push(`${file.at(node)}: ${what}`);
  });
  return lines;
}

function nameOf(node: unknown): string {
  const name = (node as SyntaxNode | undefined)?.name;
  return typeof name === "string" ? name : "";
}

/** `Date.now` for a member of a name, `setTimeout` for a called name. */
function worldly(node: SyntaxNode): string | undefined {
  const name =
    node.type === "MemberExpression"
      ? `${nameOf(node.object)}.${nameOf(node.property)}`
      : node.type === "CallExpression"
        ? nameOf(node.callee)
        : "";
  if (WORLD.has(name)) return name;
  const bare = node.type === "NewExpression" && nameOf(node.callee) === "Date";
  return bare && (node.arguments as unknown[]).length === 0 ? "new Date()" : undefined;
}

/** Constructors run once a connection, and what refuses a request may take its time. */
function isOffThePath(node: SyntaxNode): boolean {
  if (node.type !== "MethodDefinition" && node.type !== "FunctionDeclaration") return false;
  const name = nameOf(node.key ?? node.id);
  return node.kind === "constructor" || /^(fail|refuse|reject)/.test(name);
}

/** What a hot-path file may not hold inside its functions. */
function allocates(node: SyntaxNode, ancestors: readonly SyntaxNode[]): string | undefined {
  if (node.async === true || node.type === "AwaitExpression") return "async";
  if (!ancestors.some((ancestor) => FUNCTIONS.has(ancestor.type))) return undefined;
  if (ancestors.some(isOffThePath)) return undefined;
  if (FUNCTIONS.has(node.type)) return "a closure inside a function";
  if (node.type === "SpreadElement" || node.type === "RestElement") return "spread or rest";
  if (node.type === "Literal" && "regex" in node) return "a regular expression";
  if (node.type === "UnaryExpression" && node.operator === "delete") return "delete";
  return undefined;
}

describe("the house", () => {
  it("has been read", () => {
    expect(rooms.length).toBeGreaterThan(50);
    expect(rooms.flatMap((file) => file.imports).length).toBeGreaterThan(100);
  });

  it("imports only files that are there", () => {
    const missing = breaches(sources, (file) =>
      file.imports
        .filter(({ specifier, target }) => specifier.startsWith(".") && !isThere(target))
        .map(({ line, specifier }) => `${file.path}:${line}: ${specifier} is not there`),
    );
    expect(missing).toEqual([]);
  });
});

function isThere(target: string): boolean {
  return fs.existsSync(path.join(ROOT, target));
}

describe("rooms", () => {
  it("import only what stands below them", () => {
    const upward = breaches(rooms, (file) => {
      const from = roomOf(file.path) ?? "";
      return file.imports.flatMap(({ target, line }) => {
        const to = roomOf(target);
        if (to === undefined || to === "gen" || isAllowed(from, to)) return [];
        return [`${file.path}:${line}: ${from} may not import ${to}`];
      });
    });
    expect(upward).toEqual([]);
  });

  it("leave the generated messages to xds and to the two ends of ADS", () => {
    const elsewhere = breaches(rooms, (file) =>
      file.imports
        .filter(({ target }) => roomOf(target) === "gen" && !isAmong(file, MAY_IMPORT_GEN))
        .map(({ line }) => `${file.path}:${line}: only xds may import gen`),
    );
    expect(elsewhere).toEqual([]);
  });

  it("import nothing from outside src", () => {
    const outside = breaches(rooms, (file) =>
      file.imports
        .filter(({ specifier, target }) => specifier.startsWith(".") && !target.startsWith("src/"))
        .map(({ line, target }) => `${file.path}:${line}: ${target} is outside src`),
    );
    expect(outside).toEqual([]);
  });

  it("open sockets only where sockets belong", () => {
    const elsewhere = breaches(rooms, (file) =>
      file.imports
        .filter(({ target, typeOnly }) => SOCKETS.has(target) && !typeOnly)
        .filter(() => !isAmong(file, MAY_OPEN_SOCKETS))
        .map(({ line, target }) => `${file.path}:${line}: ${target}`),
    );
    expect(elsewhere).toEqual([]);
  });

  it("keep floor 0, the model and the dialects free of I/O", () => {
    const pure = /^src\/(base|breaker|codec|metrics|identity|model|api|dialects|xds)\//;
    const reaching = breaches(
      rooms.filter((file) => pure.test(file.path)),
      (file) =>
        file.imports
          .filter(({ target, typeOnly }) => OUTSIDE.test(target) && !typeOnly)
          .map(({ line, target }) => `${file.path}:${line}: ${target}`),
    );
    expect(reaching).toEqual([]);
  });

  it("let the breaker import nothing at all, not even Node", () => {
    const importing = breaches(
      rooms.filter((file) => roomOf(file.path) === "breaker"),
      (file) =>
        file.imports
          .filter(({ target }) => roomOf(target) !== "breaker")
          .map(({ line, target }) => `${file.path}:${line}: ${target}`),
    );
    expect(importing).toEqual([]);
  });

  it("keep Node's HTTP and streams off the request path", () => {
    const using = breaches(
      rooms.filter((file) => ON_THE_REQUEST_PATH.test(file.path)),
      (file) =>
        file.imports
          .filter(({ target }) => FRAMEWORKS.test(target))
          .map(({ line, target }) => `${file.path}:${line}: ${target}`),
    );
    expect(using).toEqual([]);
  });

  it("take time, chance and the environment by parameter", () => {
    const reading = breaches(
      rooms.filter((file) => !isAmong(file, MAY_READ_THE_WORLD)),
      (file) => found(file, worldly),
    );
    expect(reading).toEqual([]);
  });
});

describe("hot-path files", () => {
  const hot = rooms.filter((file) => file.text.startsWith(HOT_PATH));

  it("allocate nothing that a reader could see", () => {
    expect(breaches(hot, (file) => found(file, allocates))).toEqual([]);
  });

  it("know the model only by its types", () => {
    const using = breaches(hot, (file) =>
      file.imports
        .filter(({ target, typeOnly }) => roomOf(target) === "model" && !typeOnly)
        .map(({ line, target }) => `${file.path}:${line}: ${target}`),
    );
    expect(using).toEqual([]);
  });
});

describe("files", () => {
  it(`have at most ${LINES_MAX} lines of at most ${COLUMNS_MAX} columns`, () => {
    const large = breaches(sources, (file) => {
      const lines = file.text.split("\n");
      const wide = lines.findIndex((line) => line.length > COLUMNS_MAX && !UNBREAKABLE.test(line));
      return [
        ...(lines.length > LINES_MAX + 1 ? [`${file.path}: ${lines.length} lines`] : []),
        ...(wide >= 0 ? [`${file.path}:${wide + 1}: ${lines[wide]?.length} columns`] : []),
      ];
    });
    expect(large).toEqual([]);
  });

  it(`have functions of at most ${FUNCTION_LINES_MAX} lines`, () => {
    const long = breaches(
      sources.filter((file) => !file.isTest),
      (file) =>
        found(file, (node) => {
          if (!FUNCTIONS.has(node.type)) return undefined;
          const lines = file.linesOf(node);
          return lines > FUNCTION_LINES_MAX ? `a function of ${lines} lines` : undefined;
        }),
    );
    expect(long).toEqual([]);
  });

  it(`stand at most ${FILES_PER_FOLDER_MAX} to a folder`, () => {
    const folders = Map.groupBy(rooms, (file) => path.dirname(file.path));
    const full = [...folders]
      .filter(([, files]) => files.length > FILES_PER_FOLDER_MAX)
      .map(([folder, files]) => `${folder}: ${files.length} files`);
    expect(full).toEqual([]);
  });

  it("are named for what they hold", () => {
    const empty = /(^|[/-])(util|utils|helper|helpers|manager|misc)(-|\.|\/)/;
    const envoys = "connection-manager";
    const vague = rooms
      .map((file) => file.path)
      .filter((name) => empty.test(name.replace(envoys, "")));
    expect(vague).toEqual([]);
  });
});

describe("words", () => {
  it("put nothing off", () => {
    const marks = new RegExp(["TO", "DO|FIX", "ME|XX", "X"].join(""));
    const open = breaches(sources, (file) =>
      file.text
        .split("\n")
        .flatMap((line, index) =>
          marks.test(line) ? [`${file.path}:${index + 1}: ${line.trim()}`] : [],
        ),
    );
    expect(open).toEqual([]);
  });

  it("leave no test out, except what says in parentheses what it misses", () => {
    const words = new Set(["only", "skip", "todo", "fails"]);
    const runners = new Set(["describe", "it", "test"]);
    const left = breaches(
      sources.filter((file) => file.isTest && file.path !== "test/support/tools.ts"),
      (file) =>
        found(file, (node, ancestors) => {
          if (node.type !== "MemberExpression" || !runners.has(nameOf(node.object)))
            return undefined;
          const word = nameOf(node.property);
          const call = ancestors.at(-1);
          const text = call === undefined ? "" : file.text.slice(call.start, call.end);
          if (!words.has(word) || /^\w+\.skip\(.*\(.+\)/.test(text)) return undefined;
          return `${nameOf(node.object)}.${word}`;
        }),
    );
    expect(left).toEqual([]);
  });

  it("name no registry's host, so that any mirror serves", () => {
    const hosts = [
      ["registry", "npmjs", "org"],
      ["registry", "yarnpkg", "com"],
      ["pypi", "org"],
      ["pythonhosted", "org"],
      ["deb", "debian", "org"],
      ["proxy", "golang", "org"],
      ["repo", "maven", "apache", "org"],
    ].map((parts) => parts.join("."));
    const naming = tracked.filter((name) => {
      const text = fs.readFileSync(path.join(ROOT, name), "latin1");
      return hosts.some((host) => text.includes(host));
    });
    expect(naming).toEqual([]);
  });
});

describe("versions", () => {
  const read = (name: string): string => fs.readFileSync(path.join(ROOT, name), "utf8");

  it("of Node agree in set-up, lock file and .nvmrc", () => {
    const [, version = ""] = /^node_version=(.+)$/m.exec(read("scripts/setup.sh")) ?? [];
    const pinned: Record<string, string> = JSON.parse(
      read("scripts/runtime/package.json"),
    ).optionalDependencies;
    expect(new Set(Object.values(pinned))).toEqual(new Set([version]));
    expect(read(".nvmrc").trim()).toBe(version.split(".")[0]);
  });

  it("of what is installed with the package are exact", () => {
    const { dependencies } = JSON.parse(read("package.json"));
    const ranges = Object.entries<string>(dependencies).filter(([, v]) => !/^\d[\d.]*$/.test(v));
    expect(ranges).toEqual([]);
  });

  it("of Envoy, h2spec, fortio, Bun and Deno agree in set-up and tests", () => {
    expect(read("scripts/tools.sh")).toContain(`\nenvoy_version=${ENVOY_VERSION}\n`);
    const goTools = read("scripts/go-tools.sh");
    expect(goTools).toContain(`\nh2spec_version=${H2SPEC_VERSION}\n`);
    expect(goTools).toContain(`\nfortio_version=${FORTIO_VERSION}\n`);
    const runtimes = read("scripts/js-runtimes.sh");
    expect(runtimes).toContain(`bun_version=${BUN_VERSION}\ndeno_version=${DENO_VERSION}\n`);
    const pinned: Record<string, string> = JSON.parse(
      read("scripts/js-runtimes/package.json"),
    ).optionalDependencies;
    for (const [name, version] of Object.entries(pinned)) {
      expect(version).toBe(name.startsWith("@oven/") ? BUN_VERSION : DENO_VERSION);
    }
  });
});
