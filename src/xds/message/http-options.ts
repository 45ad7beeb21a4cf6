import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Http1ProtocolOptions,
  Http1ProtocolOptionsSchema,
  type Http2ProtocolOptions,
  Http2ProtocolOptionsSchema,
} from "../../gen/envoy/config/core/v3/protocol_pb.js";
import {
  HTTP2_DEFAULTS,
  type Http1Options,
  type Http2Options,
} from "../../model/transport/http2.ts";
import { durationMs, toDuration } from "./scalar.ts";

/** core.v3.Http1ProtocolOptions; `accept_http_10` is the connection manager's own. */
export function decodeHttp1(message: Http1ProtocolOptions | undefined): Http1Options {
  return { enableTrailers: message?.enableTrailers ?? false };
}

export function encodeHttp1(options: Http1Options, acceptHttp10 = false): Http1ProtocolOptions {
  return create(Http1ProtocolOptionsSchema, {
    enableTrailers: options.enableTrailers,
    acceptHttp10,
  });
}

/** core.v3.Http2ProtocolOptions with Envoy's defaults. */
export function decodeHttp2(message: Http2ProtocolOptions | undefined): Http2Options {
  if (message === undefined) return HTTP2_DEFAULTS;
  const { connectionKeepalive: keepalive } = message;
  return {
    maxConcurrentStreams: message.maxConcurrentStreams ?? HTTP2_DEFAULTS.maxConcurrentStreams,
    initialStreamWindowSize:
      message.initialStreamWindowSize ?? HTTP2_DEFAULTS.initialStreamWindowSize,
    initialConnectionWindowSize:
      message.initialConnectionWindowSize ?? HTTP2_DEFAULTS.initialConnectionWindowSize,
    hpackTableSize: message.hpackTableSize ?? HTTP2_DEFAULTS.hpackTableSize,
    allowConnect: message.allowConnect,
    keepaliveIntervalMs: durationMs(keepalive?.interval),
    keepaliveTimeoutMs: durationMs(keepalive?.timeout),
  };
}

/** Only what differs from Envoy's defaults is written. */
export function encodeHttp2(options: Http2Options): Http2ProtocolOptions {
  const init: MessageInitShape<typeof Http2ProtocolOptionsSchema> = {
    allowConnect: options.allowConnect,
  };
  if (options.maxConcurrentStreams !== HTTP2_DEFAULTS.maxConcurrentStreams) {
    init.maxConcurrentStreams = options.maxConcurrentStreams;
  }
  if (options.initialStreamWindowSize !== HTTP2_DEFAULTS.initialStreamWindowSize) {
    init.initialStreamWindowSize = options.initialStreamWindowSize;
  }
  if (options.initialConnectionWindowSize !== HTTP2_DEFAULTS.initialConnectionWindowSize) {
    init.initialConnectionWindowSize = options.initialConnectionWindowSize;
  }
  if (options.hpackTableSize !== HTTP2_DEFAULTS.hpackTableSize) {
    init.hpackTableSize = options.hpackTableSize;
  }
  const { keepaliveIntervalMs, keepaliveTimeoutMs } = options;
  if (keepaliveTimeoutMs > 0) {
    init.connectionKeepalive = {
      timeout: toDuration(keepaliveTimeoutMs),
      ...(keepaliveIntervalMs > 0 ? { interval: toDuration(keepaliveIntervalMs) } : {}),
    };
  }
  return create(Http2ProtocolOptionsSchema, init);
}
