/** Envoy: config.core.v3.ProxyProtocolConfig.Version: a line of text, or binary. */
export type ProxyProtocolVersion = "v1" | "v2";
