/** HTTP/2 through one hop: plain requests, and unary calls of gRPC. */
import { GRPC_MESSAGE, startOrigin } from "../contender/origin.ts";
import { meshProxies } from "../contender/program.ts";
import { fileOf, hop } from "../contender/sidecar.ts";
import type { Scenario } from "../scenario.ts";
import { DRIVEN_METRICS, measured } from "../tool/driven.ts";
import { expectGrpcStatus } from "../tool/grpc-call.ts";
import { h2load } from "../tool/h2load.ts";

const CONNECTIONS = 8;
const STREAMS = 8;

const LOAD = `h2load, ${CONNECTIONS} connections of ${STREAMS} streams, HTTP/2 on both sides`;

export const http2: Scenario = {
  name: "http2",
  title: "One HTTP/2 hop",
  load: LOAD,
  metrics: DRIVEN_METRICS,
  ratios: ["cpuMicros"],
  budgets: [{ metric: "cpuMicros", max: 0.5, of: "ratio" }],
  contenders: async (stage) => {
    const { http2Port } = await startOrigin(stage);
    const load = { connections: CONNECTIONS, streams: STREAMS, seconds: stage.pace.seconds };
    return meshProxies().map((program) =>
      hop(stage, program, fileOf("http2.yaml"), http2Port, ({ port, pid }) =>
        measured([pid], () => h2load(port, load)),
      ),
    );
  },
};

export const grpc: Scenario = {
  name: "grpc",
  title: "gRPC, unary calls through one hop",
  load: `${LOAD}; ${GRPC_MESSAGE.length} bytes each way, status in trailers`,
  metrics: DRIVEN_METRICS,
  ratios: ["cpuMicros"],
  budgets: [{ metric: "cpuMicros", max: 0.6, of: "ratio" }],
  contenders: async (stage) => {
    const { http2Port } = await startOrigin(stage);
    const load = {
      connections: CONNECTIONS,
      streams: STREAMS,
      seconds: stage.pace.seconds,
      path: "/grpc",
      headers: ["content-type: application/grpc", "te: trailers"],
      bodyFile: stage.write("request.grpc", GRPC_MESSAGE),
    };
    return meshProxies().map((program) =>
      hop(stage, program, fileOf("http2.yaml"), http2Port, ({ port, pid }) =>
        measured([pid], async () => {
          await expectGrpcStatus(port, load.path, GRPC_MESSAGE);
          return h2load(port, load);
        }),
      ),
    );
  },
};
