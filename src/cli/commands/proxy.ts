import { readFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { formatDiagnostic } from "../../base/diagnostic.ts";
import { fileFault } from "../../base/file-fault.ts";
import { readBootstrap } from "../../proxy/bootstrap.ts";
import { type ProxyOptions, type ServingProxy, startProxy } from "../../proxy/main.ts";
import { CONCURRENCY_ALLOWED, parseConcurrency } from "../concurrency.ts";

const FAILED_STATUS = 1;
const REFUSED_STATUS = 2;
const AWAKE_MS = 3_600_000;
const STDIN_NAME = "standard input";

/** Runs the data plane until it is told to end; a second signal does not wait for requests. */
export async function proxyCommand(
  { configPath, concurrency }: { readonly configPath: string; readonly concurrency: string },
  version: string,
): Promise<void> {
  const say = (line: string): void => {
    process.stderr.write(`outrigger: ${line}\n`);
  };
  const workers = parseConcurrency(concurrency);
  if (workers === undefined) {
    say(`--concurrency ${concurrency}: not ${CONCURRENCY_ALLOWED}`);
    process.exit(REFUSED_STATUS);
  }
  const fromStdin = configPath === "-";
  const text = fromStdin ? await readStdin() : readBootstrapFile(configPath, say);
  if (text === undefined) process.exit(REFUSED_STATUS);
  const { bootstrap, diagnostics } = readBootstrap(text, fromStdin ? STDIN_NAME : configPath);
  for (const diagnostic of diagnostics) say(formatDiagnostic(diagnostic));
  if (bootstrap === undefined) process.exit(REFUSED_STATUS);
  const onQuit = (): void => {
    process.kill(process.pid, "SIGTERM");
  };
  const proxy = await start({ bootstrap, version, onNotice: say, onQuit }, workers);
  // The last resort: the pod's traffic must not end with one mistake that nothing else contained.
  process.on("uncaughtException", (error) => say(`internal error: ${error.stack ?? error}`));
  // Timers keep no process alive, and before the first configuration there may be nothing else.
  setInterval(() => {}, AWAKE_MS);
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (asked) process.exit(FAILED_STATUS);
      asked = true;
      void proxy.stop().then(() => process.exit(0));
    });
  }
  // A sidecar is killed with its pod, and only a process that ends by itself writes its cache.
  flushCompileCache();
}

/** One worker is this thread itself: only several are threads of their own. */
async function start(options: ProxyOptions, workers: number): Promise<ServingProxy> {
  if (workers === 1) return startProxy(options);
  const { startWorkers } = await import("../../proxy/worker/start.ts");
  return startWorkers(options, workers);
}

function readBootstrapFile(file: string, say: (line: string) => void): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    say(`${file} ${fileFault(error)}`);
    return undefined;
  }
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
