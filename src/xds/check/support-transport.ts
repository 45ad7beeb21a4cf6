import { executed, harmless, only, refused, type SupportTable } from "./support.ts";

const PROVIDER = refused("certificates come from files, or stand in place");
const FLOODS = refused("the data plane has its own bounds against floods of frames");

/** TLS contexts, and the settings of HTTP/2 that both sides share. */
export const TRANSPORT_SUPPORT: SupportTable = {
  "envoy.config.core.v3.TransportSocket": executed("name typed_config"),
  "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer": {},
  "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport":
    executed("config transport_socket"),
  "envoy.config.core.v3.ProxyProtocolConfig": {
    ...executed("version"),
    pass_through_tlvs: refused("what a header adds to its addresses (TLVs) is left"),
  },
  "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext": {
    ...executed("common_tls_context require_client_certificate"),
    ...executed("disable_stateless_session_resumption"),
    // Sessions live in tickets alone; no server keeps any.
    ...harmless("disable_stateful_session_resumption"),
    session_ticket_keys: refused("tickets are sealed with keys of the process"),
    session_ticket_keys_sds_secret_config: refused("tickets are sealed with keys of the process"),
    session_timeout: refused("tickets live as long as the library says"),
    ocsp_staple_policy: only("LENIENT_STAPLING"),
    full_scan_certs_on_sni_mismatch: only(false),
    require_sni: only(false),
  },
  "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext": {
    ...executed("common_tls_context sni max_session_keys"),
    allow_renegotiation: only(false),
    enforce_rsa_key_usage: only(false),
  },
  "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext": {
    ...executed("tls_params tls_certificates validation_context alpn_protocols"),
    ...executed("tls_certificate_sds_secret_configs validation_context_sds_secret_config"),
    ...executed("combined_validation_context"),
    tls_certificate_provider_instance: PROVIDER,
    tls_certificate_certificate_provider: PROVIDER,
    tls_certificate_certificate_provider_instance: PROVIDER,
    validation_context_certificate_provider: PROVIDER,
    validation_context_certificate_provider_instance: PROVIDER,
    key_log: refused("session keys are written nowhere"),
  },
  "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext":
    {
      ...executed("default_validation_context validation_context_sds_secret_config"),
      validation_context_certificate_provider: PROVIDER,
      validation_context_certificate_provider_instance: PROVIDER,
    },
  "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig": executed("name sds_config"),
  "envoy.extensions.transport_sockets.tls.v3.Secret": {
    ...executed("name tls_certificate validation_context"),
    session_ticket_keys: refused("tickets are sealed with keys of the process"),
    generic_secret: refused("no extension that is executed asks for one"),
  },
  "envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig": executed("trust_domains"),
  "envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig.TrustDomain":
    executed("name trust_bundle"),
  "envoy.extensions.transport_sockets.tls.v3.TlsParameters": {
    ...executed("cipher_suites ecdh_curves"),
    tls_minimum_protocol_version: only("TLS_AUTO", "TLSv1_2", "TLSv1_3"),
    tls_maximum_protocol_version: only("TLS_AUTO", "TLSv1_2", "TLSv1_3"),
    signature_algorithms: refused("the library chooses among its own"),
  },
  "envoy.extensions.transport_sockets.tls.v3.TlsCertificate": {
    ...executed("certificate_chain private_key"),
    pkcs12: refused("write certificate and key as PEM"),
    password: refused("keys are read as they are; encrypted ones are not"),
    ocsp_staple: refused("OCSP responses are not stapled"),
    watched_directory: refused("the files themselves are watched"),
  },
  "envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext": {
    ...executed("trusted_ca crl match_typed_subject_alt_names match_subject_alt_names"),
    ...executed("verify_certificate_hash verify_certificate_spki trust_chain_verification"),
    ...executed("custom_validator_config"),
    allow_expired_certificate: only(false),
    only_verify_leaf_cert_crl: only(false),
    require_signed_certificate_timestamp: only(false),
    system_root_certs: refused("name the bundle in trusted_ca"),
    watched_directory: refused("the files themselves are watched"),
    max_verify_depth: refused("chains have the library's bound"),
  },
  "envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher": executed("san_type matcher"),
  "envoy.config.core.v3.Http2ProtocolOptions": {
    ...executed("hpack_table_size max_concurrent_streams initial_stream_window_size"),
    ...executed("initial_connection_window_size allow_connect connection_keepalive"),
    // A malformed message resets its own stream here; which library parses is nobody's business.
    ...harmless("stream_error_on_invalid_http_messaging"),
    ...harmless("override_stream_error_on_invalid_http_message use_oghttp2_codec"),
    allow_metadata: only(false),
    max_outbound_frames: FLOODS,
    max_outbound_control_frames: FLOODS,
    max_consecutive_inbound_frames_with_empty_payload: FLOODS,
    max_inbound_priority_frames_per_stream: FLOODS,
    max_inbound_window_update_frames_per_data_frame_sent: FLOODS,
    custom_settings_parameters: refused("the settings are those that this message names"),
  },
  "envoy.config.core.v3.KeepaliveSettings": {
    ...executed("interval timeout"),
    // PINGs are spread by when their connections were made.
    ...harmless("interval_jitter"),
  },
};
