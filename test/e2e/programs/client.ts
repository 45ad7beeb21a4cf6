/**
 * Runs programs as they are, all at once, and prints how each ended: standard input is a JSON
 * object of command lines for `sh` by their names, standard output one of results.
 */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

export interface ProgramResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(command: string): Promise<ProgramResult> {
  const child = spawn("timeout", ["30", "sh", "-c", command], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ]);
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}

if (import.meta.main) {
  const commands = JSON.parse(await text(process.stdin)) as Readonly<Record<string, string>>;
  const entries = Object.entries(commands).map(
    async ([name, command]) => [name, await run(command)] as const,
  );
  process.stdout.write(JSON.stringify(Object.fromEntries(await Promise.all(entries))));
}
