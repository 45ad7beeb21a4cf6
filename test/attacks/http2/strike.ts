import type { Arena } from "../arena/arena.ts";
import { Attacker, type Spent } from "../wire/attacker.ts";
import { get, reset } from "../wire/frames.ts";

/** The stream of the n-th request. */
export function stream(turn: number): number {
  return 2 * turn + 1;
}

/** Floods the plain listener on one connection; what became of it. */
export async function flood(
  arena: Arena,
  spent: Spent,
  times: number,
  bytes: (turn: number) => Buffer,
): Promise<string> {
  const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent);
  await attacker.flood(times, bytes);
  await attacker.sees("closed");
  return ended(attacker);
}

/**
 * As much of it, by one that waits for each of so many answers before it goes on; then asks for
 * `/neighbour`. `served`, or what came instead.
 */
export async function floodInBursts(
  arena: Arena,
  spent: Spent,
  first: Buffer,
  { bytes, answer, last }: { bytes: (turn: number) => Buffer; answer: string; last: number },
): Promise<string> {
  const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent);
  await attacker.send(first);
  const before = attacker.count(answer);
  for (let burst = 1; burst <= BURSTS; burst++) {
    await attacker.flood(BURST, (turn) => bytes(turn));
    if (!(await attacker.sees(answer, before + burst * BURST))) break;
  }
  return neighbour(attacker, last);
}

const BURSTS = 20;
/** What may be under way at once, with room to spare. */
const BURST = 500;

/** As `flood`, by one that reads nothing until it has sent everything or was cut off. */
export async function floodUnread(
  arena: Arena,
  spent: Spent,
  times: number,
  bytes: Buffer,
): Promise<string> {
  const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent);
  attacker.socket.pause();
  await attacker.flood(times, () => bytes);
  attacker.socket.resume();
  return ended(attacker);
}

/** Sends this once, behind a preface and SETTINGS. */
export async function strike(
  arena: Arena,
  spent: Spent,
  ...parts: readonly Buffer[]
): Promise<string> {
  const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent);
  await attacker.send(...parts);
  return ended(attacker);
}

async function ended(attacker: Attacker): Promise<string> {
  const verdict = await attacker.verdict();
  await attacker.leave();
  return verdict;
}

/**
 * For what is allowed, however much of it there is: floods, then asks for `/neighbour`. `served`,
 * or what came instead.
 */
export async function floodServed(
  arena: Arena,
  spent: Spent,
  times: number,
  bytes: (turn: number) => Buffer,
  last: number,
): Promise<string> {
  const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent);
  await attacker.flood(times, bytes);
  return neighbour(attacker, last);
}

/** Asks for `/neighbour`, leaves: `served`, or what came instead. */
export async function neighbour(attacker: Attacker, last: number): Promise<string> {
  await attacker.send(get(last, "/neighbour"));
  await attacker.sees(`END ${last}`);
  const served = attacker.events.includes(`END ${last}`);
  const verdict = served ? "served" : await attacker.verdict();
  await attacker.leave();
  return verdict;
}

/** A head that is refused, twenty times, then one that is not: on the same connection. */
export async function refusedHeads(
  arena: Arena,
  spent: Spent,
  head: (stream: number) => Buffer,
): Promise<string> {
  const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent);
  for (let turn = 0; turn < HEADS; turn++) await attacker.send(head(stream(turn)));
  const last = stream(HEADS);
  await attacker.sees(/^RST_STREAM/, HEADS);
  await attacker.send(get(last, "/neighbour"));
  const served = await attacker.sees(`END ${last}`);
  const verdict = await attacker.verdict();
  const resets = attacker.events.filter((event) => event.startsWith("RST_STREAM")).length;
  await attacker.leave();
  if (resets !== HEADS) return `${resets} of ${HEADS}: ${verdict}`;
  return served ? verdict : `${verdict}, and the connection is dead`;
}

const HEADS = 20;

/** A request that is broken off at once. */
export function brokenOff(turn: number): Buffer {
  return Buffer.concat([get(stream(turn), "/hold"), reset(stream(turn))]);
}
