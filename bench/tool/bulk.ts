/** One client of long bodies, beside what is measured. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const CLIENT = path.join(path.dirname(fileURLToPath(import.meta.url)), "../child/bulk-client.ts");
const OPEN_MS_MAX = 10_000;

/** Calls `beside` while a client reads one body of `target` after the other, or stalls in one. */
export async function withBulk<T>(
  port: number,
  target: string,
  manner: "reads" | "stalls",
  beside: () => Promise<T>,
): Promise<T> {
  const args = [CLIENT, `${port}`, target, manner];
  const client = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(client, "exit");
  const lines = createInterface(client.stdout);
  try {
    const opened = once(lines, "line", { signal: AbortSignal.timeout(OPEN_MS_MAX) });
    const died = gone.then(() => Promise.reject(new Error("the client of long bodies ended")));
    await Promise.race([opened, died]);
    return await Promise.race([beside(), died]);
  } finally {
    lines.close();
    client.kill("SIGKILL");
    await gone;
  }
}
