import { expect, it } from "vitest";
import type { ProxyConfig } from "../model/bootstrap.ts";
import { ConfigQueue } from "./config-queue.ts";

const config = (): ProxyConfig => ({ listeners: [], routes: [], clusters: [], endpoints: [] });
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it("swaps one at a time and skips what is outdated meanwhile", async () => {
  const swapped: ProxyConfig[] = [];
  let finish = (): void => undefined;
  const queue = new ConfigQueue(
    (next) =>
      new Promise((resolve) => {
        swapped.push(next);
        finish = resolve;
      }),
    () => undefined,
  );
  const [first, second, third] = [config(), config(), config()];
  queue.put(first);
  queue.put(second);
  queue.put(third);
  expect(swapped).toEqual([first]);
  expect(queue.served).toBe(false);
  finish();
  await turn();
  expect(swapped).toHaveLength(2);
  expect(swapped[1]).toBe(third);
  expect(queue.served).toBe(true);
});

it("says why a configuration was not swapped in, and goes on", async () => {
  const notices: string[] = [];
  let broken = true;
  const queue = new ConfigQueue(
    async () => {
      if (broken) throw new Error("address in use");
    },
    (text) => notices.push(text),
  );
  queue.put(config());
  await turn();
  expect(notices).toEqual(["configuration not swapped in, the last one stays: address in use"]);
  expect(queue.served).toBe(false);
  broken = false;
  queue.put(config());
  await turn();
  expect(queue.served).toBe(true);
});
