import { type CheckFlags, check } from "../check/check.ts";

/** `outrigger check`: all that is wrong or not meant. Resolves with the exit status. */
export async function checkCommand(paths: readonly string[], flags: CheckFlags): Promise<number> {
  const { problem, status, text } = await check(paths, flags);
  if (problem !== undefined) process.stderr.write(`outrigger check: ${problem}\n`);
  process.stdout.write(text);
  return status;
}
