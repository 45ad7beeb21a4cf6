/** Envoy: config.core.v3.Http2ProtocolOptions. Sizes in bytes. */
export interface Http2Options {
  /** Streams that the peer may have open at once; Envoy's default 1024. */
  readonly maxConcurrentStreams: number;
  /** Window of a stream; Envoy's default 16 MiB. */
  readonly initialStreamWindowSize: number;
  /** Window of the connection; Envoy's default 24 MiB. */
  readonly initialConnectionWindowSize: number;
  /** Size of the HPACK decoder's table; default 4096. */
  readonly hpackTableSize: number;
  /** Extended CONNECT (RFC 8441). */
  readonly allowConnect: boolean;
  /** PING when a connection has been idle for so long; 0: never. */
  readonly keepaliveIntervalMs: number;
  /** No answer to a PING for so long closes the connection. */
  readonly keepaliveTimeoutMs: number;
}

export const HTTP2_DEFAULTS: Http2Options = {
  maxConcurrentStreams: 1024,
  initialStreamWindowSize: 16 * 1024 * 1024,
  initialConnectionWindowSize: 24 * 1024 * 1024,
  hpackTableSize: 4096,
  allowConnect: false,
  keepaliveIntervalMs: 0,
  keepaliveTimeoutMs: 0,
};

/** Envoy: config.core.v3.Http1ProtocolOptions, as far as it is executed. */
export interface Http1Options {
  /** Trailers are passed on; by default they are dropped. */
  readonly enableTrailers: boolean;
}

export const HTTP1_DEFAULTS: Http1Options = { enableTrailers: false };
