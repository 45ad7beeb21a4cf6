import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Reaper } from "../../src/up/fabric/reaper.ts";

/** The program, as it runs in the repository. */
export const ENTRY: string = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** By the value of this, a run is told from others. */
const MARK = "OUTRIGGER_TEST_MARK";

/** How a run of `outrigger` ended. `status` is 128+n where signal n ended it. */
export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One `outrigger` process, with a temporary folder and a mark in its environment of its own. */
export class Outrigger {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  readonly temporary: string = mkdtempSync(join(tmpdir(), "outrigger-test-"));
  readonly #reaper = new Reaper(this.temporary, MARK);
  readonly #environment: NodeJS.ProcessEnv = {
    ...this.#reaper.marked(process.env),
    TMPDIR: this.temporary,
  };
  #stdout = "";
  #stderr = "";
  #watchers: (() => void)[] = [];

  /** `prefix`: a program and its arguments that run the rest of the line. */
  constructor(args: readonly string[], input = "", prefix: readonly string[] = []) {
    const [program = "", ...rest] = [...prefix, process.execPath, ENTRY, ...args];
    this.child = spawn(program, rest, { env: this.#environment });
    this.child.stdin?.on("error", () => {});
    this.child.stdin?.end(input);
    this.#collect();
    this.ended = new Promise((resolve) => {
      this.child.once("close", (status, signal) => {
        resolve({ status, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves when what was printed holds; fails with all that was printed when it ends before. */
  until(holds: (run: Outrigger) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (holds(this)) resolve();
      };
      this.#watchers.push(look);
      void this.ended.then(({ stdout, stderr }) => reject(new Error(`ended:\n${stdout}${stderr}`)));
      look();
    });
  }

  /** Pids, not counting the dead that nobody has waited for, that carry this run's mark. */
  processes(): number[] {
    const mark = this.#environment[MARK] ?? "";
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => readOrEmpty(`/proc/${pid}/environ`).includes(mark));
  }

  /** What a run may not leave behind: processes and files. Waits a moment for the kernel. */
  async leftovers(): Promise<{ processes: number[]; files: string[] }> {
    for (let turn = 0; turn < 100; turn++) {
      if (this.processes().length === 0 && readdirSync(this.temporary).length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const files = readdirSync(this.temporary);
    return { processes: this.processes(), files };
  }

  /** For `afterEach`: nothing of this run survives the test, however it went. */
  clean(): void {
    this.child.kill("SIGKILL");
    void this.#reaper.close();
    rmSync(this.temporary, { recursive: true, force: true });
  }

  #collect(): void {
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      for (const look of this.#watchers) look();
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      for (const look of this.#watchers) look();
    });
  }
}

/** Runs `outrigger` to its end. */
export async function outrigger(args: readonly string[], input = ""): Promise<Outcome> {
  const run = new Outrigger(args, input);
  try {
    return await run.ended;
  } finally {
    run.clean();
  }
}

/** Writes files into a new folder and returns its path. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-mesh-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** A Service and a Deployment a version, one port, such as Istio's bookinfo writes them. */
export function serviceYaml(name: string, versions: readonly string[], replicas = 1): string {
  const service = `apiVersion: v1
kind: Service
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  selector: {app: ${name}}
  ports: [{name: http, port: 9080}]
`;
  const deployments = versions.map(
    (version) => `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}-${version}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}, version: ${version}}}
  template:
    metadata: {labels: {app: ${name}, version: ${version}}}
    spec:
      containers:
        - {name: ${name}, image: "example/${name}:${version}", ports: [{containerPort: 9080}]}
`,
  );
  return service + deployments.join("");
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
