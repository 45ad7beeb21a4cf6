import { readFileSync } from "node:fs";
import { constrainedMemory, memoryUsage } from "node:process";
import { getHeapStatistics } from "node:v8";
import type { ResourceMonitor } from "../../model/overload/overload.ts";

/** How much of a resource is used, 0 to 1 and beyond. Throws where that cannot be told. */
export type ReadPressure = (monitor: ResourceMonitor) => number;

/** As this process and this thread are now. */
export const readPressure: ReadPressure = (monitor) => {
  switch (monitor.kind) {
    case "fixedHeap":
      return memoryUsage.rss() / monitor.maxBytes;
    case "injected":
      return injectedPressure(monitor.path);
    case "memory":
      return Math.max(heapPressure(), residentPressure());
  }
};

/** Envoy: InjectedResourceMonitor, a float from 0 to 1 in a file. */
function injectedPressure(path: string): number {
  const text = readFileSync(path, "utf8").trim();
  const pressure = Number(text);
  if (text === "" || !(pressure >= 0 && pressure <= 1)) {
    throw new RangeError(`${path} holds no number from 0 to 1`);
  }
  return pressure;
}

/** Of what V8 gives this thread, beyond which it ends the thread. */
function heapPressure(): number {
  const { used_heap_size, heap_size_limit } = getHeapStatistics();
  return used_heap_size / heap_size_limit;
}

/** Of what the container gives the process, beyond which the kernel ends it. */
function residentPressure(): number {
  const limit = constrainedMemory();
  return limit === undefined || limit === 0 ? 0 : memoryUsage.rss() / limit;
}
