/** A worker thread of the proxy: begins here, and does what the main thread asks. */
import { enableCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import type { WorkerStart } from "./message.ts";

const start = workerData as WorkerStart;
if (start.compileCache !== undefined) enableCompileCache(start.compileCache);

const port = parentPort;
if (port === null) throw new Error("a worker of the proxy is started by the proxy");

const { Serving } = await import("./serving.ts");
const serving = new Serving(start, (message) => port.postMessage(message));
// The last resort: the worker's traffic must not end with one mistake that nothing contained.
process.on("uncaughtException", (error) => serving.onFault(error));
port.on("message", (message) => serving.hear(message));
