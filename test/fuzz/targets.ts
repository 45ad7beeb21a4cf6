import { chunkedBody } from "./target/chunked-body.ts";
import { h1Request } from "./target/h1-request.ts";
import { h1Response } from "./target/h1-response.ts";
import { h2Downgrade } from "./target/h2-downgrade.ts";
import { h2Client, h2Server } from "./target/h2-frames.ts";
import { hpack } from "./target/hpack.ts";
import type { FuzzTarget } from "./target/target.ts";

export const TARGETS: readonly FuzzTarget[] = [
  h1Request,
  h1Response,
  chunkedBody,
  h2Server,
  h2Client,
  h2Downgrade,
  hpack,
];
