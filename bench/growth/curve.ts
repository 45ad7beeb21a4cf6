/** How the cost of a request grows with one quantity. */
import { startOrigin } from "../contender/origin.ts";
import { meshProxies } from "../contender/program.ts";
import type { Stage } from "../stage.ts";
import { h2load } from "../tool/h2load.ts";
import { wrk } from "../tool/wrk.ts";
import { type Point, ProxySeries } from "./proxy-series.ts";

export interface Curve {
  readonly name: string;
  readonly title: string;
  readonly xTitle: string;
  readonly xs: readonly number[];
  /** Starts the origin; the proxies start when they are first asked. */
  series(stage: Stage): Promise<readonly ProxySeries[]>;
}

type Load = (x: number, seconds: number) => Point;

function http1Curve(about: Omit<Curve, "series">, sizes: readonly number[], load: Load): Curve {
  const series = async (stage: Stage): Promise<ProxySeries[]> => {
    const { port: origin } = await startOrigin(stage, sizes);
    const pointAt = (x: number): Point => load(x, stage.pace.seconds);
    const hop = { file: "one-hop.yaml", origin, pointAt };
    return meshProxies().map((program) => new ProxySeries(stage, program, hop));
  };
  return { ...about, series };
}

function http2Curve(about: Omit<Curve, "series">, load: Load): Curve {
  const series = async (stage: Stage): Promise<ProxySeries[]> => {
    const { http2Port: origin } = await startOrigin(stage);
    const pointAt = (x: number): Point => load(x, stage.pace.seconds);
    const hop = { file: "http2.yaml", origin, pointAt };
    return meshProxies().map((program) => new ProxySeries(stage, program, hop));
  };
  return { ...about, series };
}

const BODY_BYTES = [100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];

const connections: Curve = http1Curve(
  {
    name: "connections",
    title: "One plain HTTP/1.1 hop by connections",
    xTitle: "connections, each with a request in flight",
    xs: [1, 4, 16, 64, 256, 1000, 4000, 10_000],
  },
  [],
  (count, seconds) => ({
    workers: 1,
    drive: (port) => wrk(port, { connections: count, seconds }),
  }),
);

const streams: Curve = http2Curve(
  {
    name: "streams",
    title: "One HTTP/2 hop by streams",
    xTitle: "streams at once on one connection",
    xs: [1, 4, 16, 64, 256, 1000],
  },
  (count, seconds) => ({
    workers: 1,
    drive: (port) => h2load(port, { connections: 1, streams: count, seconds }),
  }),
);

const workers: Curve = http1Curve(
  {
    name: "workers",
    title: "One plain HTTP/1.1 hop by workers, 64 connections",
    xTitle: "workers",
    xs: [1, 2, 4, 8],
  },
  [],
  (count, seconds) => ({
    workers: count,
    drive: (port) => wrk(port, { connections: 64, seconds }),
  }),
);

const bodySize: Curve = http1Curve(
  {
    name: "body-size",
    title: "One plain HTTP/1.1 hop by body size, 16 connections",
    xTitle: "bytes of a response",
    xs: BODY_BYTES,
  },
  BODY_BYTES,
  (bytes, seconds) => ({
    workers: 1,
    drive: (port) => wrk(port, { connections: 16, seconds, path: `/bytes/${bytes}` }),
  }),
);

export const CURVES: readonly Curve[] = [connections, streams, workers, bodySize];
