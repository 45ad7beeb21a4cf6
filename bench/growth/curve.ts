/** How the cost of a request grows with one quantity. */
import { type Origin, startOrigin } from "../contender/origin.ts";
import { meshProxies } from "../contender/program.ts";
import type { Sample } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { h2load } from "../tool/h2load.ts";
import { wrk } from "../tool/wrk.ts";
import { type Configured, ConfiguredSeries } from "./configured-series.ts";
import {
  domainOf,
  endpointsConfig,
  routesConfig,
  VERSION_HEADER,
  virtualHostsConfig,
} from "./large-config.ts";
import { type Point, ProxySeries, type Series } from "./proxy-series.ts";

/** A chart of a curve. */
export interface CurveMetric {
  /** Of the file, after the curve's name. */
  readonly suffix: string;
  readonly yTitle: string;
  of(sample: Sample): number;
}

const CPU: CurveMetric = {
  suffix: "",
  yTitle: "CPU us a request",
  of: ({ cpuMicros = Number.NaN }) => cpuMicros,
};
const LATENCY: CurveMetric = {
  suffix: "-latency",
  yTitle: "p50 us",
  of: ({ p50Ms = Number.NaN }) => p50Ms * 1000,
};
const MEMORY: CurveMetric = {
  suffix: "-memory",
  yTitle: "resident MB",
  of: ({ residentMegabytes = Number.NaN }) => residentMegabytes,
};

export interface Curve {
  readonly name: string;
  readonly title: string;
  readonly xTitle: string;
  readonly xs: readonly number[];
  readonly metrics: readonly CurveMetric[];
  /** Starts the origin; the proxies start when they are first asked. */
  series(stage: Stage): Promise<readonly Series[]>;
}

type About = Omit<Curve, "series" | "metrics">;
type Load = (x: number, seconds: number) => Point;

function http1Curve(about: About, sizes: readonly number[], load: Load): Curve {
  const series = async (stage: Stage): Promise<ProxySeries[]> => {
    const { port: origin } = await startOrigin(stage, sizes);
    const pointAt = (x: number): Point => load(x, stage.pace.seconds);
    const hop = { file: "one-hop.yaml", origin, pointAt };
    return meshProxies().map((program) => new ProxySeries(stage, program, hop));
  };
  return { ...about, metrics: [CPU], series };
}

function http2Curve(about: About, load: Load): Curve {
  const series = async (stage: Stage): Promise<ProxySeries[]> => {
    const { http2Port: origin } = await startOrigin(stage);
    const pointAt = (x: number): Point => load(x, stage.pace.seconds);
    const hop = { file: "http2.yaml", origin, pointAt };
    return meshProxies().map((program) => new ProxySeries(stage, program, hop));
  };
  return { ...about, metrics: [CPU], series };
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

function configuredCurve(about: About, configured: (origin: Origin) => Configured): Curve {
  const series = async (stage: Stage): Promise<Series[]> => {
    const grown = configured(await startOrigin(stage));
    return meshProxies().map((program) => new ConfiguredSeries(stage, program, grown));
  };
  return { ...about, metrics: [CPU, LATENCY, MEMORY], series };
}

const routes: Curve = configuredCurve(
  {
    name: "routes",
    title: "One plain HTTP/1.1 hop by routes, the last of which matches",
    xTitle: "routes by prefix, exact path, header and regular expression in turn",
    xs: [1, 10, 100, 1000],
  },
  ({ port: origin }) => ({
    config: (count, listen) => routesConfig(count, listen, origin),
    drive: (_, port, seconds) =>
      wrk(port, { connections: 16, seconds, path: "/items/42?all=1", headers: [VERSION_HEADER] }),
  }),
);

const virtualHosts: Curve = configuredCurve(
  {
    name: "virtual-hosts",
    title: "One plain HTTP/1.1 hop by virtual hosts, the last of which is asked",
    xTitle: "virtual hosts",
    xs: [1, 10, 100, 1000],
  },
  ({ port: origin }) => ({
    config: (count, listen) => virtualHostsConfig(count, listen, origin),
    drive: (count, port, seconds) =>
      wrk(port, { connections: 16, seconds, headers: [`Host: ${domainOf(count - 1)}`] }),
  }),
);

/** Each endpoint gets its connection before anything is measured. */
const ENDPOINTS_WARMED_A_SECOND = 2500;

const endpoints: Curve = configuredCurve(
  {
    name: "endpoints",
    title: "One plain HTTP/1.1 hop by endpoints, in turn",
    xTitle: "endpoints, each with a connection of its own",
    xs: [10, 100, 1000, 10_000],
  },
  ({ anywherePort }) => ({
    config: (count, listen) => endpointsConfig(count, listen, anywherePort),
    drive: (_, port, seconds) => wrk(port, { connections: 16, seconds }),
    warmUpSeconds: (count) => Math.ceil(count / ENDPOINTS_WARMED_A_SECOND),
  }),
);

export const CURVES: readonly Curve[] = [
  ...[connections, streams, workers, bodySize],
  ...[routes, virtualHosts, endpoints],
];
