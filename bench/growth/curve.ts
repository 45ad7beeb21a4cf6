/** How cost grows with one quantity. */
import { startOrigin } from "../contender/origin.ts";
import { meshProxies } from "../contender/program.ts";
import { configText, startSidecar } from "../contender/sidecar.ts";
import type { Stage } from "../stage.ts";
import { type Driven, measured } from "../tool/driven.ts";
import { h2load } from "../tool/h2load.ts";
import { freePort } from "../tool/running.ts";
import { wrk } from "../tool/wrk.ts";

export interface Series {
  readonly name: string;
  /** CPU microseconds a request at `x`. */
  at(x: number): Promise<number>;
}

export interface Curve {
  readonly name: string;
  readonly title: string;
  readonly xTitle: string;
  readonly xs: readonly number[];
  readonly yTitle: string;
  series(stage: Stage): Promise<readonly Series[]>;
}

/** How many workers a process has, and which load it is given. */
interface Point {
  readonly workers: number;
  readonly drive: (port: number) => Promise<Driven>;
}

interface Ports {
  readonly port: number;
  readonly http2Port: number;
}

/** @throws Error where more than one in a hundred failed: that would be another cost. */
async function successful(drive: Point["drive"], port: number): Promise<Driven> {
  const driven = await drive(port);
  const { failures, requests } = driven;
  if (failures > requests / 100) throw new Error(`${failures} of ${requests} requests failed`);
  return driven;
}

/** Ten thousand requests may wait; they share fewer connections, since files are scarce. */
function patient(yaml: string): string {
  return yaml
    .replace("max_connections: 4096", "max_connections: 1024")
    .replace("max_pending_requests: 4096", "max_pending_requests: 20000")
    .replace("max_requests: 4096", "max_requests: 20000");
}

/** Both proxies on one file of `config/`; a process for each number of workers. */
function bothProxies(
  file: string,
  originPort: keyof Ports,
  pointAt: (x: number, stage: Stage) => Point,
  sizes: readonly number[] = [],
): Curve["series"] {
  return async (stage) => {
    const origin = await startOrigin(stage, sizes);
    return meshProxies().map((program) => {
      const running = new Map<number, ReturnType<typeof startSidecar>>();
      const withWorkers = async (workers: number): ReturnType<typeof startSidecar> => {
        const listen = await freePort();
        const yaml = patient(configText(file, { 10000: listen, 10001: origin[originPort] }));
        const name = `${program.name}-${workers}`;
        return startSidecar(stage, program, name, listen, yaml, { workers });
      };
      const at = async (x: number): Promise<number> => {
        const { workers, drive } = pointAt(x, stage);
        const process = running.get(workers) ?? withWorkers(workers);
        running.set(workers, process);
        const { port, pid } = await process;
        const { cpuMicros = Number.NaN } = await measured([pid], () => successful(drive, port))();
        return cpuMicros;
      };
      return { name: program.name, at };
    });
  };
}

const BODY_BYTES = [100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];

export const CURVES: readonly Curve[] = [
  {
    name: "connections",
    title: "One plain HTTP/1.1 hop by connections",
    xTitle: "connections, each with a request in flight",
    xs: [1, 4, 16, 64, 256, 1000, 4000, 10_000],
    yTitle: "CPU us a request",
    series: bothProxies("one-hop.yaml", "port", (connections, { pace: { seconds } }) => ({
      workers: 1,
      drive: (port) => wrk(port, { connections, seconds }),
    })),
  },
  {
    name: "streams",
    title: "One HTTP/2 hop by streams",
    xTitle: "streams at once on one connection",
    xs: [1, 4, 16, 64, 256, 1000],
    yTitle: "CPU us a request",
    series: bothProxies("http2.yaml", "http2Port", (streams, { pace: { seconds } }) => ({
      workers: 1,
      drive: (port) => h2load(port, { connections: 1, streams, seconds }),
    })),
  },
  {
    name: "workers",
    title: "One plain HTTP/1.1 hop by workers, 64 connections",
    xTitle: "workers",
    xs: [1, 2, 4, 8],
    yTitle: "CPU us a request",
    series: bothProxies("one-hop.yaml", "port", (workers, { pace: { seconds } }) => ({
      workers,
      drive: (port) => wrk(port, { connections: 64, seconds }),
    })),
  },
  {
    name: "body-size",
    title: "One plain HTTP/1.1 hop by body size, 16 connections",
    xTitle: "bytes of a response",
    xs: BODY_BYTES,
    yTitle: "CPU us a request",
    series: bothProxies(
      "one-hop.yaml",
      "port",
      (bytes, { pace: { seconds } }) => ({
        workers: 1,
        drive: (port) => wrk(port, { connections: 16, seconds, path: `/bytes/${bytes}` }),
      }),
      BODY_BYTES,
    ),
  },
];
