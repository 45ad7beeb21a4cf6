import { availableParallelism } from "node:os";

/** More threads than any machine has use for. */
const WORKERS_MAX = 128;

/** What `--concurrency` allows, for messages. */
export const CONCURRENCY_ALLOWED: string = `a number of workers from 1 to ${WORKERS_MAX}, or 0`;

/** How many workers are asked for; 0 asks for one a core. Undefined for anything else. */
export function parseConcurrency(
  text: string,
  cores: number = availableParallelism(),
): number | undefined {
  const workers = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (workers === 0) return Math.min(WORKERS_MAX, cores);
  return workers <= WORKERS_MAX ? workers : undefined;
}
