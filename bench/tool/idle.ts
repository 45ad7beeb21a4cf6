/** Many connections that do nothing. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const CLIENT = path.join(path.dirname(fileURLToPath(import.meta.url)), "../child/idle-client.ts");
const OPEN_MS_MAX = 120_000;

/**
 * Opens connections to `port`, calls `whileOpen` when each has been answered once, and ends them.
 *
 * @param folder Of the certificates, for mTLS.
 */
export async function withIdle<T>(
  port: number,
  count: number,
  folder: string | undefined,
  whileOpen: () => Promise<T>,
): Promise<T> {
  const args = [CLIENT, `${port}`, `${count}`, ...(folder === undefined ? [] : [folder])];
  const client = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(client, "exit");
  const lines = createInterface(client.stdout);
  try {
    const signal = AbortSignal.timeout(OPEN_MS_MAX);
    const opened = once(lines, "line", { signal });
    const died = gone.then(() => Promise.reject(new Error("the idle connections were ended")));
    await Promise.race([opened, died]);
    return await Promise.race([whileOpen(), died]);
  } finally {
    lines.close();
    client.kill("SIGKILL");
    await gone;
  }
}
